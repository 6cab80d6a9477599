/*
 * When things happen in belfry-watchd: tasks at an interval, on the monotonic clock, and the
 * knowledge whether the daemon itself was held up (stopped, suspended, starved) in the meantime,
 * because then nothing that timed out says anything about what is watched.
 */
#ifndef BELFRY_WATCHD_SCHEDULE_H
#define BELFRY_WATCHD_SCHEDULE_H

#include "base/error.h"
#include "watchd/turns.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct schedule;

typedef void (*schedule_fn)(void *arg);

/* Takes: `loop` borrowed. Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with schedule_free(). */
int schedule_new(struct ev_loop *loop, struct schedule **out) BELFRY_MUST_CHECK;
void schedule_free(struct schedule *schedule);

/* Milliseconds of the clock that goes on while the host is suspended (CLOCK_BOOTTIME). */
int64_t schedule_now_ms(void);

/* Whether the daemon was held up for more than SCHEDULE_STALL_MS since `since_ms` (of
 * schedule_now_ms). */
bool schedule_stalled_since(struct schedule *schedule, int64_t since_ms);

/* How often it was held up, and how many turns of tasks came late or were left out because of
 * that. */
int64_t schedule_late_count(const struct schedule *schedule);

#define SCHEDULE_STALL_MS   2000

#define SCHEDULE_TURNS_KEPT 1024

/* By how much the last SCHEDULE_TURNS_KEPT turns began later than they were due, in milliseconds:
 * of 99 in 100 of them no more than that. Returns: 0 before the first turn. */
int64_t schedule_lateness_ms(const struct schedule *schedule);

/* A turn of a task at an interval. Embedded in its owner, and zeroed before its init. */
struct schedule_task {
  struct ev_timer timer;
  struct schedule *schedule; /* borrowed */
  schedule_fn on_turn;
  void *arg;
  struct turns turns;                 /* interval 0: it does not run */
  struct schedule_task *next, **back; /* among those that run */
};

void schedule_task_init(struct schedule_task *task, struct schedule *schedule, schedule_fn on_turn,
                        void *arg);

/* The first turn comes after `first_ms`, the others at multiples of `interval_ms` after it. Turns
 * that were missed are left out, not made up for. After a time in which the daemon was held up, or
 * the host suspended, those that are over due are spread over a while. */
void schedule_task_start(struct schedule_task *task, int64_t first_ms, int64_t interval_ms);

/* With `jitter_percent` of the interval by which a turn may come earlier, by chance. */
void schedule_task_start_jittered(struct schedule_task *task, int64_t first_ms, int64_t interval_ms,
                                  int64_t jitter_percent);
void schedule_task_stop(struct schedule_task *task);

static inline bool schedule_task_runs(const struct schedule_task *task) {
  return task->turns.interval_ms > 0;
}

/*
 * When the task number `index` of `count` with this interval should have its first turn: soon, but
 * about ten in a second at most where the interval leaves room for that, with some chance in it so
 * that several daemons do not fall into step.
 */
int64_t schedule_first_ms(size_t index, size_t count, int64_t interval_ms);

#endif
