#include "pushd/frame.h"

#include "pushd/figures.h"
#include "ws/deflate.h"
#include "ws/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Measured on events: of a shorter one compression saves less than 50 bytes, not as much as its
   packet's headers have; that is not worth everybody's inflating. */
#define DEFLATE_MIN_BYTES        200
#define IS_CLEARLY_SMALLER(a, b) ((a) <= (b) - (b) / 8)

int encoder_init(struct encoder *encoder, const char *epoch, struct figures *figures) {
  *encoder = (struct encoder){.epoch = epoch, .deflater = ws_deflater_new(), .figures = figures};
  buf_init(&encoder->deflated, 0);
  return encoder->deflater ? BELFRY_OK : BELFRY_ENOMEM;
}

void encoder_fini(struct encoder *encoder) {
  ws_deflater_free(encoder->deflater);
  encoder->deflater = NULL;
  buf_fini(&encoder->deflated);
}

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

static struct frame *encode_ws(enum ws_opcode opcode, struct slice payload) {
  uint8_t header[WS_HEADER_MAX_BYTES];
  size_t header_len = ws_frame_header(header, true, opcode, payload.len, NULL);
  struct frame *frame = frame_new(header_len + payload.len);
  if (!frame)
    return NULL;
  put(frame, slice_new((const char *)header, header_len));
  put(frame, payload);
  return frame;
}

/* What is behind the header of a frame that is not masked. */
static struct slice payload_of(const struct frame *frame) {
  size_t short_len = (uint8_t)frame->data[1];
  size_t header_len = short_len < 126 ? 2 : short_len == 126 ? 4 : 10;
  return slice_new(frame->data + header_len, frame->len - header_len);
}

struct frame *frame_deflate(struct encoder *encoder, struct frame *plain) {
  struct slice message = payload_of(plain);
  struct frame *frame = NULL;
  if (message.len < DEFLATE_MIN_BYTES)
    return frame_ref(plain);
  buf_clear(&encoder->deflated);
  if (ws_deflate(encoder->deflater, message, &encoder->deflated))
    return frame_ref(plain);
  struct slice payload = buf_slice(&encoder->deflated);
  if (IS_CLEARLY_SMALLER(payload.len, message.len))
    frame = encode_ws(WS_TEXT | WS_RSV1, payload);
  if (!frame) {
    encoder->figures->deflate_declined++;
    return frame_ref(plain);
  }
  encoder->figures->deflate_messages++;
  encoder->figures->deflate_input_bytes += message.len;
  encoder->figures->deflate_output_bytes += payload.len;
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
  case REPRESENTATION_WS_DEFLATE:
    return encode_ws(WS_TEXT, json);
  case REPRESENTATION_SSE:
    return encode_sse(encoder, json, slice_new(NULL, 0), event_id);
  case REPRESENTATION_SSE_NAMED:
    return encode_sse(encoder, json, name, event_id);
  case REPRESENTATION_COUNT:
    break;
  }
  return NULL;
}
