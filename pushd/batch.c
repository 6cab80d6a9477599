#include "pushd/batch.h"

#include <string.h>

void batch_fini(struct batch *batch, struct audiences *audiences) {
  frame_unref(batch->plain);
  frame_unref(batch->deflated);
  audience_release(audiences, batch->audience);
  *batch = (struct batch){0};
}

struct choice {
  uint64_t sequences[BATCH_EVENTS_MAX];
  unsigned count;
  size_t bytes;
};

static bool choose(struct choice *choice, struct audience *audience, struct ring *source,
                   uint64_t sequence, bool judged) {
  choice->count = 0;
  choice->bytes = 2; /* the brackets */
  while (choice->count < BATCH_EVENTS_MAX) {
    if (judged && audience_next(audience, source, sequence, &sequence))
      return false;
    if (sequence >= source->next)
      break;
    size_t len = ring_at(source, sequence)->json.len + 1;
    if (choice->count && choice->bytes + len > BATCH_BYTES_MAX)
      break;
    choice->bytes += len;
    choice->sequences[choice->count++] = sequence++;
  }
  return choice->count > 0;
}

/* One event goes out as it is, which every client takes. */
static struct frame *make(struct encoder *encoder, struct ring *source,
                          const struct choice *choice) {
  if (choice->count == 1)
    return frame_ref(ring_at(source, choice->sequences[0])->frames[REPRESENTATION_WS]);
  struct buf json;
  buf_init(&json, 0);
  for (unsigned i = 0; i < choice->count; i++) {
    buf_put_char(&json, i ? ',' : '[');
    buf_put_slice(&json, ring_at(source, choice->sequences[i])->json);
  }
  buf_put_char(&json, ']');
  struct frame *frame = buf_status(&json)
                            ? NULL
                            : frame_encode(encoder, REPRESENTATION_WS, buf_slice(&json),
                                           slice_new(NULL, 0), FRAME_NO_ID);
  buf_fini(&json);
  return frame;
}

struct batch *batch_get(struct batch *batch, struct audiences *audiences, struct encoder *encoder,
                        struct audience *audience, struct ring *source, uint64_t sequence,
                        bool judged) {
  struct choice choice;
  if (batch->audience == audience && batch->source == source && batch->from == sequence &&
      batch->ring_next == source->next)
    return batch;
  if (!choose(&choice, audience, source, sequence, judged))
    return NULL;
  struct frame *frame = make(encoder, source, &choice);
  if (!frame)
    return NULL;
  batch_fini(batch, audiences);
  audience->refs++;
  uint64_t last = choice.sequences[choice.count - 1];
  *batch = (struct batch){.plain = frame,
                          .audience = audience,
                          .source = source,
                          .from = sequence,
                          .to = last + 1,
                          .ring_next = source->next,
                          .last_id = ring_at(source, last)->id,
                          .count = choice.count};
  return batch;
}

/* A single event is compressed in the ring, where those who take no batches find it too. */
static struct frame *deflate(struct batch *batch, struct encoder *encoder) {
  if (batch->count > 1)
    return frame_deflate(encoder, batch->plain);
  struct frame *frame =
      ring_frame(batch->source, encoder, batch->to - 1, REPRESENTATION_WS_DEFLATE);
  return frame ? frame_ref(frame) : NULL;
}

struct frame *batch_frame(struct batch *batch, struct encoder *encoder,
                          enum representation representation) {
  if (representation != REPRESENTATION_WS_DEFLATE)
    return batch->plain;
  if (!batch->deflated)
    batch->deflated = deflate(batch, encoder);
  return batch->deflated;
}
