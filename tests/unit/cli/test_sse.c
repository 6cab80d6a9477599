/* cli/sse: messages come out the same however the bytes are cut. */
#include "cli/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void collect(void *arg, struct slice name, struct slice data) {
  buf_printf(arg, "[%.*s|%.*s]", SLICE_ARG(name), SLICE_ARG(data));
}

struct row {
  const char *bytes;
  const char *messages;
  const char *last_id;
  int64_t retry_ms;
};

static const struct row rows[] = {
    {"", "", "", -1},
    {"data: a\n\n", "[|a]", "", -1},
    {"data:a\r\n\r\n", "[|a]", "", -1},
    {"data:  a\r\r", "[| a]", "", -1},
    {"data: a\rdata: b\r\ndata: c\n\n", "[|a\nb\nc]", "", -1},
    {"data\n\n", "[|]", "", -1},
    {"data\ndata\n\n", "[|\n]", "", -1},
    {"event: x\nid: e-1\ndata: a\n\ndata: b\n\n", "[x|a][|b]", "e-1", -1},
    {"id: e-7\n\n", "", "e-7", -1},               /* moves the place and is no message */
    {"id: 1\n\nid\ndata: x\n\n", "[|x]", "", -1}, /* an empty id forgets */
    {"id: 1\ndata: x\n\nid: 2\ndata: y\n", "[|x]", "1",
     -1}, /* what is not complete does not count */
    {": comment\n:\ndata: a\n: another\n\n", "[|a]", "", -1},
    {"retry: 1500\nretry: x\nretry: -1\n\n", "", "", 1500},
    {"event: lost\n\ndata: a\n\n", "[|a]", "", -1},
    {"unknown: x\ndatum: y\n data: z\ndata: a\n\n", "[|a]", "", -1},
    {"\xef\xbb\xbf"
     "data: a\n\n\xef\xbb\xbf"
     "data: b\n\n",
     "[|a]", "", -1},
    {"data: {\"a\":\"\xc3\xa4\xf0\x9f\xa6\x87\"}\n\n", "[|{\"a\":\"\xc3\xa4\xf0\x9f\xa6\x87\"}]",
     "", -1},
    {"data: a: b\n\n\n\n\ndata: c\n\n", "[|a: b][|c]", "", -1},
};

static void feed(struct sse *sse, const char *bytes, size_t len) {
  char *copy = malloc(len + 1); /* so that a sanitizer sees a step beyond the end */
  memcpy(copy, bytes, len);
  assert_int_equal(sse_feed(sse, slice_new(copy, len)), 0);
  free(copy);
}

static void check(const struct row *row, size_t first, size_t second) {
  struct buf out;
  struct sse sse;
  size_t len = strlen(row->bytes);
  buf_init(&out, 0);
  buf_put_text(&out, "");
  sse_init(&sse, collect, &out);
  feed(&sse, row->bytes, first);
  feed(&sse, row->bytes + first, second - first);
  feed(&sse, row->bytes + second, len - second);
  if (strcmp(out.data, row->messages) != 0 || strcmp(sse.last_id, row->last_id) != 0 ||
      sse.retry_ms != row->retry_ms)
    fail_msg("'%s' cut at %zu and %zu gives '%s' with the id '%s'", row->bytes, first, second,
             out.data, sse.last_id);
  sse_fini(&sse);
  buf_fini(&out);
}

static void test_every_cut(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (size_t first = 0; first <= strlen(rows[i].bytes); first++)
      for (size_t second = first; second <= strlen(rows[i].bytes); second++)
        check(&rows[i], first, second);
}

static void test_byte_by_byte(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out;
    struct sse sse;
    buf_init(&out, 0);
    buf_put_text(&out, "");
    sse_init(&sse, collect, &out);
    for (const char *at = rows[i].bytes; *at; at++)
      feed(&sse, at, 1);
    assert_string_equal(out.data, rows[i].messages);
    sse_fini(&sse);
    buf_fini(&out);
  }
}

static void test_restart_keeps_the_place(void **state) {
  (void)state;
  static const char first[] = "retry: 70\nid: e-3\ndata: a\n\nid: e-4\nevent: half\ndata: hal",
                    second[] = "data: b\n\n";
  struct buf out;
  struct sse sse;
  buf_init(&out, 0);
  sse_init(&sse, collect, &out);
  feed(&sse, first, strlen(first));
  sse_restart(&sse);
  assert_string_equal(sse.last_id, "e-3");
  feed(&sse, second, strlen(second));
  assert_string_equal(out.data, "[|a][|b]");
  assert_string_equal(sse.last_id, "e-3");
  assert_int_equal(sse.retry_ms, 70);
  sse_fini(&sse);
  buf_fini(&out);
}

static void test_bounds(void **state) {
  (void)state;
  static char line[65536];
  struct buf out;
  struct sse sse;
  int status = 0;
  size_t fed = 0;
  memset(line, 'x', sizeof line);
  buf_init(&out, 0);
  buf_put_text(&out, "");
  sse_init(&sse, collect, &out);
  feed(&sse, "id: ", 4); /* an id that is too long to be sent back is passed over */
  feed(&sse, line, 200);
  feed(&sse, "\ndata: a\n\n", 10);
  assert_string_equal(sse.last_id, "");
  assert_string_equal(out.data, "[|a]");
  for (; !status; fed += sizeof line)
    status = sse_feed(&sse, slice_new(line, sizeof line));
  assert_int_equal(status, BELFRY_ETOOBIG);
  assert_true(fed <= SSE_MESSAGE_BYTES_MAX + sizeof line);
  sse_restart(&sse);
  for (status = 0, fed = 0; !status; fed += sizeof line) {
    line[sizeof line - 1] = '\n';
    memcpy(line, "data:", 5);
    status = sse_feed(&sse, slice_new(line, sizeof line));
  }
  assert_int_equal(status, BELFRY_ETOOBIG);
  assert_true(fed <= SSE_MESSAGE_BYTES_MAX + 2 * sizeof line);
  sse_fini(&sse);
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_cut),
      cmocka_unit_test(test_byte_by_byte),
      cmocka_unit_test(test_restart_keeps_the_place),
      cmocka_unit_test(test_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
