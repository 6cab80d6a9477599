/* model/prometheus_text: what targets give, and what they should not. */
#include "model/prometheus_text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Each sample as one line: metric{key=value,...} number @timestamp. Returns: how many lines were
 * bad. */
static size_t read_all(const char *text, bool openmetrics, char *out, size_t size,
                       size_t *first_bad) {
  struct prometheus_text walk;
  struct prometheus_sample sample;
  size_t len = 0;
  out[0] = '\0';
  prometheus_text_start(&walk, slice_of(text), openmetrics);
  while (prometheus_text_next(&walk, &sample)) {
    len += (size_t)snprintf(out + len, size - len, "%s{", sample.metric);
    for (size_t i = 0; i < sample.label_count; i++)
      len += (size_t)snprintf(out + len, size - len, "%s%.*s=%.*s", i ? "," : "",
                              SLICE_ARG(sample.labels[i].key), SLICE_ARG(sample.labels[i].value));
    len += (size_t)snprintf(out + len, size - len, "} %g", sample.value);
    if (sample.timestamp_ms)
      len += (size_t)snprintf(out + len, size - len, " @%lld", (long long)sample.timestamp_ms);
    len += (size_t)snprintf(out + len, size - len, "\n");
  }
  prometheus_text_fini(&walk);
  *first_bad = walk.first_bad;
  return walk.bad;
}

static void check(const char *text, bool openmetrics, const char *want) {
  char out[2000];
  size_t first_bad;
  assert_int_equal(read_all(text, openmetrics, out, sizeof out, &first_bad), 0);
  assert_string_equal(out, want);
}

static void test_samples(void **state) {
  (void)state;
  check("# HELP http_requests_total The total number.\n# TYPE http_requests_total counter\n"
        "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
        "\n"
        "msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find "
        "file:\\n\\\"FILE.TXT\\\"\"} 1.458255915e9\n"
        "metric_without_timestamp_and_labels 12.47\n"
        "something_weird{problem=\"division by zero\"} +Inf -3982045\n"
        "http_request_duration_seconds_bucket{le=\"+Inf\",} 144320\r\n"
        "  spaced { a = \"1\" , b = \"\" }\t-0.5  \n"
        "Job:Rate5m 1\n"
        "last 7",
        false,
        "http_requests_total{method=post,code=200} 1027 @1395066363000\n"
        "msdos_file_access_time_seconds{path=C:\\DIR\\FILE.TXT,error=Cannot find "
        "file:\n\"FILE.TXT\"} 1.45826e+09\n"
        "metric_without_timestamp_and_labels{} 12.47\n"
        "something_weird{problem=division by zero} inf\n"
        "http_request_duration_seconds_bucket{le=+Inf} 144320\n"
        "spaced{a=1,b=} -0.5\n"
        "job_rate5m{} 1\n"
        "last{} 7\n");
}

static void test_openmetrics(void **state) {
  (void)state;
  check("# TYPE foo histogram\nfoo_bucket{le=\"1\"} 11 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} "
        "0.67\n"
        "foo_count 17 # {a=\"b\"} 1\n# EOF\n",
        true, "foo_bucket{le=1} 11 @1520879607789\nfoo_count{} 17\n");
}

static void test_what_makes_no_sense_is_counted(void **state) {
  (void)state;
  static const char *const bad[] = {"<html>",
                                    "name",
                                    "name{ 1",
                                    "name{a} 1",
                                    "name{a=1} 1",
                                    "name{a=\"1\" 1",
                                    "name{a=\"1} 1",
                                    "name{a=\"1\"b=\"2\"} 1",
                                    "name{,} 1",
                                    "name x",
                                    "name 1 x",
                                    "9name 1",
                                    "name{a:b=\"1\"} 1",
                                    "name{a=\"\\",
                                    "{} 1",
                                    "name 1e",
                                    "na-me 1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char text[200], out[400];
    size_t first_bad;
    snprintf(text, sizeof text, "good 1\n%s\ngood 2\n", bad[i]);
    if (read_all(text, false, out, sizeof out, &first_bad) != 1 || first_bad != 2)
      fail_msg("%s is taken", bad[i]);
    assert_string_equal(out, "good{} 1\ngood{} 2\n");
  }
}

static void test_too_many_labels(void **state) {
  (void)state;
  char text[1000] = "m{", out[400];
  size_t first_bad;
  for (int i = 0; i <= SAMPLE_LABELS_MAX; i++)
    snprintf(text + strlen(text), 20, "l%d=\"%d\",", i, i);
  strcat(text, "} 1\n");
  assert_int_equal(read_all(text, false, out, sizeof out, &first_bad), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_samples),
      cmocka_unit_test(test_openmetrics),
      cmocka_unit_test(test_what_makes_no_sense_is_counted),
      cmocka_unit_test(test_too_many_labels),
  };
  return cmocka_run_group_tests_name("model/prometheus_text", tests, NULL, NULL);
}
