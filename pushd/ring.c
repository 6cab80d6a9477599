#include "pushd/ring.h"

#include "model/event_json.h"
#include "ws/frame.h"

#include <stdlib.h>
#include <string.h>

int ring_init(struct ring *ring, size_t capacity, size_t max_bytes) {
  *ring = (struct ring){.capacity = capacity, .max_bytes = max_bytes};
  buf_init(&ring->scratch, 0);
  ring->events = calloc(capacity, sizeof *ring->events);
  return ring->events ? BELFRY_OK : BELFRY_ENOMEM;
}

/* Memory of a frame; of one that is there twice, counted once. */
static size_t frame_bytes(const struct ring_event *event, enum representation representation) {
  const struct frame *frame = event->frames[representation];
  bool again = representation != REPRESENTATION_WS && frame == event->frames[REPRESENTATION_WS];
  return frame && !again ? frame->len : 0;
}

static void drop_first(struct ring *ring) {
  struct ring_event *event = ring_at(ring, ring->first);
  for (int i = 0; i < REPRESENTATION_COUNT; i++)
    ring->bytes -= frame_bytes(event, (enum representation)i);
  for (int i = 0; i < REPRESENTATION_COUNT; i++) {
    frame_unref(event->frames[i]);
    event->frames[i] = NULL;
  }
  ring->before = event->id;
  ring->first++;
}

void ring_fini(struct ring *ring) {
  while (ring->events && ring->first < ring->next)
    drop_first(ring);
  free(ring->events);
  ring->events = NULL;
  buf_fini(&ring->scratch);
}

void ring_reset(struct ring *ring, int64_t before) {
  while (ring->first < ring->next)
    drop_first(ring);
  ring->before = ring->head = before;
}

/* One allocation holds the WebSocket frame and, behind the bytes that are sent, type and source. */
static int encode(struct buf *json, struct ring_event *slot, const struct event *event) {
  buf_clear(json);
  event_put_json(json, event);
  if (buf_status(json))
    return buf_status(json);
  uint8_t header[WS_HEADER_MAX_BYTES];
  size_t header_len = ws_frame_header(header, true, WS_TEXT, json->len, NULL);
  struct frame *frame = frame_new(header_len + json->len + event->type.len + event->source.len);
  if (!frame)
    return BELFRY_ENOMEM;
  char *at = mempcpy(frame->data, header, header_len);
  slot->json = slice_new(at, json->len);
  at = mempcpy(at, json->data, json->len);
  frame->len = (uint32_t)(header_len + json->len);
  slot->type = slice_new(at, event->type.len);
  at = mempcpy(at, event->type.data, event->type.len);
  slot->source = slice_new(at, event->source.len);
  memcpy(at, event->source.data, event->source.len);
  slot->frames[REPRESENTATION_WS] = frame;
  return BELFRY_OK;
}

int ring_put(struct ring *ring, const struct event *event) {
  struct ring_event made = {.id = event->id,
                            .timestamp_ms = event->timestamp_ms,
                            .received_ms = event->received_ms,
                            .severity = event->severity};
  int status = encode(&ring->scratch, &made, event);
  if (status)
    return status;
  size_t bytes = made.frames[REPRESENTATION_WS]->len;
  while (ring->first < ring->next &&
         (ring->next - ring->first == ring->capacity || ring->bytes + bytes > ring->max_bytes))
    drop_first(ring);
  *ring_at(ring, ring->next) = made;
  ring->bytes += bytes;
  ring->next++;
  ring->head = event->id;
  return BELFRY_OK;
}

void ring_advance(struct ring *ring, int64_t id) {
  if (id > ring->head)
    ring->head = id;
}

uint64_t ring_find(struct ring *ring, int64_t cursor) {
  uint64_t low = ring->first, high = ring->next;
  /* Nearly everybody is at the head. */
  if (low == high || ring_at(ring, high - 1)->id <= cursor)
    return high;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (ring_at(ring, middle)->id <= cursor)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct frame *ring_frame(struct ring *ring, struct encoder *encoder, uint64_t sequence,
                         enum representation representation) {
  struct ring_event *event = ring_at(ring, sequence);
  struct frame **frame = &event->frames[representation];
  if (!*frame) {
    *frame = representation == REPRESENTATION_WS_DEFLATE
                 ? frame_deflate(encoder, event->frames[REPRESENTATION_WS])
                 : frame_encode(encoder, representation, event->json, event->type, event->id);
    ring->bytes += frame_bytes(event, representation);
  }
  return *frame;
}

struct event ring_event_view(const struct ring_event *event) {
  return (struct event){.id = event->id,
                        .timestamp_ms = event->timestamp_ms,
                        .received_ms = event->received_ms,
                        .severity = event->severity,
                        .type = event->type,
                        .source = event->source};
}
