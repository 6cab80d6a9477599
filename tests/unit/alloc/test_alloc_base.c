/* lib/base out of memory: buffers, JSON and files say so, and never give half of something. */
#include "base/buf.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/wire.h"
#include "tests/unit/alloc/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PIECES 2000

static int fill_buffer(const void *arg) {
  struct buf buf;
  (void)arg;
  buf_init(&buf, 0);
  fail_alloc_begin();
  for (int i = 0; i < PIECES; i++) {
    buf_printf(&buf, "%d ", i % 10);
    json_put_string(&buf, slice_of("a\n\x01\xff"));
    wire_put_i64(&buf, i);
  }
  fail_alloc_end();
  int status = buf_status(&buf);
  if (!status)
    assert_int_equal(buf.len, PIECES * (2 + 14 + 8));
  if (buf.data)
    assert_int_equal(buf.data[buf.len], '\0');
  buf_clear(&buf);
  buf_put_text(&buf, "again");
  assert_true(slice_is(buf_slice(&buf), "again"));
  buf_fini(&buf);
  return status;
}

static int parse_json(const void *arg) {
  const char *text = arg;
  struct belfry_error error = {0};
  fail_alloc_begin();
  json_t *value = json_parse(slice_of(text), JSON_DEPTH_DEFAULT, &error);
  fail_alloc_end();
  if (!value) {
    assert_true(error.text[0]);
    return error.code;
  }
  json_t *whole = json_parse(slice_of(text), JSON_DEPTH_DEFAULT, NULL);
  assert_true(json_equal(value, whole));
  json_decref(whole);
  json_decref(value);
  return 0;
}

static int decode_string(const void *arg) {
  struct buf scratch;
  struct slice text;
  (void)arg;
  buf_init(&scratch, 0);
  fail_alloc_begin();
  int status = json_decode_string(slice_of("\"a\\u00e9\\n\""), &scratch, &text);
  fail_alloc_end();
  if (!status)
    assert_true(slice_is(text, "a\xc3\xa9\n"));
  buf_fini(&scratch);
  return status;
}

static int read_file(const void *arg) {
  struct belfry_error error = {0};
  size_t len = 0;
  fail_alloc_begin();
  char *text = fd_read_file(arg, 1 << 20, &len, &error);
  fail_alloc_end();
  if (!text)
    return error.code;
  assert_int_equal(len, 50000);
  free(text);
  return 0;
}

static void test_buffer(void **state) {
  (void)state;
  fail_alloc_each("a buffer", fill_buffer, NULL);
}

static void test_json(void **state) {
  (void)state;
  struct buf text;
  fail_alloc_each("JSON", parse_json,
                  " {\"a\": \"a string of some length, \\u00e9 and \\n in it\", "
                  "\"b\": [1, 2.5, -1e3, true, null, {\"c\": []}]} ");
  fail_alloc_each("a long integer", parse_json, "{\"a\":123456789012345678901234567890}");
  buf_init(&text, 0);
  for (int i = 0; i < 60; i++)
    buf_printf(&text, "%s\"member number %d\":\"%0*d\"", i ? "," : "{", i, i * 3 + 1, i);
  buf_put_char(&text, '}');
  fail_alloc_each("a large object", parse_json, text.data);
  buf_fini(&text);
}

static void test_string(void **state) {
  (void)state;
  fail_alloc_each("a string", decode_string, NULL);
}

static void test_file(void **state) {
  (void)state;
  struct belfry_error error = {0};
  char path[] = "/tmp/belfry-alloc.XXXXXX", bytes[50000];
  memset(bytes, 'x', sizeof bytes);
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  fd_close(&fd);
  assert_int_equal(fd_write_file(path, 0600, bytes, sizeof bytes, &error), 0);
  fail_alloc_each("a file", read_file, path);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_buffer),
      cmocka_unit_test(test_json),
      cmocka_unit_test(test_string),
      cmocka_unit_test(test_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
