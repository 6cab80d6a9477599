/*
 * Tells once a second how belfry-watchd itself is doing (its `daemon` row).
 */
#ifndef BELFRY_WATCHD_REPORT_H
#define BELFRY_WATCHD_REPORT_H

#include "base/clock.h"
#include "base/error.h"
#include "watchd/outbox.h"
#include "watchd/schedule.h"

#include <stdbool.h>
#include <stdint.h>

/* What the parts of the daemon count. */
struct report_figures {
  int64_t services;         /* that are watched */
  int64_t checks;           /* of them, finished */
  int64_t checking;         /* of them, running */
  int64_t last_run_ms;      /* when the last one was begun; 0: none yet */
  int64_t next_run_ms;      /* when the next one is due; 0: none */
  int64_t last_duration_ms; /* how long the last one took */
  int64_t lines;            /* of log files, stored */
  int64_t masked;           /* secrets in them, and in what programs wrote */
  int64_t dropped;          /* log lines that the history refused */
  int64_t syslog;           /* messages stored */
  int64_t syslog_dropped;   /* messages that were too many, or could not be stored */
  int64_t syslog_refused;   /* connections that were too many */
  int64_t misfits;          /* log lines that were not in the format that was said of them */
  int64_t recoveries;       /* finished */
  int64_t recoveries_failed;
  int64_t recovering;                               /* that run */
  bool runner;                                      /* whether they can be run */
  int64_t notifications_sent, notifications_failed; /* messages to channels; attempts */
  int64_t notifications_queued;                     /* notices that wait for their channel */
};
typedef void (*report_fn)(void *arg, struct report_figures *figures);

struct report;

/* Takes: all borrowed. `ask` fills the figures. Returns: 0 or BELFRY_ENOMEM; `*out` owned, free
 * with report_free(). */
int report_new(struct schedule *schedule, struct outbox *outbox, const struct clock *clock,
               report_fn ask, void *arg, struct report **out) BELFRY_MUST_CHECK;
void report_free(struct report *report);

/* How often services are probed by default; told as `interval_ms`. */
void report_set_interval(struct report *report, int64_t interval_ms);

#endif
