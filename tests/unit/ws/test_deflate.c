/* lib/ws: permessage-deflate, its negotiation, its messages, and what a receiver makes of them. */
#include "ws/deflate.h"
#include "ws/receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX_MESSAGE 65536
#define ANSWER      "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
#define LONG_TEXT   100000

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

static void test_negotiation(void **state) {
  (void)state;
  static const struct {
    const char *offers, *want;
  } rows[] = {
      /* what browsers and libraries send */
      {"permessage-deflate", ANSWER},
      {"permessage-deflate; client_max_window_bits", ANSWER},
      {"permessage-deflate; server_no_context_takeover; client_no_context_takeover", ANSWER},
      {"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
       ANSWER "; server_max_window_bits=12"},
      /* windows */
      {"permessage-deflate; client_max_window_bits=8", ANSWER},
      {"permessage-deflate; client_max_window_bits=15", ANSWER},
      {"permessage-deflate; client_max_window_bits=\"10\"", ANSWER},
      {"permessage-deflate; client_max_window_bits=\"1\\0\"", ANSWER},
      {"permessage-deflate; client_max_window_bits=7", NULL},
      {"permessage-deflate; client_max_window_bits=16", NULL},
      {"permessage-deflate; client_max_window_bits=08", NULL},
      {"permessage-deflate; client_max_window_bits=010", NULL},
      {"permessage-deflate; client_max_window_bits=+9", NULL},
      {"permessage-deflate; client_max_window_bits=1e", NULL},
      {"permessage-deflate; client_max_window_bits=4294967304", NULL},
      {"permessage-deflate; server_max_window_bits=15", ANSWER "; server_max_window_bits=15"},
      {"permessage-deflate; server_max_window_bits=14", ANSWER "; server_max_window_bits=14"},
      {"permessage-deflate; server_max_window_bits=13", ANSWER "; server_max_window_bits=13"},
      {"permessage-deflate; server_max_window_bits=11", NULL},
      {"permessage-deflate; server_max_window_bits=8", NULL},
      {"permessage-deflate; server_max_window_bits", NULL},
      {"permessage-deflate; server_max_window_bits=16", NULL},
      /* parameters that are wrong */
      {"permessage-deflate; server_no_context_takeover=1", NULL},
      {"permessage-deflate; client_no_context_takeover=true", NULL},
      {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", NULL},
      {"permessage-deflate; client_max_window_bits; client_max_window_bits=9", NULL},
      {"permessage-deflate; server_max_window_bits=15; server_max_window_bits=15", NULL},
      {"permessage-deflate; level=9", NULL},
      {"permessage-deflate; SERVER_NO_CONTEXT_TAKEOVER", NULL},
      /* other extensions */
      {"", NULL},
      {"x-webkit-deflate-frame", NULL},
      {"permessage-deflat", NULL},
      {"permessage-deflates", NULL},
      {"permessage-bzip2; a=\"b\", permessage-deflate", ANSWER},
      /* several offers: the first that can be met */
      {"permessage-deflate; server_max_window_bits=10, permessage-deflate", ANSWER},
      {"permessage-deflate; server_max_window_bits=13, permessage-deflate",
       ANSWER "; server_max_window_bits=13"},
      {"permessage-deflate; unknown, permessage-deflate; client_max_window_bits", ANSWER},
      {"permessage-deflate; server_max_window_bits=9, permessage-deflate; x=y", NULL},
      /* blanks and empty members of a list */
      {"permessage-deflate;client_max_window_bits=9", ANSWER},
      {" permessage-deflate\t; client_max_window_bits \t= 9 ", ANSWER},
      {",, permessage-deflate ,,", ANSWER},
      /* not by the grammar: nothing in the header is believed */
      {"permessage-deflate;", NULL},
      {"permessage-deflate; ;client_max_window_bits", NULL},
      {"permessage-deflate; client_max_window_bits=", NULL},
      {"permessage-deflate; client_max_window_bits=\"\"", NULL},
      {"permessage-deflate; client_max_window_bits=\"9", NULL},
      {"permessage-deflate; client_max_window_bits=\"9\\", NULL},
      {"permessage-deflate; client_max_window_bits=\"1 0\"", NULL},
      {"permessage-deflate; client_max_window_bits=9\"\"", NULL},
      {"permessage-deflate; client_max_window_bits=9=9", NULL},
      {"permessage-deflate client_max_window_bits", NULL},
      {"; permessage-deflate", NULL},
      {"permessage-deflate, =", NULL},
      {"permessage-deflate, x; y=\"", NULL},
      {"permessage-deflate, (comment)", NULL},
      {"permessage-deflate\r\n", NULL},
      {"permessage-d\xc3\xa9"
       "flate",
       NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *got = ws_deflate_accept(slice_of(rows[i].offers));
    if (!got != !rows[i].want || (got && strcmp(got, rows[i].want) != 0))
      fail_msg("'%s' is answered '%s' instead of '%s'", rows[i].offers, got ? got : "(nothing)",
               rows[i].want ? rows[i].want : "(nothing)");
  }
  assert_null(ws_deflate_accept(slice_new("permessage-deflate\0", 19)));
  assert_null(ws_deflate_accept(slice_new(NULL, 0)));
}

struct both {
  struct ws_deflater *deflater;
  struct ws_inflater *inflater;
};

static int make_both(void **state) {
  static struct both both;
  both.deflater = ws_deflater_new();
  both.inflater = ws_inflater_new();
  *state = &both;
  return both.deflater && both.inflater ? 0 : -1;
}

static int free_both(void **state) {
  struct both *both = *state;
  ws_deflater_free(both->deflater);
  ws_inflater_free(both->inflater);
  return 0;
}

/* A text that compresses as JSON does, different for each `seed`. Returns: owned. */
static char *make_text(size_t len, unsigned seed) {
  char *text = malloc(len + 1);
  size_t at = 0;
  assert_non_null(text);
  while (at < len) {
    seed = seed * 1103515245 + 12345;
    int put = snprintf(text + at, len + 1 - at, "{\"event\":\"e%u\",\"data\":{\"value\":%u}},",
                       seed >> 29, seed >> 12);
    at += put > 0 ? (size_t)put : 0;
  }
  return text;
}

static void test_round_trip(void **state) {
  struct both *both = *state;
  static const size_t sizes[] = {0, 1, 2, 200, 4095, 4096, 4097, 65536, LONG_TEXT};
  for (unsigned i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
    size_t len = sizes[i / 2];
    char *text = make_text(len, i);
    struct buf payload;
    struct slice message;
    buf_init(&payload, 0);
    buf_put_text(&payload, "before");
    assert_int_equal(ws_deflate(both->deflater, slice_new(text, len), &payload), 0);
    assert_memory_equal(payload.data, "before", 6);
    buf_consume(&payload, 6);
    if (len >= 4096)
      assert_true(payload.len < len / 2);
    assert_int_equal(ws_inflate(both->inflater, buf_slice(&payload), len, &message), 0);
    assert_true(slice_equal(message, slice_new(text, len)));
    /* One byte less than it holds is too little, and is said so. */
    if (len)
      assert_int_equal(ws_inflate(both->inflater, buf_slice(&payload), len - 1, &message),
                       BELFRY_ETOOBIG);
    buf_fini(&payload);
    free(text);
  }
}

/* Bytes without any order do not shrink, but come back. */
static void test_noise(void **state) {
  struct both *both = *state;
  char *noise = malloc(LONG_TEXT);
  struct buf payload;
  struct slice message;
  unsigned seed = 1;
  assert_non_null(noise);
  for (size_t i = 0; i < LONG_TEXT; i++) {
    seed = seed * 1103515245 + 12345;
    noise[i] = (char)(seed >> 23);
  }
  buf_init(&payload, 0);
  assert_int_equal(ws_deflate(both->deflater, slice_new(noise, LONG_TEXT), &payload), 0);
  assert_true(payload.len > LONG_TEXT && payload.len < LONG_TEXT + 1000);
  assert_int_equal(ws_inflate(both->inflater, buf_slice(&payload), LONG_TEXT, &message), 0);
  assert_true(slice_equal(message, slice_new(noise, LONG_TEXT)));
  buf_fini(&payload);
  free(noise);
}

/* The same message is always the same bytes: nothing is left of those before it. */
static void test_messages_stand_alone(void **state) {
  struct both *both = *state;
  struct slice text = slice_of("{\"event\":\"agent_activity\",\"data\":{\"agent\":\"a\"}}");
  struct buf first, second;
  struct slice message;
  buf_init(&first, 0);
  buf_init(&second, 0);
  assert_int_equal(ws_deflate(both->deflater, text, &first), 0);
  assert_int_equal(ws_deflate(both->deflater, text, &second), 0);
  assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
  assert_int_equal(ws_inflate(both->inflater, slice_of("\xff\xff"), 100, &message), BELFRY_EINVAL);
  assert_int_equal(ws_inflate(both->inflater, buf_slice(&second), 100, &message), 0);
  assert_true(slice_equal(message, text));
  buf_fini(&first);
  buf_fini(&second);
}

/* A buffer that is too small is told, and the next message is whole again. */
static void test_output_is_bounded(void **state) {
  struct both *both = *state;
  char *text = make_text(1000, 1);
  struct buf small, payload;
  struct slice message;
  buf_init(&small, 20);
  buf_init(&payload, 0);
  assert_int_equal(ws_deflate(both->deflater, slice_new(text, 1000), &small), BELFRY_ETOOBIG);
  assert_int_equal(ws_deflate(both->deflater, slice_new(text, 1000), &payload), 0);
  assert_int_equal(ws_inflate(both->inflater, buf_slice(&payload), 1000, &message), 0);
  assert_true(slice_equal(message, slice_new(text, 1000)));
  buf_fini(&small);
  buf_fini(&payload);
  free(text);
}

#define ROW(what, bytes, want)                                                                     \
  { what, bytes, sizeof bytes - 1, want }

/* RFC 7692, 7.2.3, and its odd cases. A NULL wants BELFRY_EINVAL. */
static void test_payloads(void **state) {
  struct both *both = *state;
  static const struct {
    const char *what, *bytes;
    size_t len;
    const char *want;
  } rows[] = {
      ROW("7.2.3.1, one block", "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"),
      ROW("7.2.3.3, no compression", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello"),
      ROW("7.2.3.4, a final block", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello"),
      ROW("7.2.3.5, two blocks", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello"),
      ROW("7.2.3.6, an empty message", "\x00", ""),
      ROW("an empty message of another shape", "\x02\x00", ""),
      ROW("a final block and nothing behind it", "\xf3\x48\xcd\xc9\xc9\x07\x00", "Hello"),
      ROW("two final blocks",
          "\x01\x05\x00\xfa\xff"
          "Hello"
          "\x01\x02\x00\xfd\xff"
          ", \x00",
          "Hello, "),
      ROW("a final block, then one that looks back over it",
          "\xf3\x48\xcd\xc9\xc9\x57\xf0\x00\x91\x00\xf2\x40\x30\x01\x00", "Hello HelloHello Hello"),
      ROW("no payload", "", ""),
      ROW("block type 3", "\x06", NULL),
      ROW("block type 3 behind a message", "\xf2\x48\xcd\xc9\xc9\x07\x06", NULL),
      ROW("lengths that do not fit", "\x00\x05\x00\x05\x00Hello", NULL),
      ROW("a stored block cut short", "\x00\x05\x00\xfa\xffHel", NULL),
      ROW("a compressed block cut short", "\xf2\x48\xcd\xc9", NULL),
      ROW("a header alone", "\x00\x05", NULL),
      ROW("a distance before the start", "\x03\x02\x00", NULL),
      ROW("the tail left in place", "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff", NULL),
      ROW("rubbish behind a final block", "\xf3\x48\xcd\xc9\xc9\x07\x00\xff", NULL),
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct slice message;
    int status =
        ws_inflate(both->inflater, slice_new(rows[i].bytes, rows[i].len), MAX_MESSAGE, &message);
    if (rows[i].want ? status || !slice_is(message, rows[i].want) : status != BELFRY_EINVAL)
      fail_msg("%s: status %d, '%.*s'", rows[i].what, status, SLICE_ARG(message));
  }
}

/* A megabyte of zeros in a kilobyte: no more is made of it than may be. */
static void test_bomb(void **state) {
  struct both *both = *state;
  size_t len = (size_t)1 << 20;
  char *zeros = calloc(1, len);
  struct buf payload;
  struct slice message;
  assert_non_null(zeros);
  buf_init(&payload, 0);
  assert_int_equal(ws_deflate(both->deflater, slice_new(zeros, len), &payload), 0);
  assert_true(payload.len < 2000);
  assert_int_equal(ws_inflate(both->inflater, buf_slice(&payload), MAX_MESSAGE, &message),
                   BELFRY_ETOOBIG);
  assert_int_equal(message.len, 0);
  assert_int_equal(ws_inflate(both->inflater, buf_slice(&payload), len, &message), 0);
  assert_int_equal(message.len, len);
  buf_fini(&payload);
  free(zeros);
}

/* Each final block costs a copy of the window: a message may have some, and not be made of them. */
static void test_final_blocks_are_counted(void **state) {
  struct both *both = *state;
  static const char block[] = "\x01\x01\x00\xfe\xffx";
  struct buf payload;
  struct slice message;
  buf_init(&payload, 0);
  for (int i = 0; i < 64; i++)
    buf_put(&payload, block, sizeof block - 1);
  assert_int_equal(ws_inflate(both->inflater, buf_slice(&payload), MAX_MESSAGE, &message), 0);
  assert_int_equal(message.len, 64);
  for (int i = 0; i < 1000; i++)
    buf_put(&payload, block, sizeof block - 1);
  assert_int_equal(ws_inflate(both->inflater, buf_slice(&payload), MAX_MESSAGE, &message),
                   BELFRY_EINVAL);
  buf_fini(&payload);
}

/* --- in a receiver -----------------------------------------------------------------------------
 */

static void feed(struct ws_receiver *receiver, struct slice piece, struct buf *log) {
  struct ws_event event;
  do {
    ws_receiver_take(receiver, &piece, &event);
    if (event.kind == WS_EVENT_CLOSE || event.kind == WS_EVENT_ERROR)
      buf_printf(log, "%c%u;", event.kind == WS_EVENT_CLOSE ? 'C' : 'E', event.close_code);
    else if (event.kind != WS_EVENT_NONE)
      buf_printf(log, "%c:%.*s;", "?TBpo"[event.kind], SLICE_ARG(event.payload));
  } while (event.kind != WS_EVENT_NONE);
}

/* Gives `bytes` to a receiver, cut at every place. */
static void expect(struct ws_inflater *inflater, enum ws_role role, struct slice bytes,
                   const char *want, const char *what) {
  for (size_t cut = 0; cut <= bytes.len; cut++) {
    struct ws_receiver receiver;
    struct buf log;
    ws_receiver_init(&receiver, role, 1000);
    ws_receiver_allow_deflate(&receiver, inflater);
    buf_init(&log, 0);
    feed(&receiver, slice_new(bytes.data, cut), &log);
    feed(&receiver, slice_new(bytes.data + cut, bytes.len - cut), &log);
    if (!slice_is(buf_slice(&log), want))
      fail_msg("%s, cut at byte %zu: got '%.*s' instead of '%s'", what, cut,
               SLICE_ARG(buf_slice(&log)), want);
    ws_receiver_fini(&receiver);
    buf_fini(&log);
  }
}

static void put(struct buf *bytes, bool final, int opcode, const char *payload, size_t len) {
  ws_put_frame(bytes, final, (enum ws_opcode)opcode, slice_new(payload, len), key);
}

static void test_receiver_inflates(void **state) {
  struct both *both = *state;
  static const char hello[] = "\xf2\x48\xcd\xc9\xc9\x07";
  struct buf bytes;
  buf_init(&bytes, 0);
  put(&bytes, true, WS_TEXT | WS_RSV1, hello, 7);
  put(&bytes, true, WS_TEXT, "plain", 5);
  put(&bytes, false, WS_TEXT | WS_RSV1, hello, 2);
  put(&bytes, true, WS_PING, "ping", 4);
  put(&bytes, false, WS_CONTINUATION, hello + 2, 0);
  put(&bytes, true, WS_CONTINUATION, hello + 2, 5);
  put(&bytes, false, WS_TEXT, "in ", 3);
  put(&bytes, true, WS_CONTINUATION, "pieces", 6);
  put(&bytes, true, WS_BINARY | WS_RSV1, hello, 7);
  put(&bytes, true, WS_TEXT | WS_RSV1, "", 1);
  put(&bytes, true, WS_TEXT | WS_RSV1, "", 0);
  ws_put_close(&bytes, 1000, slice_of(""), key);
  expect(both->inflater, WS_SERVER, buf_slice(&bytes),
         "T:Hello;T:plain;p:ping;T:Hello;T:in pieces;B:Hello;T:;T:;C1000;",
         "compressed and plain messages in turn");
  buf_clear(&bytes);
  ws_put_frame(&bytes, true, (enum ws_opcode)(WS_TEXT | WS_RSV1), slice_new(hello, 7), NULL);
  expect(both->inflater, WS_CLIENT, buf_slice(&bytes), "T:Hello;", "a server's message");
  expect(NULL, WS_CLIENT, buf_slice(&bytes), "E1002;", "RSV1 that was not negotiated");
  buf_fini(&bytes);
}

static void test_receiver_refuses(void **state) {
  struct both *both = *state;
  static const struct {
    const char *what, *bytes;
    size_t len;
    const char *want;
  } rows[] = {
      ROW("RSV1 on a ping", "\xc9\x80\0\0\0\0", "E1002;"),
      ROW("RSV1 on a pong", "\xca\x80\0\0\0\0", "E1002;"),
      ROW("RSV1 on a close", "\xc8\x80\0\0\0\0", "E1002;"),
      ROW("RSV2", "\xa1\x80\0\0\0\0", "E1002;"),
      ROW("RSV1 and RSV2", "\xe1\x80\0\0\0\0", "E1002;"),
      ROW("RSV1 and RSV3", "\xd1\x80\0\0\0\0", "E1002;"),
      ROW("RSV1 and opcode 3", "\xc3\x80\0\0\0\0", "E1002;"),
      ROW("RSV1 on a continuation", "\x41\x81\0\0\0\0\x02\xc0\x81\0\0\0\0\x00", "E1002;"),
      ROW("RSV1 on a continuation of a plain message", "\x01\x80\0\0\0\0\xc0\x80\0\0\0\0",
          "E1002;"),
      ROW("broken data", "\xc1\x81\0\0\0\0\x06", "E1007;"),
      ROW("data cut short", "\xc1\x84\0\0\0\0\xf2\x48\xcd\xc9", "E1007;"),
      ROW("a byte that is not UTF-8", "\xc1\x87\0\0\0\0\x00\x01\x00\xfe\xff\xff\x00", "E1007;"),
      ROW("half a character", "\xc1\x88\0\0\0\0\x00\x02\x00\xfd\xff\xe2\x82\x00", "E1007;"),
      ROW("a byte that need not be UTF-8", "\xc2\x87\0\0\0\0\x00\x01\x00\xfe\xff\xff\x00",
          "B:\xff;"),
      ROW("more compressed bytes than a message may have", "\xc1\xfe\x03\xe9\0\0\0\0", "E1009;"),
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    expect(both->inflater, WS_SERVER, slice_new(rows[i].bytes, rows[i].len), rows[i].want,
           rows[i].what);
}

/* The bound counts what a message becomes, in one frame or many. */
static void test_receiver_bounds(void **state) {
  struct both *both = *state;
  char *text = make_text(1001, 7);
  for (size_t len = 1000; len <= 1001; len++) {
    struct buf payload, bytes, want;
    buf_init(&payload, 0);
    buf_init(&bytes, 0);
    buf_init(&want, 0);
    assert_int_equal(ws_deflate(both->deflater, slice_new(text, len), &payload), 0);
    put(&bytes, false, WS_TEXT | WS_RSV1, payload.data, 10);
    put(&bytes, true, WS_CONTINUATION, payload.data + 10, payload.len - 10);
    if (len == 1000)
      buf_printf(&want, "T:%.*s;", (int)len, text);
    else
      buf_put_text(&want, "E1009;");
    expect(both->inflater, WS_SERVER, buf_slice(&bytes), want.data,
           "a message of the largest size");
    buf_fini(&payload);
    buf_fini(&bytes);
    buf_fini(&want);
  }
  free(text);
}

/* Behind a compressed message, too, a receiver may be thrown away. */
static void test_receiver_is_idle_between_messages(void **state) {
  struct both *both = *state;
  struct ws_receiver receiver;
  struct ws_event event;
  struct buf bytes;
  buf_init(&bytes, 0);
  ws_receiver_init(&receiver, WS_SERVER, 1000);
  ws_receiver_allow_deflate(&receiver, both->inflater);
  put(&bytes, false, WS_TEXT | WS_RSV1, "\xf2\x48\xcd", 3);
  put(&bytes, true, WS_CONTINUATION, "\xc9\xc9\x07\x00", 4);
  for (size_t i = 0; i < bytes.len; i++) {
    struct slice one = slice_new(bytes.data + i, 1);
    assert_int_equal(ws_receiver_idle(&receiver), i == 0);
    ws_receiver_take(&receiver, &one, &event);
  }
  assert_int_equal(event.kind, WS_EVENT_TEXT);
  assert_true(ws_receiver_idle(&receiver));
  ws_receiver_fini(&receiver);
  buf_fini(&bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_negotiation),
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_noise),
      cmocka_unit_test(test_messages_stand_alone),
      cmocka_unit_test(test_output_is_bounded),
      cmocka_unit_test(test_payloads),
      cmocka_unit_test(test_bomb),
      cmocka_unit_test(test_final_blocks_are_counted),
      cmocka_unit_test(test_receiver_inflates),
      cmocka_unit_test(test_receiver_refuses),
      cmocka_unit_test(test_receiver_bounds),
      cmocka_unit_test(test_receiver_is_idle_between_messages),
  };
  return cmocka_run_group_tests(tests, make_both, free_both);
}
