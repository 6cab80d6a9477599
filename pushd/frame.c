#include "pushd/frame.h"

#include "ws/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct frame *frame_new(size_t room) {
  if (room > UINT32_MAX)
    return NULL;
  struct frame *frame = malloc(sizeof *frame + room);
  if (!frame)
    return NULL;
  frame->refs = 1;
  frame->len = 0;
  return frame;
}

void frame_unref(struct frame *frame) {
  if (frame && --frame->refs == 0)
    free(frame);
}

static void put(struct frame *frame, struct slice bytes) {
  if (bytes.len)
    memcpy(frame->data + frame->len, bytes.data, bytes.len);
  frame->len += (uint32_t)bytes.len;
}

static struct frame *encode_ws(struct slice json) {
  uint8_t header[WS_HEADER_MAX_BYTES];
  size_t header_len = ws_frame_header(header, true, WS_TEXT, json.len, NULL);
  struct frame *frame = frame_new(header_len + json.len);
  if (!frame)
    return NULL;
  put(frame, slice_new((const char *)header, header_len));
  put(frame, json);
  return frame;
}

/* A 64-bit number has at most 20 digits. */
#define EVENT_ID_CHARS 20

static struct frame *encode_sse(const struct encoder *encoder, struct slice json,
                                struct slice event_name, int64_t event_id) {
  size_t epoch_len = strlen(encoder->epoch);
  struct frame *frame = frame_new(json.len + event_name.len + epoch_len + EVENT_ID_CHARS +
                                  sizeof "id: -\nevent: \ndata: \n\n");
  if (!frame)
    return NULL;
  if (event_id != FRAME_NO_ID)
    frame->len += (uint32_t)sprintf(frame->data, "id: %s-%" PRId64 "\n", encoder->epoch, event_id);
  if (event_name.len) {
    put(frame, slice_of("event: "));
    put(frame, event_name);
    put(frame, slice_of("\n"));
  }
  put(frame, slice_of("data: "));
  char *start = frame->data + frame->len;
  put(frame, json);
  for (char *at = start; at < start + json.len; at++)
    if (*at == '\n' || *at == '\r')
      *at = ' ';
  put(frame, slice_of("\n\n"));
  return frame;
}

struct frame *frame_encode(struct encoder *encoder, enum representation representation,
                           struct slice json, struct slice name, int64_t event_id) {
  switch (representation) {
  case REPRESENTATION_WS:
    return encode_ws(json);
  case REPRESENTATION_SSE:
    return encode_sse(encoder, json, slice_new(NULL, 0), event_id);
  case REPRESENTATION_SSE_NAMED:
    return encode_sse(encoder, json, name, event_id);
  case REPRESENTATION_COUNT:
    break;
  }
  return NULL;
}
