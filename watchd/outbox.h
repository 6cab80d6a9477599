/*
 * Everything belfry-watchd tells the history goes through here, without ever waiting. Two lanes for
 * the small things: what may be lost when historyd is away too long (samples, the time of a check:
 * the oldest go first, counted) and what may not (changes of health: kept and sent again; event ids
 * make that harmless). Batches that the sender wants to know about itself go past the lanes.
 */
#ifndef BELFRY_WATCHD_OUTBOX_H
#define BELFRY_WATCHD_OUTBOX_H

#include "base/error.h"
#include "history/append.h"
#include "model/sample_json.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct outbox;

/* Takes: `loop` borrowed; `socket_path` copied. Connects by itself, again and again. Returns: 0 or
 * BELFRY_ENOMEM; `*out` owned, free with outbox_free(). */
int outbox_new(struct ev_loop *loop, const char *socket_path,
               struct outbox **out) BELFRY_MUST_CHECK;

/* What has not been sent is lost. */
void outbox_free(struct outbox *outbox);

/* May be lost. They copy what they are given. */
void outbox_sample(struct outbox *outbox, const struct sample *sample);
/* A sample whose labels are not text yet; `sample->labels` is not looked at. One with more labels
 * than fit is left out. */
void outbox_labelled(struct outbox *outbox, const struct sample *sample, struct label *labels,
                     size_t label_count);
void outbox_note(struct outbox *outbox, enum sql_statement statement,
                 const struct history_value *values, size_t value_count);

/* Kept until stored, in this order. An event without an event_id is given one. */
void outbox_event(struct outbox *outbox, const struct event *event);
void outbox_change(struct outbox *outbox, enum sql_statement statement,
                   const struct history_value *values, size_t value_count);

/* What is kept between these two, without the loop in between, is stored as a whole or not at all.
 */
void outbox_begin(struct outbox *outbox);
void outbox_end(struct outbox *outbox);

/* Called from the loop, once for each letter that was sent and not recalled. */
typedef void (*outbox_receipt_fn)(void *arg, int status, const char *error_text);

/*
 * Sends a batch now. Embedded in its sender; `waiting` from the sending until the receipt. Returns:
 * 0, or BELFRY_ECLOSED when historyd is away.
 */
struct outbox_letter {
  uint32_t tag;
  bool waiting;
  outbox_receipt_fn on_receipt;
  void *arg;
  struct outbox_letter *next;
};
int outbox_send(struct outbox *outbox, struct outbox_letter *letter,
                const struct history_batch *batch) BELFRY_MUST_CHECK;

/* The sender goes away or does not want to know any more. */
void outbox_recall(struct outbox *outbox, struct outbox_letter *letter);

bool outbox_connected(const struct outbox *outbox);

struct outbox_figures {
  int64_t samples; /* stored */
  int64_t events;  /* stored through the lanes */
  int64_t dropped; /* records lost: the lane was full, or the history refused them */
};
struct outbox_figures outbox_figures(const struct outbox *outbox);

#endif
