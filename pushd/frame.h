/*
 * Bytes that are ready to be written to a socket and shared by everybody who gets them: an event in
 * one representation, a snapshot. Counted references, so that a frame which is half written to a
 * slow client outlives its place in the ring.
 */
#ifndef BELFRY_PUSHD_FRAME_H
#define BELFRY_PUSHD_FRAME_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

/* How a message looks on a connection. */
enum representation {
  REPRESENTATION_WS,         /* a WebSocket text frame */
  REPRESENTATION_WS_DEFLATE, /* the same, compressed where that makes it clearly smaller */
  REPRESENTATION_SSE,        /* "id:" and "data:" lines */
  REPRESENTATION_SSE_NAMED,  /* the same with an "event:" line */
  REPRESENTATION_COUNT
};

#define FRAME_NO_ID (-1)

struct figures;
struct ws_deflater;

/* What making frames needs beyond the message. */
struct encoder {
  const char *epoch;            /* goes into SSE ids; borrowed */
  struct ws_deflater *deflater; /* owned */
  struct buf deflated;          /* what it made last */
  struct figures *figures;      /* counts what compression does; borrowed */
};

/* Returns: 0 or BELFRY_ENOMEM. */
int encoder_init(struct encoder *encoder, const char *epoch,
                 struct figures *figures) BELFRY_MUST_CHECK;
void encoder_fini(struct encoder *encoder);

struct frame {
  uint32_t refs;
  uint32_t len; /* bytes to be written */
  char data[];
};

/* Returns: owned, with one reference and room for `room` bytes, len 0; NULL when out of memory. */
struct frame *frame_new(size_t room);

static inline struct frame *frame_ref(struct frame *frame) {
  frame->refs++;
  return frame;
}

/* Takes: one reference; NULL is fine. */
void frame_unref(struct frame *frame);

/*
 * A message in a representation, not compressed: one that only one client gets is not worth it, and
 * for shared ones there is frame_deflate(). `json` is the whole message. For SSE: `name` is the
 * event's name, and `event_id` (or FRAME_NO_ID) goes with the epoch into its "id:" line; line
 * breaks in `json` (which can only be blanks between its parts) become spaces. Returns: owned, or
 * NULL.
 */
struct frame *frame_encode(struct encoder *encoder, enum representation representation,
                           struct slice json, struct slice name, int64_t event_id);

/* A frame of REPRESENTATION_WS as REPRESENTATION_WS_DEFLATE. Returns: owned; another reference to
 * `plain` when it would not become clearly smaller, or memory is out. */
struct frame *frame_deflate(struct encoder *encoder, struct frame *plain);

#endif
