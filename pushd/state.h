/*
 * The state snapshot (lib/model) as it is sent: computed at most so often, encoded once per
 * representation, shared by all clients.
 */
#ifndef BELFRY_PUSHD_STATE_H
#define BELFRY_PUSHD_STATE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "conf/conf.h"
#include "history/query.h"
#include "pushd/frame.h"

#include <stdbool.h>
#include <stdint.h>

struct state_cache {
  struct buf json; /* the snapshot, an object */
  bool there;
  uint64_t fingerprint;
  uint64_t version;    /* of the history when it was computed */
  int64_t computed_ms; /* monotonic */
  int64_t took_ms;
  struct frame *metrics[REPRESENTATION_COUNT]; /* metrics_update; made when wanted */
  struct frame *answers[REPRESENTATION_COUNT]; /* `state`; likewise, WebSocket only */
};

/* Zero it before the first use. */
void state_fini(struct state_cache *cache);

/* Computes it anew when something was committed since, but not so often that it takes more than
 * about a tenth of the time. Returns: 0 when there is a snapshot, or why there is none. */
int state_refresh(struct state_cache *cache, struct history *history, const struct conf *conf,
                  const struct clock *clock, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Returns: borrowed; NULL when there is no snapshot yet or no memory. */
struct frame *state_metrics(struct state_cache *cache, struct encoder *encoder,
                            enum representation representation);
struct frame *state_answer(struct state_cache *cache, struct encoder *encoder,
                           enum representation representation);

#endif
