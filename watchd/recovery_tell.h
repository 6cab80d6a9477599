/*
 * Tells the history of recoveries: that one starts, what its command writes, what came of it, and
 * why one was not begun.
 */
#ifndef BELFRY_WATCHD_RECOVERY_TELL_H
#define BELFRY_WATCHD_RECOVERY_TELL_H

#include "base/buf.h"
#include "base/clock.h"
#include "model/mask.h"
#include "watchd/outbox.h"

#include <stdbool.h>
#include <stdint.h>

struct recovery_teller {
  struct outbox *outbox; /* borrowed, as is */
  struct mask *mask;     /* of secrets in what people and programs write */
  const struct clock *clock;
  struct buf data, text;
};

/* What each of its events says. */
struct recovery_story {
  const char *recovery_id, *service, *action;
  const char *by;      /* who wanted it: watchd, or an identity's name */
  const char *trigger; /* failures, cpu, memory, request */
  const char *reason;
  bool dry_run;
};

struct recovery_outcome {
  bool exited; /* by itself, with exit_status */
  int exit_status;
  bool timed_out, success, interrupted;
  bool checked, verified; /* afterwards: whether the service was, and was found well */
  int64_t duration_ms;
  const char *message;
};

/* Takes: all are borrowed. */
void recovery_teller_init(struct recovery_teller *teller, struct outbox *outbox, struct mask *mask,
                          const struct clock *clock);
void recovery_teller_fini(struct recovery_teller *teller);

/* Puts the event recovery_started. A failure is left in `batch`. */
void recovery_put_started(struct recovery_teller *teller, const struct recovery_story *story,
                          struct history_batch *batch);

/* The events recovery_finished and recovery_refused. */
void recovery_tell_finished(struct recovery_teller *teller, const struct recovery_story *story,
                            const struct recovery_outcome *outcome);
void recovery_tell_refused(struct recovery_teller *teller, const struct recovery_story *story,
                           const char *message);

/* A line that its command has written, as a log line of the source recovery:SERVICE. `place`: of
 * the stream. Returns: the line without secrets, borrowed until the next call. */
struct slice recovery_tell_line(struct recovery_teller *teller, const struct recovery_story *story,
                                int stream, struct slice line, struct mask_place *place);

#endif
