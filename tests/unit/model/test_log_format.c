/* lib/model/log_format: what each format finds in lines, and what it leaves alone. */
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

static void expect(log_format_fn read, const char *pattern, const char *text, bool fits,
                   enum severity severity, const char *time, const char *expected) {
  struct log_reader *reader;
  struct log_line line;
  struct buf data;
  buf_init(&data, 0);
  assert_int_equal(log_reader_new(read, pattern, &reader, NULL), 0);
  log_reader_read(reader, slice_of(text), false, ms(NOW), &data, &line);
  assert_int_equal(buf_status(&data), 0);
  json_t *json = json_parse(buf_slice(&data), JSON_DEPTH_DEFAULT, NULL);
  if (!json)
    fail_msg("the data of '%s' is no JSON: %s", text, data.data);
  json_decref(json);
  if (strcmp(data.data, expected) != 0)
    fail_msg("of '%s' is stored\n%s instead of\n%s", text, data.data, expected);
  if (line.severity != severity)
    fail_msg("'%s' is taken as %s", text, severity_name((int)line.severity));
  if (line.timestamp_ms != ms(time))
    fail_msg("the time of '%s' is off by %lld ms", text, (long long)(line.timestamp_ms - ms(time)));
  if (log_reader_misfits(reader) != !fits)
    fail_msg("'%s' %s the format", text, fits ? "does not fit" : "fits");
  log_reader_free(reader);
  buf_fini(&data);
}

static void test_plain(void **state) {
  (void)state;
  expect(log_plain_read, NULL, "2026-11-20T10:00:00Z ERROR it broke", true, SEVERITY_ERROR,
         "2026-11-20T10:00:00Z", "{\"message\":\"2026-11-20T10:00:00Z ERROR it broke\"}");
  expect(log_plain_read, NULL,
         "::1 - - [20/Nov/2026:10:00:00 +0000] \"GET / HTTP/2.0\" 404 - \"-\" \"-\"", true,
         SEVERITY_INFO, NOW,
         "{\"message\":\"::1 - - [20/Nov/2026:10:00:00 +0000] \\\"GET / HTTP/2.0\\\" 404 - "
         "\\\"-\\\" \\\"-\\\"\"}");
}

static void test_json(void **state) {
  (void)state;
  expect(log_json_read, NULL,
         "{\"ts\":\"2026-11-20T10:00:00.5Z\",\"level\":\"warn\",\"msg\":\"slow "
         "\\u00e4\\n\",\"ms\":12.50,"
         "\"ctx\":{\"a\":[1,2]}}",
         true, SEVERITY_WARNING, "2026-11-20T10:00:00.5Z",
         "{\"message\":\"slow \xc3\xa4\\n\",\"attributes\":{\"ms\":12.50,\"ctx\":{\"a\":[1,2]}}}");
  /* pino */
  expect(log_json_read, NULL, "{\"level\":50,\"time\":1795168800123,\"pid\":7,\"msg\":\"no\"}",
         true, SEVERITY_ERROR, "2026-11-20T10:00:00.123Z",
         "{\"message\":\"no\",\"attributes\":{\"pid\":7}}");
  expect(log_json_read, NULL, "{\"time\":1795168800.25,\"message\":\"seconds\"}", true,
         SEVERITY_INFO, "2026-11-20T10:00:00.25Z", "{\"message\":\"seconds\"}");
  expect(log_json_read, NULL, "{\"time\":1795168800250000000,\"message\":\"nanoseconds\"}", true,
         SEVERITY_INFO, "2026-11-20T10:00:00.25Z", "{\"message\":\"nanoseconds\"}");
  /* What cannot be a time, a level or a message is an attribute. */
  expect(log_json_read, NULL, "{\"time\":\"noon\",\"level\":[],\"msg\":{\"a\":1}}", true,
         SEVERITY_INFO, NOW,
         "{\"message\":\"{\\\"time\\\":\\\"noon\\\",\\\"level\\\":[],\\\"msg\\\":{\\\"a\\\":1}}\","
         "\"attributes\":{\"time\":\"noon\",\"level\":[],\"msg\":{\"a\":1}}}");
  expect(log_json_read, NULL, "{\"msg\":\"cut", false, SEVERITY_INFO, NOW,
         "{\"message\":\"{\\\"msg\\\":\\\"cut\"}");
  expect(log_json_read, NULL, "[1]", false, SEVERITY_INFO, NOW, "{\"message\":\"[1]\"}");
  expect(log_json_read, NULL, "{\"a\":1,\"a\":2}", false, SEVERITY_INFO, NOW,
         "{\"message\":\"{\\\"a\\\":1,\\\"a\\\":2}\"}");
}

static void test_logfmt(void **state) {
  (void)state;
  expect(
      log_logfmt_read, NULL,
      "time=2026-11-20T10:00:00Z level=error msg=\"it \\\"broke\\\"\" status=503 took=1.5s ok=true "
      "n=007 retry",
      true, SEVERITY_ERROR, "2026-11-20T10:00:00Z",
      "{\"message\":\"it \\\"broke\\\"\",\"attributes\":{\"status\":503,\"took\":\"1.5s\",\"ok\":"
      "true,\"n\":\"007\",\"retry\":true}}");
  expect(log_logfmt_read, NULL, "a=1 a=2 b=", true, SEVERITY_INFO, NOW,
         "{\"message\":\"a=1 a=2 b=\",\"attributes\":{\"a\":1,\"b\":\"\"}}");
  expect(log_logfmt_read, NULL, "just words", false, SEVERITY_INFO, NOW,
         "{\"message\":\"just words\"}");
  expect(log_logfmt_read, NULL, "a=\"open", false, SEVERITY_INFO, NOW,
         "{\"message\":\"a=\\\"open\"}");
}

static void test_servers(void **state) {
  (void)state;
  expect(log_nginx_access_read, NULL,
         "::1 - - [20/Nov/2026:10:00:00 +0000] \"GET /a HTTP/2.0\" 404 12 \"-\" \"curl\"", true,
         SEVERITY_WARNING, "2026-11-20T10:00:00Z",
         "{\"message\":\"::1 - - [20/Nov/2026:10:00:00 +0000] \\\"GET /a HTTP/2.0\\\" 404 12 "
         "\\\"-\\\" \\\"curl\\\"\",\"attributes\":{\"address\":\"::1\",\"method\":\"GET\",\"path\":"
         "\"/a\",\"user_agent\":\"curl\",\"status\":404,\"bytes\":12}}");
  expect(log_apache_access_read, NULL, "no such line", false, SEVERITY_INFO, NOW,
         "{\"message\":\"no such line\"}");
  expect(log_nginx_error_read, NULL,
         "2026/11/20 10:00:00 [error] 12#34: *56 open() \"/x\" failed (2: No such file or "
         "directory), client: 10.0.0.1, server: a, request: \"GET /x, y HTTP/1.1\", host: \"a:80\"",
         true, SEVERITY_ERROR, "2026-11-20T10:00:00Z",
         "{\"message\":\"open() \\\"/x\\\" failed (2: No such file or directory)\",\"attributes\":{"
         "\"pid\":12,\"connection\":56,\"client\":\"10.0.0.1\",\"server\":\"a\",\"request\":\"GET "
         "/x, y HTTP/1.1\",\"host\":\"a:80\"}}");
  expect(log_nginx_error_read, NULL, "2026/11/20 10:00:00 [notice] 1#1: signal process started",
         true, SEVERITY_INFO, "2026-11-20T10:00:00Z",
         "{\"message\":\"signal process started\",\"attributes\":{\"pid\":1}}");
  expect(log_apache_error_read, NULL,
         "[Fri Nov 20 10:00:00.123456 2026] [core:error] [pid 12:tid 34] [client 10.0.0.1:567] "
         "AH00037: no link",
         true, SEVERITY_ERROR, "2026-11-20T10:00:00.123Z",
         "{\"message\":\"AH00037: no link\",\"attributes\":{\"module\":\"core\",\"pid\":12,"
         "\"client\":\"10.0.0.1:567\",\"code\":\"AH00037\"}}");
  expect(log_apache_error_read, NULL, "[Fri Nov 20 10:00:00 2026] oops", false, SEVERITY_INFO,
         "2026-11-20T10:00:00Z", "{\"message\":\"[Fri Nov 20 10:00:00 2026] oops\"}");
}

static void test_syslog(void **state) {
  (void)state;
  expect(
      log_syslog_read, NULL,
      "<165>1 2026-11-20T10:00:00.003Z host.example app 123 ID47 [x@1 a=\"1\\]\" b=\"\\\"q\\\"\"]"
      "[y@2] \xef\xbb\xbfhello",
      true, SEVERITY_INFO, "2026-11-20T10:00:00.003Z",
      "{\"message\":\"hello\",\"attributes\":{\"facility\":\"local4\",\"host\":\"host.example\","
      "\"pid\":123,\"msgid\":\"ID47\",\"structured_data\":{\"x@1\":{\"a\":\"1]\",\"b\":"
      "\"\\\"q\\\"\"}"
      ",\"y@2\":{}}}}");
  expect(log_syslog_read, NULL, "<11>1 - - - - - -", true, SEVERITY_ERROR, NOW,
         "{\"message\":\"\",\"attributes\":{\"facility\":\"user\"}}");
  expect(log_syslog_read, NULL, "<34>Nov 20 10:00:00 mymachine su[42]: 'su root' failed", true,
         SEVERITY_CRITICAL, "2026-11-20T10:00:00Z",
         "{\"message\":\"'su root' failed\",\"attributes\":{\"facility\":\"auth\",\"pid\":42,"
         "\"host\":\"mymachine\"}}");
  expect(log_syslog_read, NULL, "<13>Nov 20 10:00:00 ada: from here", true, SEVERITY_INFO,
         "2026-11-20T10:00:00Z",
         "{\"message\":\"from here\",\"attributes\":{\"facility\":\"user\"}}");
  expect(log_syslog_read, NULL, "2026-11-20T10:00:00+00:00 web cron[7]: ERROR no", true,
         SEVERITY_ERROR, "2026-11-20T10:00:00Z",
         "{\"message\":\"ERROR no\",\"attributes\":{\"pid\":7,\"host\":\"web\"}}");
  expect(log_syslog_read, NULL, "<192>x", false, SEVERITY_INFO, NOW, "{\"message\":\"<192>x\"}");
  expect(log_syslog_read, NULL, "<13>no tag here", true, SEVERITY_INFO, NOW,
         "{\"message\":\"no tag here\",\"attributes\":{\"facility\":\"user\"}}");
}

static void test_pattern(void **state) {
  (void)state;
  static const char pattern[] =
      "^(?<time>\\S+ \\S+) \\| (?<severity>\\w+) \\| (?<shop>\\w+)/(?<count>\\d+)? (?<message>.*)$";
  expect(log_pattern_read, pattern, "2026-11-20 10:00:00Z | FATAL | north/17 all gone", true,
         SEVERITY_CRITICAL, "2026-11-20T10:00:00Z",
         "{\"message\":\"all gone\",\"attributes\":{\"count\":17,\"shop\":\"north\"}}");
  expect(log_pattern_read, pattern, "other", false, SEVERITY_INFO, NOW, "{\"message\":\"other\"}");
  /* Steps are bounded: what would take for ever does not fit. */
  expect(log_pattern_read, "^(?<message>(a+)+)$",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false, SEVERITY_INFO, NOW,
         "{\"message\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"}");
  struct log_pattern *none = NULL;
  struct belfry_error error = {0};
  assert_int_equal(log_pattern_new("a(b", &none, &error), BELFRY_EINVAL);
  assert_string_equal(error.text,
                      "the pattern is wrong at its character 4: missing closing parenthesis");
}

static void test_several_lines(void **state) {
  (void)state;
  expect(log_pattern_read, "^(?<severity>\\w+): (?<message>.*)$", "error: first\n  second\n  third",
         true, SEVERITY_ERROR, NOW, "{\"message\":\"first\\n  second\\n  third\"}");
}

int main(void) {
  setenv("TZ", "UTC", 1);
  tzset();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain),         cmocka_unit_test(test_json),
      cmocka_unit_test(test_logfmt),        cmocka_unit_test(test_servers),
      cmocka_unit_test(test_syslog),        cmocka_unit_test(test_pattern),
      cmocka_unit_test(test_several_lines),
  };
  return cmocka_run_group_tests_name("model/log_format", tests, NULL, NULL);
}
