/*
 * What the daemon counts about itself: the rows of model/push_figures.def as fields, and as JSON.
 */
#ifndef BELFRY_PUSHD_FIGURES_H
#define BELFRY_PUSHD_FIGURES_H

#include "base/buf.h"

#include <stdint.h>

struct hub;

enum refusal {
#define PUSH_REFUSAL(name, doc) REFUSAL_##name,
#include "model/push_figures.def"
  REFUSAL_COUNT
};

enum closed_by {
#define PUSH_CLOSE(name, code, doc) CLOSED_##name,
#include "model/push_figures.def"
  CLOSED_COUNT
};

struct figures {
#define PUSH_COUNTER(name, doc) uint64_t name;
#define PUSH_GAUGE(name, doc)   int64_t name;
#define PUSH_PEAK(name, doc)    int64_t name;
#include "model/push_figures.def"
  uint64_t refusals[REFUSAL_COUNT];
  uint64_t closes[CLOSED_COUNT];
};

static inline void figures_raise(int64_t *peak, int64_t value) {
  if (value > *peak)
    *peak = value;
}

void figures_count_refusal(struct figures *figures, enum refusal reason);

/* Takes: `code` of the close frame, 0 when there was none. */
void figures_count_close(struct figures *figures, uint16_t code);

/* Sets the gauges, puts everything as a JSON object, and starts the peaks anew. */
void figures_put(struct hub *hub, struct buf *out);

#endif
