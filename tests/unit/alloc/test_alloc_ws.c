/* lib/ws out of memory: a message is whole or refused with 1011; a handshake needs no memory. */
#include "base/error.h"
#include "tests/unit/alloc/fail_alloc.h"
#include "ws/deflate.h"
#include "ws/handshake.h"
#include "ws/receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PIECE_BYTES 700
#define PIECES      9

/* A text in pieces, a ping between each two of them. */
static void put_message(struct buf *out) {
  static const uint8_t mask[WS_MASK_BYTES] = {1, 2, 3, 4};
  char piece[PIECE_BYTES];
  memset(piece, 'x', sizeof piece);
  for (int i = 0; i < PIECES; i++) {
    ws_put_frame(out, i == PIECES - 1, i ? WS_CONTINUATION : WS_TEXT,
                 slice_new(piece, sizeof piece), mask);
    if (i < PIECES - 1)
      ws_put_frame(out, true, WS_PING, slice_of("p"), mask);
  }
}

static int take_message(struct slice input, size_t *len) {
  struct ws_receiver receiver;
  struct ws_event event;
  int status = BELFRY_EMORE;
  ws_receiver_init(&receiver, WS_SERVER, 65536);
  do {
    ws_receiver_take(&receiver, &input, &event);
    if (event.kind == WS_EVENT_TEXT) {
      *len = event.payload.len;
      status = BELFRY_OK;
    } else if (event.kind == WS_EVENT_ERROR) {
      assert_int_equal(event.close_code, WS_CLOSE_INTERNAL_ERROR);
      status = BELFRY_ENOMEM;
    }
  } while (event.kind != WS_EVENT_NONE && event.kind != WS_EVENT_ERROR);
  ws_receiver_fini(&receiver);
  return status;
}

static int receive(const void *arg) {
  struct buf frames;
  size_t len = 0;
  (void)arg;
  buf_init(&frames, 0);
  put_message(&frames);
  fail_alloc_begin();
  int status = take_message(buf_slice(&frames), &len);
  fail_alloc_end();
  if (!status)
    assert_int_equal(len, PIECE_BYTES * PIECES);
  buf_fini(&frames);
  return status;
}

static int send_frames(const void *arg) {
  struct buf frames;
  size_t len = 0;
  (void)arg;
  buf_init(&frames, 0);
  fail_alloc_begin();
  put_message(&frames);
  ws_put_close(&frames, WS_CLOSE_NORMAL, slice_of("bye"), NULL);
  fail_alloc_end();
  int status = buf_status(&frames);
  buf_clear(&frames);
  put_message(&frames);
  assert_int_equal(take_message(buf_slice(&frames), &len), 0);
  buf_fini(&frames);
  return status;
}

/* Puts `text` through a deflater and an inflater of their own. */
static int deflate_and_inflate(struct slice text, struct buf *payload) {
  struct ws_deflater *deflater = ws_deflater_new();
  struct ws_inflater *inflater = ws_inflater_new();
  struct slice message = {0};
  int status = deflater && inflater ? ws_deflate(deflater, text, payload) : BELFRY_ENOMEM;
  if (!status)
    status = ws_inflate(inflater, buf_slice(payload), text.len, &message);
  if (!status)
    assert_true(slice_equal(message, text));
  ws_deflater_free(deflater);
  ws_inflater_free(inflater);
  return status;
}

static int compress(const void *arg) {
  char text[PIECE_BYTES * PIECES];
  struct buf payload;
  (void)arg;
  buf_init(&payload, 0);
  memset(text, 'x', sizeof text);
  fail_alloc_begin();
  int status = deflate_and_inflate(slice_new(text, sizeof text), &payload);
  fail_alloc_end();
  buf_fini(&payload);
  return status;
}

/* A message that looks back over a final block needs the window made anew. */
static int inflate_final(const void *arg) {
  static const char payload[] = "\xf3\x48\xcd\xc9\xc9\x57\xf0\x00\x91\x00\xf2\x40\x30\x01";
  struct ws_inflater *inflater = ws_inflater_new();
  struct slice message;
  (void)arg;
  assert_non_null(inflater);
  fail_alloc_begin();
  int status = ws_inflate(inflater, slice_new(payload, sizeof payload), 100, &message);
  fail_alloc_end();
  assert_int_equal(ws_inflate(inflater, slice_new(payload, sizeof payload), 100, &message), 0);
  assert_true(slice_is(message, "Hello HelloHello Hello"));
  ws_inflater_free(inflater);
  return status;
}

static int shake_hands(const void *arg) {
  char accept[WS_ACCEPT_BYTES];
  (void)arg;
  fail_alloc_begin();
  ws_accept(slice_of("dGhlIHNhbXBsZSBub25jZQ=="), accept); /* the RFC's example */
  fail_alloc_end();
  assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  return 0;
}

static void test_receiver(void **state) {
  (void)state;
  fail_alloc_each("a message in fragments", receive, NULL);
}

static void test_frames(void **state) {
  (void)state;
  fail_alloc_each("frames", send_frames, NULL);
}

static void test_deflate(void **state) {
  (void)state;
  fail_alloc_each("a compressed message", compress, NULL);
  fail_alloc_each("a message with a final block", inflate_final, NULL);
}

static void test_handshake(void **state) {
  (void)state;
  fail_alloc_each("a handshake", shake_hands, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_receiver),
      cmocka_unit_test(test_frames),
      cmocka_unit_test(test_deflate),
      cmocka_unit_test(test_handshake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
