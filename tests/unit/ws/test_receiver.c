/* lib/ws: what a receiver makes of bytes, however they are cut into pieces. */
#include "ws/receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX_MESSAGE 65536

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

/* What came out, as text: "T:hello;P:;C1000:bye;E1002;". */
static void feed(struct ws_receiver *receiver, struct slice piece, struct buf *log) {
  struct ws_event event;
  for (;;) {
    ws_receiver_take(receiver, &piece, &event);
    switch (event.kind) {
    case WS_EVENT_NONE:
      return;
    case WS_EVENT_TEXT:
    case WS_EVENT_BINARY:
    case WS_EVENT_PING:
    case WS_EVENT_PONG:
      buf_printf(log, "%c:%.*s;", "?TBpo"[event.kind], SLICE_ARG(event.payload));
      break;
    case WS_EVENT_CLOSE:
      buf_printf(log, "C%u:%.*s;", event.close_code, SLICE_ARG(event.payload));
      return;
    case WS_EVENT_ERROR:
      buf_printf(log, "E%u;", event.close_code);
      return;
    }
  }
}

/* Gives `bytes` to a fresh receiver: at once, byte by byte, and cut at every place. */
static void expect(enum ws_role role, struct slice bytes, const char *want, const char *what) {
  for (size_t cut = 0; cut <= bytes.len + 1; cut++) {
    struct ws_receiver receiver;
    struct buf log;
    ws_receiver_init(&receiver, role, MAX_MESSAGE);
    buf_init(&log, 0);
    if (cut > bytes.len) {
      for (size_t i = 0; i < bytes.len; i++)
        feed(&receiver, slice_new(bytes.data + i, 1), &log);
    } else {
      feed(&receiver, slice_new(bytes.data, cut), &log);
      feed(&receiver, slice_new(bytes.data + cut, bytes.len - cut), &log);
    }
    if (!slice_is(buf_slice(&log), want))
      fail_msg("%s, cut at byte %zu: got '%.*s' instead of '%s'", what, cut,
               SLICE_ARG(buf_slice(&log)), want);
    ws_receiver_fini(&receiver);
    buf_fini(&log);
  }
}

static void test_whole_messages(void **state) {
  (void)state;
  struct buf bytes;
  buf_init(&bytes, 0);
  ws_put_frame(&bytes, true, WS_TEXT, slice_of("hello"), key);
  ws_put_frame(&bytes, true, WS_TEXT, slice_of(""), key);
  ws_put_frame(&bytes, true, WS_BINARY, slice_of("abc"), key);
  ws_put_frame(&bytes, true, WS_PING, slice_of("are you there"), key);
  ws_put_frame(&bytes, true, WS_PONG, slice_of(""), key);
  ws_put_close(&bytes, 1000, slice_of("bye"), key);
  ws_put_frame(&bytes, true, WS_TEXT, slice_of("after the end"), key);
  expect(WS_SERVER, buf_slice(&bytes), "T:hello;T:;B:abc;p:are you there;o:;C1000:bye;",
         "messages one after the other");
  buf_fini(&bytes);
}

static void test_fragments_with_control_frames_between(void **state) {
  (void)state;
  struct buf bytes;
  buf_init(&bytes, 0);
  ws_put_frame(&bytes, false, WS_TEXT, slice_of("gr\xc3"), key); /* a character cut in two */
  ws_put_frame(&bytes, true, WS_PING, slice_of("1"), key);
  ws_put_frame(&bytes, false, WS_CONTINUATION, slice_of(""), key);
  ws_put_frame(&bytes, false, WS_CONTINUATION, slice_of("\xbc\xc3\x9f"), key);
  ws_put_frame(&bytes, true, WS_PONG, slice_of("2"), key);
  ws_put_frame(&bytes, true, WS_CONTINUATION, slice_of("e"), key);
  ws_put_frame(&bytes, true, WS_TEXT, slice_of("next"), key);
  ws_put_close(&bytes, WS_CLOSE_NO_CODE, slice_of(""), key);
  expect(WS_SERVER, buf_slice(&bytes),
         "p:1;o:2;T:gr\xc3\xbc\xc3\x9f"
         "e;T:next;C1005:;",
         "a fragmented message");
  buf_fini(&bytes);
}

static void test_client_side(void **state) {
  (void)state;
  struct buf bytes;
  buf_init(&bytes, 0);
  ws_put_frame(&bytes, true, WS_TEXT, slice_of("from the server"), NULL);
  ws_put_frame(&bytes, true, WS_TEXT, slice_of("masked"), key);
  expect(WS_CLIENT, buf_slice(&bytes), "T:from the server;E1002;", "a server's frames");
  buf_fini(&bytes);
}

static void test_violations(void **state) {
  (void)state;
#define ROW(what, want, bytes)                                                                     \
  { what, want, bytes, sizeof bytes - 1 }
  static const struct {
    const char *what, *want, *bytes;
    size_t len;
  } rows[] = {
      ROW("unmasked", "E1002;", "\x81\x02hi"),
      ROW("RSV1", "E1002;", "\xc1\x80\0\0\0\0"),
      ROW("RSV2", "E1002;", "\xa1\x80\0\0\0\0"),
      ROW("RSV3", "E1002;", "\x91\x80\0\0\0\0"),
      ROW("opcode 3", "E1002;", "\x83\x80\0\0\0\0"),
      ROW("opcode 7", "E1002;", "\x87\x80\0\0\0\0"),
      ROW("opcode 11", "E1002;", "\x8b\x80\0\0\0\0"),
      ROW("opcode 15", "E1002;", "\x8f\x80\0\0\0\0"),
      ROW("fragmented ping", "E1002;", "\x09\x80\0\0\0\0"),
      ROW("fragmented close", "E1002;", "\x08\x80\0\0\0\0"),
      ROW("ping of 126 bytes", "E1002;", "\x89\xfe\0\x7e\0\0\0\0"),
      ROW("close of 126 bytes", "E1002;", "\x88\xfe\0\x7e\0\0\0\0"),
      ROW("continuation of nothing", "E1002;", "\x80\x80\0\0\0\0"),
      ROW("two starts", "E1002;", "\x01\x80\0\0\0\0\x81\x80\0\0\0\0"),
      ROW("continuation after the end", "T:;E1002;", "\x81\x80\0\0\0\0\x80\x80\0\0\0\0"),
      ROW("125 in 16 bits", "E1002;", "\x81\xfe\0\x7d\0\0\0\0"),
      ROW("65535 in 64 bits", "E1002;", "\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0"),
      ROW("length above 2^63", "E1002;", "\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0"),
      ROW("64 KiB and one byte", "E1009;", "\x81\xff\0\0\0\0\0\1\0\1\0\0\0\0"),
      ROW("exabytes", "E1009;", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
      ROW("close of one byte", "E1002;", "\x88\x81\0\0\0\0\x03"),
      ROW("close 999", "E1002;", "\x88\x82\0\0\0\0\x03\xe7"),
      ROW("close 1004", "E1002;", "\x88\x82\0\0\0\0\x03\xec"),
      ROW("close 1005", "E1002;", "\x88\x82\0\0\0\0\x03\xed"),
      ROW("close 1006", "E1002;", "\x88\x82\0\0\0\0\x03\xee"),
      ROW("close 1015", "E1002;", "\x88\x82\0\0\0\0\x03\xf7"),
      ROW("close 1016", "E1002;", "\x88\x82\0\0\0\0\x03\xf8"),
      ROW("close 2999", "E1002;", "\x88\x82\0\0\0\0\x0b\xb7"),
      ROW("close 5000", "E1002;", "\x88\x82\0\0\0\0\x13\x88"),
      ROW("close 3000", "C3000:;", "\x88\x82\0\0\0\0\x0b\xb8"),
      ROW("close 4999", "C4999:;", "\x88\x82\0\0\0\0\x13\x87"),
      ROW("close reason not UTF-8", "E1007;", "\x88\x83\0\0\0\0\x03\xe8\xff"),
      ROW("close reason cut short", "E1007;", "\x88\x83\0\0\0\0\x03\xe8\xc3"),
      ROW("surrogate", "E1007;", "\x81\x83\0\0\0\0\xed\xa0\x80"),
      ROW("overlong", "E1007;", "\x81\x82\0\0\0\0\xc0\xaf"),
      ROW("overlong of three bytes", "E1007;", "\x81\x83\0\0\0\0\xe0\x80\xaf"),
      ROW("above U+10FFFF", "E1007;", "\x81\x84\0\0\0\0\xf4\x90\x80\x80"),
      ROW("lone continuation byte", "E1007;", "\x81\x81\0\0\0\0\x80"),
      ROW("text cut within a character", "E1007;", "\x81\x82\0\0\0\0\xe2\x82"),
      ROW("wrong in the second fragment", "E1007;", "\x01\x81\0\0\0\0\xe2\x80\x81\0\0\0\0\x28"),
      ROW("wrong before the fragment's end", "E1007;", "\x01\x82\0\0\0\0\xce\xff"),
      ROW("binary need not be UTF-8", "B:\xff;", "\x82\x81\0\0\0\0\xff"),
      ROW("U+10FFFF", "T:\xf4\x8f\xbf\xbf;", "\x81\x84\0\0\0\0\xf4\x8f\xbf\xbf"),
      ROW("nothing after an error", "E1002;", "\x83\x80\0\0\0\0\x81\x80\0\0\0\0"),
  };
#undef ROW
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    expect(WS_SERVER, slice_new(rows[i].bytes, rows[i].len), rows[i].want, rows[i].what);
}

/* Sizes around each form of the length; the largest message is taken, also in fragments. */
static void test_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 124, 125, 126, 127, 65535, 65536};
  char *text = malloc(MAX_MESSAGE + 1);
  assert_non_null(text);
  for (size_t i = 0; i < MAX_MESSAGE + 1; i++)
    text[i] = (char)('a' + i % 23);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    for (size_t pieces = 1; pieces <= 3; pieces++) {
      struct buf bytes;
      struct ws_receiver receiver;
      struct ws_event event;
      buf_init(&bytes, 0);
      ws_receiver_init(&receiver, WS_SERVER, MAX_MESSAGE);
      for (size_t p = 0; p < pieces; p++) {
        size_t from = sizes[i] * p / pieces, to = sizes[i] * (p + 1) / pieces;
        ws_put_frame(&bytes, p + 1 == pieces, p ? WS_CONTINUATION : WS_TEXT,
                     slice_new(text + from, to - from), key);
      }
      struct slice input = buf_slice(&bytes);
      ws_receiver_take(&receiver, &input, &event);
      assert_int_equal(event.kind, WS_EVENT_TEXT);
      assert_true(slice_equal(event.payload, slice_new(text, sizes[i])));
      assert_true(ws_receiver_idle(&receiver));
      ws_receiver_fini(&receiver);
      buf_fini(&bytes);
    }
  }
  struct buf bytes;
  struct ws_receiver receiver;
  struct ws_event event;
  buf_init(&bytes, 0);
  ws_receiver_init(&receiver, WS_SERVER, MAX_MESSAGE);
  ws_put_frame(&bytes, false, WS_TEXT, slice_new(text, MAX_MESSAGE), key);
  ws_put_frame(&bytes, true, WS_CONTINUATION, slice_of("x"), key);
  struct slice input = buf_slice(&bytes);
  ws_receiver_take(&receiver, &input, &event);
  assert_int_equal(event.kind, WS_EVENT_ERROR);
  assert_int_equal(event.close_code, WS_CLOSE_TOO_BIG);
  ws_receiver_fini(&receiver);
  buf_fini(&bytes);
  free(text);
}

/* Between messages a receiver may be thrown away; within one it may not. */
static void test_idle(void **state) {
  (void)state;
  struct buf bytes;
  struct ws_receiver receiver;
  struct ws_event event;
  buf_init(&bytes, 0);
  ws_receiver_init(&receiver, WS_SERVER, MAX_MESSAGE);
  ws_put_frame(&bytes, false, WS_TEXT, slice_of("ab"), key);
  size_t first = bytes.len;
  ws_put_frame(&bytes, true, WS_CONTINUATION, slice_of("cd"), key);
  assert_true(ws_receiver_idle(&receiver));
  for (size_t i = 0; i < bytes.len; i++) {
    struct slice one = slice_new(bytes.data + i, 1);
    ws_receiver_take(&receiver, &one, &event);
    if (ws_receiver_idle(&receiver) != (i + 1 == bytes.len))
      fail_msg("after byte %zu of %zu (the first fragment ends at %zu) idle is wrong", i + 1,
               bytes.len, first);
  }
  ws_receiver_fini(&receiver);
  buf_fini(&bytes);
}

static void test_mask_at_every_offset(void **state) {
  (void)state;
  for (size_t offset = 0; offset < 9; offset++)
    for (size_t len = 0; len < 40; len++) {
      char data[40];
      for (size_t i = 0; i < len; i++)
        data[i] = (char)i;
      ws_mask(data, len, key, offset);
      for (size_t i = 0; i < len; i++)
        assert_int_equal((uint8_t)data[i], (uint8_t)(i ^ key[(offset + i) % 4]));
    }
}

static void test_close_reason_is_cut_at_a_character(void **state) {
  (void)state;
  char reason[200];
  reason[0] = 'x';
  for (size_t i = 1; i + 1 < sizeof reason; i += 2)
    memcpy(reason + i, "\xc3\xbc", 2);
  struct buf bytes;
  buf_init(&bytes, 0);
  ws_put_close(&bytes, 1001, slice_new(reason, 199), NULL);
  assert_int_equal(bytes.data[1], 2 + 123); /* x and 61 characters of two bytes */
  buf_clear(&bytes);
  reason[122] = reason[121], reason[121] = 'y';
  ws_put_close(&bytes, 1001, slice_new(reason, 199), NULL);
  assert_int_equal(bytes.data[1], 2 + 122);
  buf_fini(&bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole_messages),
      cmocka_unit_test(test_fragments_with_control_frames_between),
      cmocka_unit_test(test_client_side),
      cmocka_unit_test(test_violations),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_idle),
      cmocka_unit_test(test_mask_at_every_offset),
      cmocka_unit_test(test_close_reason_is_cut_at_a_character),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
