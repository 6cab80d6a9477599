/* lib/ws: the same bytes, at once and in pieces, give the same events, and only right ones. */
#include "base/json.h"
#include "tests/fuzz/fuzz.h"
#include "ws/deflate.h"
#include "ws/receiver.h"

#include <stdint.h>
#include <stdlib.h>

#define MAX_MESSAGE 4096

static void check(const struct ws_event *event) {
  if (event->payload.len > MAX_MESSAGE)
    abort();
  if (event->kind == WS_EVENT_TEXT && utf8_valid_prefix(event->payload) != event->payload.len)
    abort();
  if (event->kind == WS_EVENT_CLOSE && event->close_code != WS_CLOSE_NO_CODE &&
      !ws_close_code_valid(event->close_code))
    abort();
}

static void feed(struct buf *out, enum ws_role role, struct ws_inflater *inflater,
                 struct slice bytes, size_t step) {
  struct ws_receiver receiver;
  ws_receiver_init(&receiver, role, MAX_MESSAGE);
  ws_receiver_allow_deflate(&receiver, inflater);
  while (bytes.len > 0) {
    struct slice piece = slice_new(bytes.data, bytes.len < step ? bytes.len : step);
    struct ws_event event;
    bytes.data += piece.len;
    bytes.len -= piece.len;
    do {
      ws_receiver_take(&receiver, &piece, &event);
      check(&event);
      if (event.kind != WS_EVENT_NONE)
        buf_printf(out, "%d %u %.*s\n", event.kind, event.close_code, SLICE_ARG(event.payload));
    } while (event.kind != WS_EVENT_NONE);
  }
  ws_receiver_fini(&receiver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct ws_inflater *inflater;
  struct buf whole, pieces;
  if (size == 0)
    return 0;
  enum ws_role role = data[0] & 1 ? WS_CLIENT : WS_SERVER;
  struct slice bytes = slice_new((const char *)data + 1, size - 1);
  buf_init(&whole, 0);
  buf_init(&pieces, 0);
  if (!inflater && !(inflater = ws_inflater_new()))
    abort();
  struct ws_inflater *negotiated = data[0] & 0x20 ? inflater : NULL;
  feed(&whole, role, negotiated, bytes, SIZE_MAX);
  feed(&pieces, role, negotiated, bytes, 1 + (data[0] >> 1) % 16);
  if (!slice_equal(buf_slice(&whole), buf_slice(&pieces)))
    abort();
  buf_fini(&whole);
  buf_fini(&pieces);
  return 0;
}
