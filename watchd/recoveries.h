/*
 * Recovery: what the configuration lets be done about services, when it is done by itself or
 * because somebody asks, and when it is not.
 *
 * Not done: while another recovery of the service runs, while it cools down or has been done too
 * often, while a service that it depends on is down, while it is paused, or while nobody knows how
 * it is. RECOVERIES_MAX run at a time at most. What was done before is read from the history, so
 * that a restart forgets nothing; a recovery that was cut off by one is told to be interrupted.
 */
#ifndef BELFRY_WATCHD_RECOVERIES_H
#define BELFRY_WATCHD_RECOVERIES_H

#include "base/action.h"
#include "base/clock.h"
#include "base/error.h"
#include "conf/conf.h"
#include "model/mask.h"
#include "watchd/reader.h"
#include "watchd/recovery_run.h"
#include "watchd/report.h"
#include "watchd/runner_link.h"
#include "watchd/services.h"

#define RECOVERIES_MAX ACTIONS_MAX

struct recoveries;

/* Borrowed, outlives it. */
struct recoveries_parts {
  struct ev_loop *loop;
  struct schedule *schedule;
  struct outbox *outbox;
  struct reader *reader;
  struct services *services;
  struct runner_link *runner;
  struct mask *mask;
  const struct clock *clock;
};

/* Listens to the services and to the runner from then on. Returns: 0 or BELFRY_ENOMEM; `*out`
 * owned, free with recoveries_free(). */
int recoveries_new(const struct recoveries_parts *parts, struct recoveries **out) BELFRY_MUST_CHECK;
void recoveries_free(struct recoveries *recoveries);

/* Takes: `conf` is copied from. What runs goes on. Returns: 0, or BELFRY_ENOMEM (then nothing has
 * changed). */
int recoveries_configure(struct recoveries *recoveries, const struct conf *conf) BELFRY_MUST_CHECK;

/* A reading of the host, in percent; negative for what was not read. */
void recoveries_on_host(struct recoveries *recoveries, double cpu_percent, double memory_percent);

enum recovery_answer {
  RECOVERY_BEGUN, /* or told of, for a dry run */
  RECOVERY_REFUSED,
  RECOVERY_IMPOSSIBLE, /* through a fault of ours */
};

/* Who asks for one by hand; the texts are borrowed until it returns. */
struct recovery_wish {
  const char *id; /* of the task, and of the recovery */
  struct slice service, action, reason, by;
  bool dry_run;
  /* Called once, at once or later; `message` says why it was not begun. */
  void (*on_answer)(void *arg, enum recovery_answer answer, const char *message);
  void *arg;
};
void recoveries_ask(struct recoveries *recoveries, const struct recovery_wish *wish);

/* Who asked with this `arg` does not want to know any more. */
void recoveries_forget(struct recoveries *recoveries, const void *arg);

void recoveries_figures(const struct recoveries *recoveries, struct report_figures *figures);

#endif
