/*
 * One recovery, from its start on disk to what came of it: the start is stored, then the command is
 * run, then the service is checked until it is well or the time for that is over.
 */
#ifndef BELFRY_WATCHD_RECOVERY_RUN_H
#define BELFRY_WATCHD_RECOVERY_RUN_H

#include "base/ulid.h"
#include "watchd/recovery_lines.h"
#include "watchd/recovery_tell.h"
#include "watchd/runner_link.h"
#include "watchd/services.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define RECOVERY_TEXT_BYTES 501 /* of a reason and of a message, with the NUL */

struct recovery_run;

/* Told of a run; the run's own texts are borrowed. */
struct recovery_run_listener {
  void (*on_started)(void *arg, struct recovery_run *run); /* it is on disk, and begins */
  void (*on_not_started)(void *arg, struct recovery_run *run, const char *why); /* and is over */
  void (*on_finished)(void *arg, struct recovery_run *run, bool success);       /* likewise */
  void *arg;
};

/* Borrowed, outlives it. */
struct recovery_run_parts {
  struct ev_loop *loop;
  struct outbox *outbox;
  struct services *services;
  struct runner_link *runner;
  struct recovery_teller *teller;
  struct recovery_run_listener listener;
};

enum recovery_phase { RECOVERY_STORING, RECOVERY_RUNNING, RECOVERY_VERIFYING };

struct recovery_run {
  char id[ULID_BYTES]; /* "": the place is free */
  char service[WATCHED_NAME_BYTES], by[129], reason[RECOVERY_TEXT_BYTES];
  const char *trigger;          /* a literal */
  struct conf_recovery *action; /* owned */
  const struct recovery_run_parts *parts;
  enum recovery_phase phase;
  struct outbox_letter letter;
  struct ev_timer timer; /* until the next check */
  struct services_round round;
  bool in_round;
  int64_t begun_ms, ran_ms; /* of schedule_now_ms: when it began, and when its command ended */
  struct recovery_lines lines[2];
  struct mask_place places[2];
  int64_t line_count, left_out;
  char last_line[200];
  struct recovery_outcome outcome;
};

/* What it says of itself in its events; borrowed from the run. */
struct recovery_story recovery_run_story(const struct recovery_run *run);

/*
 * Stores its start. Takes: `run` with its texts, trigger and action set; `task_id` of the task that
 * is done with it, NULL for none. Returns: 0, and the listener is told; or an error, and the run is
 * as it was.
 */
int recovery_run_begin(struct recovery_run *run, const char *task_id) BELFRY_MUST_CHECK;

/* What belfry-runner has to say of it. */
void recovery_run_output(struct recovery_run *run, int stream, struct slice bytes);
void recovery_run_ended(struct recovery_run *run, const struct runner_end *end);
void recovery_run_runner_gone(struct recovery_run *run);

/* Frees what it owns and empties the place; nobody is told. */
void recovery_run_clear(struct recovery_run *run);

#endif
