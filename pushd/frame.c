#include "pushd/frame.h"

#include "ws/frame.h"

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

struct frame *frame_encode(enum representation representation, struct slice json, struct slice name,
                           struct slice id) {
  if (representation == REPRESENTATION_WS)
    return encode_ws(json);
  struct frame *frame =
      frame_new(json.len + name.len + id.len + sizeof "id: \nevent: \ndata: \n\n");
  if (!frame)
    return NULL;
  if (id.data) {
    put(frame, slice_of("id: "));
    put(frame, id);
    put(frame, slice_of("\n"));
  }
  if (representation == REPRESENTATION_SSE_NAMED) {
    put(frame, slice_of("event: "));
    put(frame, name);
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
