/*
 * One watched service: probes it at its interval or when asked to, repeats what failed before it
 * counts, judges, and tells the history.
 */
#ifndef BELFRY_WATCHD_WATCHED_H
#define BELFRY_WATCHD_WATCHED_H

#include "base/clock.h"
#include "watchd/probe.h"
#include "watchd/schedule.h"
#include "watchd/service_tell.h"

#include <stdbool.h>
#include <stdint.h>

#define WATCHED_NAME_BYTES 65

/* What is watched, and how. */
struct watched_options {
  struct probe_target
      target; /* its texts are borrowed from where the options are from, copied by watched_new() */
  int64_t interval_ms;
  int64_t jitter_percent; /* of it */
  int64_t retries;        /* how often a bad result is asked for again before it counts */
  int64_t retry_delay_ms; /* between two of these */
  double degraded_ms;     /* slower answers make it degraded; 0: none do */
};

struct watched;

typedef void (*watched_fn)(void *arg, struct watched *watched);

/* What all services share; borrowed, outlives them. */
struct watched_parts {
  struct schedule *schedule;
  const struct clock *clock;
  struct probe_tools tools;
  struct service_teller *teller;
  watched_fn on_checked; /* after each check, however it ended; must not free it */
  void *arg;
};

struct watched {
  char name[WATCHED_NAME_BYTES];
  struct watched_options options;
  struct conf_service *service; /* owned: of the target, as is */
  char *socket;
  const struct watched_parts *parts;
  struct service_state state;
  char message[SERVICE_MESSAGE_BYTES]; /* of the last check, for a person */
  struct schedule_task task;
  struct ev_timer again; /* until the next attempt */
  struct probe *probe;   /* the attempt that runs; NULL: none */
  bool paused;
  bool checking;          /* a check has begun and not ended */
  int64_t attempts;       /* of this check */
  int64_t check_begun_ms; /* of schedule_now_ms: the check that runs, or the last one */
  int64_t attempt_begun_ms;
  int64_t checked_begun_ms; /* when the last check that has ended had begun; 0: none has */
  int64_t checked_took_ms;
};

/* Returns: owned, free with watched_free(); NULL out of memory. */
struct watched *watched_new(const struct watched_parts *parts,
                            const struct watched_options *options);
void watched_free(struct watched *watched);

/* Whether it asks the same in the same way, so that it may go on undisturbed. */
bool watched_same(const struct watched *a, const struct watched *b);

/* Checks it after `first_ms` and from then on at its interval. */
void watched_start(struct watched *watched, int64_t first_ms);

/* Does not check it any more, and ends the check that runs without a result. Takes: `why` for a
 * person. */
void watched_pause(struct watched *watched, const char *why);

/* Checks it again, now and at its interval. What it was before the pause means nothing; until the
 * first check has ended it is still called paused. */
void watched_resume(struct watched *watched);

/* Begins a check now, unless one is running or it is paused. */
void watched_check(struct watched *watched);

#endif
