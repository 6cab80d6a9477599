/* lib/model/event_type: names, who may write what, projections, the samples that events carry;
 * severities. */
#include "model/event_type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_names(void **state) {
  (void)state;
  char long_name[66];
  memset(long_name, 'a', 65);
  assert_true(event_type_valid(slice_of("a-b.c:d_9")));
  assert_true(event_type_valid(slice_new(long_name, 64)));
  assert_false(event_type_valid(slice_new(long_name, 65)));
  assert_false(event_type_valid(slice_of("")));
  assert_false(event_type_valid(slice_of("A")));
  assert_false(event_type_valid(slice_of("a b")));
}

static void test_system_events_are_not_public(void **state) {
  (void)state;
  static const char *const system_types[] = {"health_changed",   "alert_fired",
                                             "alert_resolved",   "alert_acknowledged",
                                             "recovery_started", "recovery_finished",
                                             "recovery_refused", "settings_changed",
                                             "command",          "audit"};
  for (size_t i = 0; i < sizeof system_types / sizeof *system_types; i++)
    if (event_type_public(slice_of(system_types[i])))
      fail_msg("anybody could post %s", system_types[i]);
  assert_true(event_type_public(slice_of("log")));
  assert_true(event_type_public(slice_of("something.of:theirs")));
  assert_true(event_type_writable(slice_of("health_changed"), HISTORY_ORIGIN_WATCHD));
  assert_false(event_type_writable(slice_of("health_changed"), HISTORY_ORIGIN_FCGI));
  assert_true(event_type_writable(slice_of("audit"), HISTORY_ORIGIN_FCGI));
}

static void test_log_lines_are_not_counted(void **state) {
  (void)state;
  enum sql_statement statements[EVENT_PROJECTIONS_MAX];
  assert_int_equal(event_type_projections(slice_of("log"), statements), 0);
  assert_int_equal(event_type_projections(slice_of("unheard_of"), statements), 1);
  assert_int_equal(statements[0], SQL_PROJECT_TOTAL_EVENTS);
  size_t most = event_type_projections(slice_of("agent_execution_completed"), statements);
  assert_int_equal(statements[most - 1],
                   SQL_PROJECT_COUNT_TYPE); /* the last of its rows: none fell off */
}

struct seen {
  char text[600];
};

static int on_sample(void *arg, const struct sample *sample) {
  struct seen *seen = arg;
  size_t used = strlen(seen->text);
  snprintf(seen->text + used, sizeof seen->text - used, "%.*s%.*s=%g@%lld;",
           SLICE_ARG(sample->metric), SLICE_ARG(sample->labels), sample->value,
           (long long)sample->timestamp_ms);
  return 0;
}

static void expect_samples(const char *type, const char *data, const char *expected) {
  const struct event event = {
      .type = slice_of(type), .source = slice_of("bot"), .data = slice_of(data), .timestamp_ms = 5};
  struct seen seen = {""};
  assert_int_equal(event_samples(&event, on_sample, &seen), BELFRY_OK);
  assert_string_equal(seen.text, expected);
}

static void test_samples(void **state) {
  (void)state;
  expect_samples(
      "agent_execution_completed",
      "{\"agent_name\":\"a\\\"1\",\"duration_ms\":12.5,\"quality_score\":0.9,\"other\":3}",
      "duration_ms{\"agent\":\"a\\\"1\",\"source\":\"bot\"}=12.5@5;"
      "quality_score{\"agent\":\"a\\\"1\",\"source\":\"bot\"}=0.9@5;");
  expect_samples("metrics_updated",
                 "{\"response_latency_ms\":-3,\"Not A "
                 "Name\":1,\"nested\":{\"x\":1},\"text\":\"7\",\"on\":true,\"n\":2}",
                 "response_latency_ms{\"source\":\"bot\"}=-3@5;n{\"source\":\"bot\"}=2@5;");
  expect_samples("agent_activity", "{\"duration_ms\":1}", "");
  expect_samples("unheard_of", "{\"duration_ms\":1}", "");
}

static void test_severities(void **state) {
  (void)state;
  enum severity severity;
  assert_int_equal(severity_parse(slice_of("WARN"), &severity), BELFRY_OK);
  assert_int_equal(severity, SEVERITY_WARNING);
  assert_int_equal(severity_parse(slice_of("fatal"), &severity), BELFRY_OK);
  assert_int_equal(severity, SEVERITY_CRITICAL);
  assert_int_equal(severity_parse(slice_of("loud"), &severity), BELFRY_EINVAL);
  for (int i = 0; i < SEVERITY_COUNT; i++) {
    assert_int_equal(severity_parse(slice_of(severity_name(i)), &severity), BELFRY_OK);
    assert_int_equal(severity, i);
  }
  assert_string_equal(severity_name(6), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_system_events_are_not_public),
      cmocka_unit_test(test_log_lines_are_not_counted),
      cmocka_unit_test(test_samples),
      cmocka_unit_test(test_severities),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
