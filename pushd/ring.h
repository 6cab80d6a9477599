/*
 * The last events, in order of id, each with its ready-made frames. A client is a cursor into it.
 * It never waits for anybody: when it is full, by count or by bytes, the oldest event goes, and who
 * still wanted that one reads it from the history. Every event with an id above `before` and up to
 * `head` that exists is in it, so ring and history join exactly at before + 1.
 *
 * Places are numbered by `sequence` 0, 1, 2 ... without holes (ids may have some).
 */
#ifndef BELFRY_PUSHD_RING_H
#define BELFRY_PUSHD_RING_H

#include "base/buf.h"
#include "base/error.h"
#include "history/event.h"
#include "pushd/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_event {
  int64_t id;
  int64_t timestamp_ms, received_ms;
  struct slice json;   /* borrowed from frames[REPRESENTATION_WS] */
  struct slice type;   /* likewise */
  struct slice source; /* likewise */
  int severity;
  /* WS is always there, the others once wanted; WS_DEFLATE may be the same as WS. */
  struct frame *frames[REPRESENTATION_COUNT];
};

struct ring {
  struct ring_event *events; /* owned; a circle of `capacity` */
  size_t capacity;
  size_t max_bytes;
  size_t bytes;       /* of all frames in it */
  uint64_t first;     /* sequence of the oldest event in it */
  uint64_t next;      /* sequence of the event that will come next; first == next: empty */
  int64_t before;     /* id below the oldest event that is in it for certain */
  int64_t head;       /* id up to which everything was put */
  struct buf scratch; /* the JSON text of the event that is put */
};

/* Returns: 0 or BELFRY_ENOMEM. */
int ring_init(struct ring *ring, size_t capacity, size_t max_bytes) BELFRY_MUST_CHECK;
void ring_fini(struct ring *ring);

/* Empties it; the next event's id is above `before`. Sequences go on. */
void ring_reset(struct ring *ring, int64_t before);

/* Encodes and puts an event, whose id must be above `head`. Returns: 0 or BELFRY_ENOMEM. */
int ring_put(struct ring *ring, const struct event *event) BELFRY_MUST_CHECK;

/* Says that there are no further events up to and with `id`. */
void ring_advance(struct ring *ring, int64_t id);

static inline struct ring_event *ring_at(struct ring *ring, uint64_t sequence) {
  return &ring->events[sequence % ring->capacity];
}

static inline bool ring_holds(const struct ring *ring, int64_t cursor) {
  return cursor >= ring->before;
}

/* The sequence of the first event with an id above `cursor`; `next` when there is none. */
uint64_t ring_find(struct ring *ring, int64_t cursor);

/* The event's frame, made when it is first wanted. Returns: borrowed, or NULL when out of memory.
 */
struct frame *ring_frame(struct ring *ring, struct encoder *encoder, uint64_t sequence,
                         enum representation representation);

/* The event as filters see it. Its event_id and data are not kept. */
struct event ring_event_view(const struct ring_event *event);

#endif
