/*
 * When a task has its turns: arithmetic only, on a clock that never jumps and that goes on while
 * the host is suspended (schedule.h). What the wall clock does means nothing here.
 *
 * With a jitter each turn comes by chance earlier than the interval says, by up to so many percent
 * of it, and never later. So tasks that began together drift apart, and do not fall into step with
 * anything else that happens at an interval.
 */
#ifndef BELFRY_WATCHD_TURNS_H
#define BELFRY_WATCHD_TURNS_H

#include <stdbool.h>
#include <stdint.h>

struct turns {
  int64_t interval_ms, jitter_percent;
  int64_t due_ms; /* when the next one is */
};

/* The turn that was due is taken at `now_ms`; sets when the next one is. Takes: `chance`, any
 * number. Returns: whether others were left out because it came so late. */
bool turns_take(struct turns *turns, int64_t now_ms, uint32_t chance);

/* Nobody could take a turn until `now_ms`. One that is over due is put within the next `spread_ms`,
 * or a whole interval if that is shorter. Returns: whether it was. */
bool turns_resume(struct turns *turns, int64_t now_ms, int64_t spread_ms, uint32_t chance);

#endif
