/* lib/model/log_line and lib/model/line_split: what lines say, and where they end. */
#include "model/line_split.h"
#include "model/log_line.h"

#include "base/json.h"
#include "base/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define NOW "2026-11-20T12:00:00.000Z"

static int64_t ms(const char *text) {
  int64_t value;
  assert_int_equal(timestamp_parse(slice_of(text), &value), 0);
  return value;
}

static void expect_line(const char *text, enum severity severity, const char *time,
                        const char *data_expected) {
  struct buf data;
  struct log_line line;
  buf_init(&data, 0);
  log_line_read(slice_of(text), false, ms(NOW), &data, &line);
  assert_int_equal(buf_status(&data), 0);
  json_t *json = json_parse(buf_slice(&data), JSON_DEPTH_DEFAULT, NULL);
  if (!json)
    fail_msg("the data of '%s' is no JSON: %s", text, data.data);
  json_decref(json);
  if (line.severity != severity)
    fail_msg("'%s' is taken as %s", text, severity_name((int)line.severity));
  if (line.timestamp_ms != ms(time)) {
    char shown[TIMESTAMP_BYTES];
    timestamp_format(line.timestamp_ms, shown);
    fail_msg("the time of '%s' is taken as %s", text, shown);
  }
  if (data_expected && strcmp(data.data, data_expected) != 0)
    fail_msg("the data of '%s' is %s", text, data.data);
  buf_fini(&data);
}

static void test_access_lines(void **state) {
  (void)state;
  expect_line("10.0.0.1 - bob [20/Nov/2026:12:30:05 +0200] \"GET /a%20b?x=1 HTTP/1.1\" 200 612 "
              "\"-\" \"Mozilla/5.0 \\\"x\\\"\" 0.012",
              SEVERITY_INFO, "2026-11-20T10:30:05Z",
              "{\"message\":\"10.0.0.1 - bob [20/Nov/2026:12:30:05 +0200] \\\"GET /a%20b?x=1 "
              "HTTP/1.1\\\" 200 612 \\\"-\\\" \\\"Mozilla/5.0 \\\\\\\"x\\\\\\\"\\\" 0.012\","
              "\"attributes\":{\"address\":\"10.0.0.1\",\"method\":\"GET\",\"path\":\"/a%20b?x=1\","
              "\"user_agent\":\"Mozilla/5.0 \\\\\\\"x\\\\\\\"\",\"status\":200,\"bytes\":612,"
              "\"duration_ms\":12}}");
  expect_line("::1 - - [20/Nov/2026:10:00:00 +0000] \"POST /api HTTP/2.0\" 404 - \"-\" \"-\"",
              SEVERITY_WARNING, "2026-11-20T10:00:00Z", NULL);
  expect_line("::1 - - [20/Nov/2026:10:00:00 +0000] \"\" 400 0", SEVERITY_WARNING,
              "2026-11-20T10:00:00Z", NULL);
  expect_line("::1 - - [20/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 503 0 \"-\" \"-\" rt=1.5",
              SEVERITY_ERROR, "2026-11-20T10:00:00Z", NULL);
  /* What only looks like one. */
  expect_line("::1 - - [99/Nov/2026:10:00:00 +0000", SEVERITY_INFO, NOW, NULL);
  expect_line("::1 - - [20/Xxx/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 0", SEVERITY_INFO, NOW,
              NULL);
}

static void test_levels(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum severity severity;
  } rows[] = {
      {"2026-11-20 09:00:00,123 ERROR main: it broke", SEVERITY_ERROR},
      {"WARN  [pool-1] slow", SEVERITY_WARNING},
      {"FATAL: out of cheese", SEVERITY_CRITICAL},
      {"level=warning msg=\"no error here\"", SEVERITY_WARNING},
      {"ts=1 lvl=dbg level=debug x", SEVERITY_DEBUG},
      {"{\"level\":\"error\",\"msg\":\"x\"}", SEVERITY_ERROR},
      {"{\"msg\":\"error\",\"level\":\"info\"}", SEVERITY_INFO},
      {"[error] something", SEVERITY_ERROR},
      {"2026/11/20 10:00:00 [crit] 12#12: *3 cannot", SEVERITY_CRITICAL},
      {"[Fri Nov 20 10:00:00 2026] [core:error] [pid 1] x", SEVERITY_ERROR},
      {"error: cannot", SEVERITY_ERROR},
      {"belfry-watchd[12] notice: up", SEVERITY_INFO},
      {"no error was found", SEVERITY_INFO},
      {"GET /error/ERROR_PAGE", SEVERITY_INFO},
      {"errors 12", SEVERITY_INFO},
      {"x", SEVERITY_INFO},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf data;
    struct log_line line;
    buf_init(&data, 0);
    log_line_read(slice_of(rows[i].text), false, ms(NOW), &data, &line);
    buf_fini(&data);
    if (line.severity != rows[i].severity)
      fail_msg("'%s' is taken as %s", rows[i].text, severity_name((int)line.severity));
  }
}

static void test_times(void **state) {
  (void)state;
  setenv("TZ", "Europe/Berlin", 1);
  tzset();
  expect_line("2026-11-20T10:00:00.250Z x", SEVERITY_INFO, "2026-11-20T10:00:00.250Z", NULL);
  expect_line("[2026-11-20T10:00:00+02:00] x", SEVERITY_INFO, "2026-11-20T08:00:00Z", NULL);
  expect_line("2026-11-20 10:00:00,123 x", SEVERITY_INFO, "2026-11-20T09:00:00.123Z", NULL);
  expect_line("2026-07-20 10:00:00: x", SEVERITY_INFO, "2026-07-20T08:00:00Z", NULL);
  expect_line("2026/11/20 10:00:00 [info] x", SEVERITY_INFO, "2026-11-20T09:00:00Z", NULL);
  expect_line("[Fri Nov 20 10:00:00 2026] [notice] x", SEVERITY_INFO, "2026-11-20T09:00:00Z", NULL);
  expect_line("[Fri Jul  3 10:00:00.123456 2026] [core:info] x", SEVERITY_INFO,
              "2026-07-03T08:00:00.123Z", NULL);
  expect_line("Nov 20 10:00:00 host sshd[1]: x", SEVERITY_INFO, "2026-11-20T09:00:00Z", NULL);
  expect_line("Dec  9 10:00:00 host sshd[1]: x", SEVERITY_INFO, "2025-12-09T09:00:00Z", NULL);
  expect_line("Nov 31 99:00:00 x", SEVERITY_INFO, NOW, NULL);
  expect_line("Nov", SEVERITY_INFO, NOW, NULL);
  expect_line("2026-13-45T10:00:00Z x", SEVERITY_INFO, NOW, NULL);
  expect_line("2036-11-20T10:00:00Z from the future", SEVERITY_INFO, NOW, NULL);
  expect_line("2026-11-20", SEVERITY_INFO, NOW, NULL);
}

static void expect_masked(const char *text, const char *expected) {
  struct buf out;
  buf_init(&out, 0);
  log_line_mask(slice_of(text), &out);
  assert_string_equal(out.data, expected);
  buf_fini(&out);
}

static void test_secrets_in_urls(void **state) {
  (void)state;
  expect_masked("GET /a?token=abc&x=1", "GET /a?token=***&x=1");
  expect_masked("/a?x=1&API_KEY=abc HTTP", "/a?x=1&API_KEY=*** HTTP");
  expect_masked("/a?apikey=a;client_secret=b\" q", "/a?apikey=***;client_secret=***\" q");
  expect_masked("/a?password=&x", "/a?password=***&x");
  expect_masked("/a?tokens=abc&monkey=1", "/a?tokens=abc&monkey=***"); /* better one too many */
  expect_masked("/a?token", "/a?token");
  expect_masked("/a?token=", "/a?token=***");
}

static void test_bytes_that_are_no_text(void **state) {
  (void)state;
  struct buf data;
  struct log_line line;
  buf_init(&data, 0);
  log_line_read(slice_new("a\0b\xff\x01", 5), true, ms(NOW), &data, &line);
  assert_string_equal(data.data, "{\"message\":\"a\xef\xbf\xbd"
                                 "b\xef\xbf\xbd\\u0001\",\"attributes\":{\"truncated\":true}}");
  buf_fini(&data);
}

/* --- lines --------------------------------------------------------------------------------------
 */

static void expect_split(const char *bytes, char before, bool final, const char *lines,
                         size_t consumed) {
  struct line_split split;
  struct line line;
  struct buf got;
  buf_init(&got, 0);
  line_split_start(&split, slice_of(bytes), before, final);
  while (line_split_next(&split, &line)) {
    buf_put_slice(&got, line.text);
    buf_put_char(&got, '|');
  }
  if (!slice_is(buf_slice(&got), lines) || split.consumed != consumed)
    fail_msg("'%s' was split into '%.*s', %zu bytes", bytes, SLICE_ARG(buf_slice(&got)),
             split.consumed);
  buf_fini(&got);
}

static void test_split(void **state) {
  (void)state;
  expect_split("one\ntwo\r\n\nthr", '\n', false, "one|two||", 10);
  expect_split("one\ntwo\r\n\nthr", '\n', true, "one|two||thr|", 13);
  expect_split("", '\n', true, "", 0);
  expect_split("rest of a cut line\nnext\n", 'x', false, "next|", 24);
  expect_split("rest of a cut line", 'x', false, "", 18);
}

static void test_split_long_lines(void **state) {
  (void)state;
  size_t len = LINE_BYTES_MAX + 100;
  char *bytes = malloc(len + 5);
  assert_non_null(bytes);
  memset(bytes, 'x', len);
  memcpy(bytes + LINE_BYTES_MAX - 1, "\xe2\x82\xac", 3); /* a sign across the bound */
  memcpy(bytes + len, "\nend\n", 5);
  struct line_split split;
  struct line line;
  line_split_start(&split, slice_new(bytes, len + 5), '\n', false);
  assert_true(line_split_next(&split, &line));
  assert_true(line.truncated);
  assert_int_equal(line.text.len, LINE_BYTES_MAX - 1);
  assert_true(line_split_next(&split, &line));
  assert_true(slice_is(line.text, "end"));
  /* Without its end in sight: cut at once, and what was read is done with. */
  line_split_start(&split, slice_new(bytes, len), '\n', false);
  assert_true(line_split_next(&split, &line));
  assert_true(line.truncated);
  assert_int_equal(split.consumed, len);
  assert_false(line_split_next(&split, &line));
  free(bytes);
}

static void test_split_hole(void **state) {
  (void)state;
  static const char bytes[] = "\0\0\0\0after\n";
  struct line_split split;
  struct line line;
  line_split_start(&split, slice_new(bytes, sizeof bytes - 1), '\n', false);
  assert_true(line_split_next(&split, &line));
  assert_true(slice_is(line.text, "after"));
  line_split_start(&split, slice_new(bytes, 3), '\n', false);
  assert_false(line_split_next(&split, &line));
  assert_int_equal(split.consumed, 3);
  line_split_start(&split, slice_new(bytes + 3, sizeof bytes - 4), '\0', false);
  assert_true(line_split_next(&split, &line));
  assert_true(slice_is(line.text, "after"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_access_lines),
      cmocka_unit_test(test_levels),
      cmocka_unit_test(test_times),
      cmocka_unit_test(test_secrets_in_urls),
      cmocka_unit_test(test_bytes_that_are_no_text),
      cmocka_unit_test(test_split),
      cmocka_unit_test(test_split_long_lines),
      cmocka_unit_test(test_split_hole),
  };
  return cmocka_run_group_tests_name("watchd/log_line", tests, NULL, NULL);
}
