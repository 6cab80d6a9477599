/* fcgi/body: content types, gzip and its bombs, records of JSON and NDJSON. */
#include "fcgi/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

static void test_content_types(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum body_type type;
  } rows[] = {
      {NULL, BODY_TYPE_JSON}, /* none at all */
      {"", BODY_TYPE_JSON},
      {"application/json", BODY_TYPE_JSON},
      {"Application/JSON; charset=UTF-8", BODY_TYPE_JSON},
      {"application/json;charset=\"utf-8\"", BODY_TYPE_JSON},
      {"application/json; charset=latin1", BODY_TYPE_OTHER},
      {"application/x-ndjson", BODY_TYPE_NDJSON},
      {"application/jsonl", BODY_TYPE_NDJSON},
      {"application/cloudevents+json", BODY_TYPE_CLOUDEVENT},
      {"Application/CloudEvents-Batch+JSON; charset=UTF-8", BODY_TYPE_CLOUDEVENTS},
      {"application/cloudevents+avro", BODY_TYPE_OTHER},
      {"application/x-www-form-urlencoded", BODY_TYPE_OTHER},
      {"text/plain", BODY_TYPE_TEXT},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (body_type_of(slice_of(rows[i].text)) != rows[i].type)
      fail_msg("Content-Type '%s' was taken for something else",
               rows[i].text ? rows[i].text : "(none)");
}

/* Appends `text` as a gzip member. */
static void put_gzip(struct buf *out, struct slice text) {
  z_stream stream = {0};
  assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                   Z_OK);
  size_t most = deflateBound(&stream, text.len);
  char *into = buf_reserve(out, most);
  assert_non_null(into);
  stream.next_in = (Bytef *)(uintptr_t)text.data;
  stream.avail_in = (uInt)text.len;
  stream.next_out = (Bytef *)into;
  stream.avail_out = (uInt)most;
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  buf_commit(out, most - stream.avail_out);
  deflateEnd(&stream);
}

static void test_gzip(void **state) {
  (void)state;
  struct buf gzip, out;
  buf_init(&gzip, 0);
  buf_init(&out, 0);
  put_gzip(&gzip, slice_of("{\"event\":"));
  put_gzip(&gzip, slice_of("\"x\"}")); /* a second member */
  assert_int_equal(body_inflate(buf_slice(&gzip), 100, &out), 0);
  assert_true(slice_is(buf_slice(&out), "{\"event\":\"x\"}"));
  buf_clear(&out);
  assert_int_equal(body_inflate(buf_slice(&gzip), 13, &out), 0); /* just fits */
  buf_clear(&out);
  assert_int_equal(body_inflate(buf_slice(&gzip), 12, &out), BELFRY_ETOOBIG);
  buf_clear(&out);
  assert_int_equal(body_inflate(slice_new(gzip.data, gzip.len - 3), 100, &out), BELFRY_EINVAL);
  buf_clear(&out);
  assert_int_equal(body_inflate(slice_of("not gzip"), 100, &out), BELFRY_EINVAL);
  buf_clear(&out);
  assert_int_equal(body_inflate(slice_of(""), 100, &out), BELFRY_EINVAL);
  buf_put_text(&gzip, "garbage");
  buf_clear(&out);
  assert_int_equal(body_inflate(buf_slice(&gzip), 100, &out), BELFRY_EINVAL);
  buf_fini(&gzip);
  buf_fini(&out);
}

static void test_gzip_bomb_stops_at_the_limit(void **state) {
  (void)state;
  struct buf gzip, out;
  size_t size = (size_t)64 << 20, limit = (size_t)1 << 20;
  char *zeros = calloc(1, size);
  assert_non_null(zeros);
  buf_init(&gzip, 0);
  buf_init(&out, 0);
  put_gzip(&gzip, slice_new(zeros, size));
  assert_int_equal(body_inflate(buf_slice(&gzip), limit, &out), BELFRY_ETOOBIG);
  assert_true(out.cap < 4 * limit); /* it was not inflated first and measured then */
  free(zeros);
  buf_fini(&gzip);
  buf_fini(&out);
}

static void test_records_say_where_they_are(void **state) {
  (void)state;
  struct body_records records;
  struct model_problem problem = {0};
  struct slice text;
  assert_int_equal(body_records_start(&records, slice_of(" [ {} , 5 ] "), false, &problem), 0);
  assert_true(body_records_next(&records, &text) && slice_is(text, "{}"));
  assert_string_equal(records.where, "/0");
  assert_true(body_records_next(&records, &text) && slice_is(text, "5"));
  assert_string_equal(records.where, "/1");
  assert_false(body_records_next(&records, &text));
  assert_string_equal(records.where, "");

  assert_int_equal(body_records_start(&records, slice_of(" {\"a\":1} "), false, &problem), 0);
  assert_true(body_records_next(&records, &text) && slice_is(text, "{\"a\":1}"));
  assert_string_equal(records.where, "");
  assert_false(body_records_next(&records, &text));

  assert_int_equal(body_records_start(&records, slice_of("{}\r\n\n  \n{\"b\":2}"), true, &problem),
                   0);
  assert_true(body_records_next(&records, &text) && slice_is(text, "{}"));
  assert_string_equal(records.where, "line 1");
  assert_true(body_records_next(&records, &text) && slice_is(text, "{\"b\":2}"));
  assert_string_equal(records.where, "line 4");
  assert_false(body_records_next(&records, &text));
}

static void test_wrong_bodies(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int status;
  } rows[] = {
      {"", BELFRY_EINVAL},     {"{", BELFRY_EINVAL},           {"{} {}", BELFRY_EINVAL},
      {"5", BELFRY_ECONFLICT}, {"\"text\"", BELFRY_ECONFLICT}, {"null", BELFRY_ECONFLICT},
  };
  struct body_records records;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct model_problem problem = {0};
    if (body_records_start(&records, slice_of(rows[i].text), false, &problem) != rows[i].status)
      fail_msg("the body '%s' was not refused as it should", rows[i].text);
    assert_true(problem.detail[0]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_content_types),
      cmocka_unit_test(test_gzip),
      cmocka_unit_test(test_gzip_bomb_stops_at_the_limit),
      cmocka_unit_test(test_records_say_where_they_are),
      cmocka_unit_test(test_wrong_bodies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
