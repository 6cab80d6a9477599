/*
 * Several events in one WebSocket message, as a JSON array, for clients that asked for it. The
 * message is made once and shared by all clients that stand at the same place and want the same.
 */
#ifndef BELFRY_PUSHD_BATCH_H
#define BELFRY_PUSHD_BATCH_H

#include "pushd/frame.h"
#include "pushd/ring.h"
#include "pushd/subscription.h"

#include <stdbool.h>
#include <stdint.h>

#define BATCH_EVENTS_MAX 256
#define BATCH_BYTES_MAX  65536

/* The message that was made last. Zero it before the first use. */
struct batch {
  struct frame *plain;       /* one reference */
  struct frame *deflated;    /* one reference; made when wanted, may be the same as `plain` */
  struct audience *audience; /* one reference; NULL: there is none */
  struct ring *source;
  uint64_t from, to;  /* sequences: of its first event, and behind its last */
  uint64_t ring_next; /* of the source when it was made */
  int64_t last_id;    /* of its last event */
  unsigned count;
};

/*
 * The message with the events from `sequence` on that the audience wants. `judged`: the source is
 * the ring, which holds what others want too. Returns: the batch, good until the next call; NULL
 * when there is nothing to be sent from `sequence` on, or no memory.
 */
struct batch *batch_get(struct batch *batch, struct audiences *audiences, struct encoder *encoder,
                        struct audience *audience, struct ring *source, uint64_t sequence,
                        bool judged);

/* Its message, as REPRESENTATION_WS or REPRESENTATION_WS_DEFLATE. Returns: borrowed from the batch;
 * NULL when out of memory. */
struct frame *batch_frame(struct batch *batch, struct encoder *encoder,
                          enum representation representation);

void batch_fini(struct batch *batch, struct audiences *audiences);

#endif
