/* pushd/http1: which heads are taken, and what is read from them. */
#include "pushd/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int parse(struct slice input, struct request *request) {
  size_t scanned = 0;
  const char *error = NULL;
  return http1_parse(input, &scanned, request, &error);
}

static const char good[] = "GET /ws/dashboard?events=a%2Cb&since=5 HTTP/1.1\r\n"
                           "Host: example.org:8080\r\n"
                           "UPGRADE:  h2c, WebSocket \r\n"
                           "Connection: keep-alive\r\n"
                           "connection: Upgrade\r\n"
                           "X-Empty:\r\n"
                           "\r\n";

/* However the head is cut: incomplete until its last byte, then always the same. */
static void test_good_head_at_every_cut(void **state) {
  (void)state;
  for (size_t cut = 0; cut < sizeof good - 1; cut++) {
    struct request request;
    size_t scanned = 0;
    const char *error;
    if (http1_parse(slice_new(good, cut), &scanned, &request, &error) != BELFRY_EMORE)
      fail_msg("a head of %zu bytes was taken as complete", cut);
    if (http1_parse(slice_of(good), &scanned, &request, &error) != 0)
      fail_msg("cut at byte %zu: %s", cut, error);
    assert_int_equal(request.head_bytes, sizeof good - 1);
    assert_true(slice_is(request.method, "GET"));
    assert_true(slice_is(request.path, "/ws/dashboard"));
    assert_true(slice_is(request.query, "events=a%2Cb&since=5"));
    assert_true(slice_is(request_header(&request, "host"), "example.org:8080"));
    assert_true(request_header_has_token(&request, "Upgrade", "websocket"));
    assert_true(request_header_has_token(&request, "Connection", "upgrade"));
    assert_false(request_header_has_token(&request, "Connection", "close"));
    assert_true(request_header(&request, "x-empty").data &&
                !request_header(&request, "x-empty").len);
    assert_null(request_header(&request, "x-absent").data);
  }
}

static void test_bytes_after_the_head_are_left(void **state) {
  (void)state;
  struct request request;
  assert_int_equal(parse(slice_of("GET / HTTP/1.0\r\n\r\nmore"), &request), 0);
  assert_int_equal(request.head_bytes, 18);
  assert_null(request.query.data);
}

static void test_refused_heads(void **state) {
  (void)state;
#define HOST "Host: x\r\n\r\n"
  static const struct {
    const char *head;
    int status;
  } rows[] = {
      {"GET /ws\r\n" HOST, 400},
      {"GET  /ws HTTP/1.1\r\n" HOST, 400},
      {"GET /ws HTTP/1.1 \r\n" HOST, 400},
      {" GET /ws HTTP/1.1\r\n" HOST, 400},
      {"G@T /ws HTTP/1.1\r\n" HOST, 400},
      {"GET ws HTTP/1.1\r\n" HOST, 400},
      {"GET http://x/ws HTTP/1.1\r\n" HOST, 400},
      {"GET /w\x7fs HTTP/1.1\r\n" HOST, 400},
      {"GET /ws HTTP/2.0\r\n" HOST, 505},
      {"GET /ws HTTP/1.x\r\n" HOST, 400},
      {"GET /ws http/1.1\r\n" HOST, 400},
      {"GET /ws HTTP/1.1\r\n\r\n", 400},
      {"GET /ws HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /ws HTTP/1.1\r\nA : b\r\n" HOST, 400},
      {"GET /ws HTTP/1.1\r\nA\r\n" HOST, 400},
      {"GET /ws HTTP/1.1\r\n: b\r\n" HOST, 400},
      {"GET /ws HTTP/1.1\r\nA: b\r\n folded\r\n" HOST, 400},
      {"GET /ws HTTP/1.1\r\nA: b\rc\r\n" HOST, 400},
      {"GET /ws HTTP/1.1\r\nA: b\nC: d\r\n" HOST, 400},
      {"GET /ws HTTP/1.1\r\nA: \x01\r\n" HOST, 400},
      {"GET /ws HTTP/1.1\r\nContent-Length: 5\r\n" HOST, 400},
      {"GET /ws HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HOST, 400},
      {"\x16\x03\x01\x02", 400}, /* TLS */
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET /ws HTTP/1.1\r\nContent-Length: 0\r\n" HOST, 0},
      {"GET /ws HTTP/1.0\r\n\r\n", 0},
  };
#undef HOST
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct request request;
    int status = parse(slice_of(rows[i].head), &request);
    if (status != rows[i].status)
      fail_msg("row %zu, '%s': answered %d instead of %d", i, rows[i].head, status, rows[i].status);
  }
}

static void test_bounds(void **state) {
  (void)state;
  struct request request;
  struct buf head;
  buf_init(&head, 0);
  buf_put_text(&head, "GET / HTTP/1.1\r\nHost: x\r\n");
  for (int i = 1; i < REQUEST_HEADERS_MAX; i++)
    buf_put_text(&head, "a: b\r\n");
  size_t without_end = head.len;
  buf_put_text(&head, "\r\n");
  assert_int_equal(parse(buf_slice(&head), &request), 0);
  head.len = without_end;
  buf_put_text(&head, "a: b\r\n\r\n");
  assert_int_equal(parse(buf_slice(&head), &request), 431);

  buf_clear(&head);
  buf_put_text(&head, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
  while (head.len < REQUEST_HEAD_MAX_BYTES - 4)
    buf_put_char(&head, 'a');
  buf_put_text(&head, "\r\n\r\n");
  assert_int_equal(parse(buf_slice(&head), &request), 0);
  buf_clear(&head);
  buf_put_text(&head, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
  while (head.len < REQUEST_HEAD_MAX_BYTES)
    buf_put_char(&head, 'a');
  assert_int_equal(parse(buf_slice(&head), &request), 431);
  buf_clear(&head);
  buf_put_text(&head, "GET /");
  while (head.len < REQUEST_HEAD_MAX_BYTES)
    buf_put_char(&head, 'a');
  assert_int_equal(parse(buf_slice(&head), &request), 414);
  buf_fini(&head);
}

static void test_query(void **state) {
  (void)state;
  struct slice rest = slice_of("&a=b%20c+d&&flag&x=%41=&e="), name, value;
  struct buf scratch;
  buf_init(&scratch, 0);
  assert_int_equal(request_query_next(&rest, &scratch, &name, &value), 1);
  assert_true(slice_is(name, "a") && slice_is(value, "b c d"));
  assert_int_equal(request_query_next(&rest, &scratch, &name, &value), 1);
  assert_true(slice_is(name, "flag") && value.len == 0);
  assert_int_equal(request_query_next(&rest, &scratch, &name, &value), 1);
  assert_true(slice_is(name, "x") && slice_is(value, "A="));
  assert_int_equal(request_query_next(&rest, &scratch, &name, &value), 1);
  assert_true(slice_is(name, "e") && value.len == 0);
  assert_int_equal(request_query_next(&rest, &scratch, &name, &value), 0);
  static const char *const broken[] = {"a=%", "a=%4", "a=%4g", "%zz=1", "a=%00"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    rest = slice_of(broken[i]);
    if (request_query_next(&rest, &scratch, &name, &value) != BELFRY_EINVAL)
      fail_msg("'%s' was taken", broken[i]);
  }
  buf_fini(&scratch);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_head_at_every_cut),
      cmocka_unit_test(test_bytes_after_the_head_are_left),
      cmocka_unit_test(test_refused_heads),
      cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_query),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
