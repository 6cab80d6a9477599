/* lib/model/sample_json: samples as JSON, their labels' canonical form, units. */
#include "model/sample_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795170600000)

static int set_up(void **state) {
  static struct sample_parsed parsed;
  sample_parsed_init(&parsed);
  *state = &parsed;
  return 0;
}

static int tear_down(void **state) {
  sample_parsed_fini(*state);
  return 0;
}

static void test_labels_are_canonical(void **state) {
  struct sample_parsed *parsed = *state;
  struct model_problem problem;
  assert_int_equal(
      sample_parse(
          slice_of(
              "{\"labels\": {\"zone\":\"a\\\"b\", \"host\" : \"caf\\u00e9\"}, \"value\":-1.5e3,"
              "\"metric\":\"queue_length\",\"timestamp\":\"2026-11-20T10:00:00Z\"}"),
          false, NOW_MS, parsed, &problem),
      BELFRY_OK);
  assert_true(slice_is(parsed->sample.metric, "queue_length"));
  assert_true(slice_is(parsed->sample.labels, "{\"host\":\"caf\xc3\xa9\",\"zone\":\"a\\\"b\"}"));
  assert_true(parsed->sample.value == -1500.0);
  assert_int_equal(parsed->sample.timestamp_ms, NOW_MS - 1800000);
}

static void test_defaults(void **state) {
  struct sample_parsed *parsed = *state;
  struct model_problem problem;
  assert_int_equal(
      sample_parse(slice_of("{\"metric\":\"a\",\"value\":0}"), false, NOW_MS, parsed, &problem),
      BELFRY_OK);
  assert_true(slice_is(parsed->sample.labels, "{}"));
  assert_int_equal(parsed->sample.timestamp_ms, NOW_MS);
}

static void test_wrong_samples(void **state) {
  struct sample_parsed *parsed = *state;
  static const struct {
    const char *text;
    int code;
    const char *pointer;
  } rows[] = {
      {"{", BELFRY_EINVAL, ""},
      {"3", BELFRY_ECONFLICT, ""},
      {"{\"value\":1}", BELFRY_ECONFLICT, "/metric"},
      {"{\"metric\":\"9a\",\"value\":1}", BELFRY_ECONFLICT, "/metric"},
      {"{\"metric\":\"Upper\",\"value\":1}", BELFRY_ECONFLICT, "/metric"},
      {"{\"metric\":\"a\"}", BELFRY_ECONFLICT, "/value"},
      {"{\"metric\":\"a\",\"value\":\"1\"}", BELFRY_ECONFLICT, "/value"},
      {"{\"metric\":\"a\",\"value\":null}", BELFRY_ECONFLICT, "/value"},
      {"{\"metric\":\"a\",\"value\":1e999}", BELFRY_EINVAL, ""},
      {"{\"metric\":\"a\",\"value\":1,\"labels\":[]}", BELFRY_ECONFLICT, "/labels"},
      {"{\"metric\":\"a\",\"value\":1,\"labels\":{\"a b\":\"x\"}}", BELFRY_ECONFLICT, "/labels"},
      {"{\"metric\":\"a\",\"value\":1,\"labels\":{\"k\":1}}", BELFRY_ECONFLICT, "/labels/k"},
      {"{\"metric\":\"a\",\"value\":1,\"timestamp\":\"x\"}", BELFRY_ECONFLICT, "/timestamp"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct model_problem problem = {0};
    int code = sample_parse(slice_of(rows[i].text), false, NOW_MS, parsed, &problem);
    if (code != rows[i].code || strcmp(problem.pointer, rows[i].pointer) != 0)
      fail_msg("%s: got %d at '%s', should be %d at '%s'", rows[i].text, code, problem.pointer,
               rows[i].code, rows[i].pointer);
  }
}

static void test_units(void **state) {
  (void)state;
  assert_string_equal(metric_unit(slice_of("host_cpu_percent")), "percent");
  assert_string_equal(metric_unit(slice_of("context_percentage")), "percent");
  assert_string_equal(metric_unit(slice_of("host_network_receive_bytes_per_second")),
                      "bytes_per_second");
  assert_string_equal(metric_unit(slice_of("service_latency_ms")), "ms");
  assert_string_equal(metric_unit(slice_of("host_load1")), "");
  assert_string_equal(metric_unit(slice_of("ms")), ""); /* a name, not a unit */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_labels_are_canonical, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_wrong_samples, set_up, tear_down),
      cmocka_unit_test(test_units),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
