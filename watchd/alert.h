/*
 * One alert: what a rule found bad, where that stands, and what the history and people are told.
 */
#ifndef BELFRY_WATCHD_ALERT_H
#define BELFRY_WATCHD_ALERT_H

#include "base/buf.h"
#include "base/clock.h"
#include "watchd/alert_rule.h"
#include "watchd/alert_state.h"
#include "watchd/outbox.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ALERT_ID_BYTES      17 /* 16 hexadecimal digits */
#define ALERT_MESSAGE_BYTES 512
#define ALERT_QUIET_BYTES   200

struct alert {
  char id[ALERT_ID_BYTES];
  const struct alert_rule *rule; /* borrowed: outlives it */
  char *subject;                 /* owned: the JSON object of the finding */
  json_t *labels;                /* owned: an object of texts */
  struct alert_state state;
  enum alert_verdict verdict;        /* the last one */
  int64_t seen_ms;                   /* monotonic: when it was last found */
  int64_t since_ms;                  /* realtime, as what follows: of the stage */
  int64_t fired_ms, resolved_ms;     /* 0: it does not fire; it never has */
  int64_t told_ms;                   /* 0: nobody was told of what fires now */
  bool acknowledged;                 /* what fires now */
  double value, value_told;          /* NaN: none; the history knows the second one */
  char message[ALERT_MESSAGE_BYTES]; /* for a person */
  const char *status;                /* of the service; NULL: it is about none */
  char detail[ALERT_MESSAGE_BYTES];  /* what the service says */
  char quiet[ALERT_QUIET_BYTES];     /* why it is not told; "": it is */
  struct alert *next;                /* of the rule */
};

/* Takes: `subject`, a JSON object of texts. Returns: owned, free with alert_free(); NULL out of
 * memory or when it is none. */
struct alert *alert_new(const struct alert_rule *rule, struct slice subject);
void alert_free(struct alert *alert);

/* Returns: borrowed; NULL when it has no such label. */
const char *alert_label(const struct alert *alert, const char *name);

/* Puts its labels: a JSON object of texts. */
void alert_put_labels(const struct alert *alert, struct buf *out);

/* Makes its message anew. */
void alert_describe(struct alert *alert);

/* The word for where it stands: ok, pending, firing, acknowledged, silenced, unknown. */
const char *alert_state_name(const struct alert *alert);

/* The two events, and the row, to the history. They are kept. */
void alert_tell_fired(const struct alert *alert, struct outbox *outbox);
void alert_tell_resolved(const struct alert *alert, struct outbox *outbox, int64_t fired_ms,
                         const char *reason);
void alert_put(struct alert *alert, struct outbox *outbox);

/* Only that the figure is another; may be lost. Nothing when it is not. */
void alert_put_value(struct alert *alert, struct outbox *outbox);

void alert_forget(const struct alert *alert, struct outbox *outbox);

#endif
