/* lib/ws: the same bytes, at once and in pieces, give the same events, and only right ones. */
#include "base/json.h"
#include "tests/fuzz/fuzz.h"
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

static void feed(struct buf *out, enum ws_role role, struct slice bytes, size_t step) {
  struct ws_receiver receiver;
  ws_receiver_init(&receiver, role, MAX_MESSAGE);
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
  struct buf whole, pieces;
  if (size == 0)
    return 0;
  enum ws_role role = data[0] & 1 ? WS_CLIENT : WS_SERVER;
  struct slice bytes = slice_new((const char *)data + 1, size - 1);
  buf_init(&whole, 0);
  buf_init(&pieces, 0);
  feed(&whole, role, bytes, SIZE_MAX);
  feed(&pieces, role, bytes, 1 + (data[0] >> 1) % 16);
  if (!slice_equal(buf_slice(&whole), buf_slice(&pieces)))
    abort();
  buf_fini(&whole);
  buf_fini(&pieces);
  return 0;
}
