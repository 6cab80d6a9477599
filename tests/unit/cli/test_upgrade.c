/* cli/upgrade: the handshake that is sent, and what is made of the answer however it is cut. */
#include "cli/upgrade.h"

#include "ws/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The RFC's own example (1.3). */
#define KEY      "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define SWITCHES "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"

static void test_request(void **state) {
  (void)state;
  struct buf out;
  const struct upgrade_request request = {
      .host = "h:8080", .target = "/monitor/ws?events=a%2A", .key = KEY, .bearer = "bfy_x"};
  buf_init(&out, 0);
  upgrade_put_request(&out, &request);
  assert_non_null(strstr(out.data, "GET /monitor/ws?events=a%2A HTTP/1.1\r\nHost: h:8080\r\n"));
  assert_non_null(strstr(out.data, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
  assert_non_null(strstr(out.data, "\r\nSec-WebSocket-Version: 13\r\n"));
  assert_non_null(strstr(out.data, "\r\nSec-WebSocket-Key: " KEY "\r\n"));
  assert_non_null(strstr(out.data, "\r\nAuthorization: Bearer bfy_x\r\n\r\n"));
  buf_fini(&out);
}

struct row {
  const char *bytes;
  const char *said; /* why it is wrong; NULL: it is an answer */
  long status;
  int64_t retry_after_s;
  const char *rest;
};

static const struct row rows[] = {
    {SWITCHES ACCEPT "\r\n\x81\x01x", NULL, 101, -1, "\x81\x01x"},
    {"HTTP/1.1 101\r\nupgrade:websocket\r\nconnection: keep-alive, upgrade\r\n" ACCEPT "\r\n", NULL,
     101, -1, ""},
    {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" SWITCHES ACCEPT "\r\n", NULL, 101, -1, ""},
    {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}", NULL, 503,
     7, "{}"},
    {"HTTP/1.0 401 Unauthorized\r\nretry-after: soon\r\n\r\n", NULL, 401, -1, ""},
    {SWITCHES "\r\n", "does not fit the key", 0, 0, NULL},
    {SWITCHES "Sec-WebSocket-Accept: c3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", "does not fit the key",
     0, 0, NULL},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" ACCEPT "\r\n",
     "does not switch to WebSocket", 0, 0, NULL},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" ACCEPT "\r\n",
     "does not switch to WebSocket", 0, 0, NULL},
    {SWITCHES ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "not asked for", 0, 0,
     NULL},
    {SWITCHES ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", "not asked for", 0, 0, NULL},
    {"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "does not speak HTTP", 0, 0, NULL},
    {"HTTP/1.1 1x1 Odd\r\n\r\n", "does not speak HTTP", 0, 0, NULL},
    {"HTTP/1.1 +10 Odd\r\n\r\n", "does not speak HTTP", 0, 0, NULL},
};

/* With `len` of its bytes, in memory of just that size. */
static int read_some(const struct row *row, size_t len, struct upgrade_answer *answer,
                     struct slice *rest, char **copy, struct belfry_error *error) {
  *copy = malloc(len + 1);
  memcpy(*copy, row->bytes, len);
  *rest = slice_new(*copy, len);
  return upgrade_read_answer(rest, KEY, answer, error);
}

static void test_answers(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct row *row = &rows[i];
    struct upgrade_answer answer;
    struct belfry_error error = {0};
    struct slice rest;
    char *copy;
    size_t head = strlen(row->bytes) - (row->rest ? strlen(row->rest) : 0);
    for (size_t len = 0; len < head; len++) {
      struct belfry_error early = {0};
      int status = read_some(row, len, &answer, &rest, &copy, &early);
      if (status != BELFRY_EMORE && !row->said)
        fail_msg("row %zu: %zu bytes are taken for a whole answer: %s", i, len, early.text);
      free(copy);
    }
    int status = read_some(row, strlen(row->bytes), &answer, &rest, &copy, &error);
    if (row->said && (status != BELFRY_EPROTO || !strstr(error.text, row->said)))
      fail_msg("row %zu: status %d, '%s' is said instead of '%s'", i, status, error.text,
               row->said);
    if (!row->said && (status || answer.status != row->status ||
                       answer.retry_after_s != row->retry_after_s || !slice_is(rest, row->rest)))
      fail_msg("row %zu: status %d '%s', answer %ld, rest of %zu bytes", i, status, error.text,
               answer.status, rest.len);
    free(copy);
  }
}

static void test_headers_that_do_not_end(void **state) {
  (void)state;
  struct buf bytes;
  struct upgrade_answer answer;
  buf_init(&bytes, 0);
  buf_put_text(&bytes, "HTTP/1.1 101 x\r\nA: ");
  while (bytes.len <= UPGRADE_HEAD_BYTES_MAX)
    buf_put_text(&bytes, "0123456789abcdef");
  struct slice rest = buf_slice(&bytes);
  assert_int_equal(upgrade_read_answer(&rest, KEY, &answer, NULL), BELFRY_ETOOBIG);
  buf_fini(&bytes);
}

static void test_bodies(void **state) {
  (void)state;
  static const struct {
    struct upgrade_answer answer;
    const char *bytes, *body;
    bool whole;
  } bodies[] = {
      {{.content_length = 3}, "abcd", "abc", true},
      {{.content_length = 3}, "ab", "ab", false},
      {{.content_length = 0}, "", "", true},
      {{.content_length = -1}, "abc", "abc", false},
      {{.content_length = -1, .chunked = true},
       "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
       "abcde",
       true},
      {{.content_length = -1, .chunked = true}, "3\r\nabc\r\n2\r\nd", "abcd", false},
      {{.content_length = -1, .chunked = true}, "3\r\nabc\r", "abc", false},
      {{.content_length = -1, .chunked = true}, "3", "", false},
      {{.content_length = -1, .chunked = true}, "no chunk\r\n", "", true},
      {{.content_length = -1, .chunked = true}, "ffffffff\r\nabc", "abc", false},
  };
  struct buf out;
  buf_init(&out, 0);
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    bool whole = upgrade_put_body(&bodies[i].answer, slice_of(bodies[i].bytes), &out);
    if (whole != bodies[i].whole || !slice_is(buf_slice(&out), bodies[i].body))
      fail_msg("row %zu: '%.*s', %s", i, SLICE_ARG(buf_slice(&out)), whole ? "whole" : "not whole");
  }
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_request),
      cmocka_unit_test(test_answers),
      cmocka_unit_test(test_headers_that_do_not_end),
      cmocka_unit_test(test_bodies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
