/* lib/model/filter_parse: filters as query strings say them. */
#include "model/filter_parse.h"

#include "model/severity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795170600000)

static void test_all_parts(void **state) {
  (void)state;
  const struct event_filter_texts texts = {.event = slice_of("agent_*, log,,"),
                                           .severity = slice_of("info,error,critical"),
                                           .min_severity = slice_of("warning"),
                                           .source = slice_of("bot-?"),
                                           .from = slice_of("-15m"),
                                           .to = slice_of("now"),
                                           .q = slice_of("time out")};
  struct event_filter filter;
  struct model_problem problem;
  assert_int_equal(event_filter_parse(&texts, NOW_MS, &filter, &problem), BELFRY_OK);
  assert_int_equal(filter.type_count, 2);
  assert_true(slice_is(filter.types[1], "log"));
  assert_int_equal(filter.source_count, 1);
  assert_int_equal(filter.severities, 1u << SEVERITY_ERROR | 1u << SEVERITY_CRITICAL);
  assert_int_equal(filter.from_ms, NOW_MS - 900000);
  assert_int_equal(filter.to_ms, NOW_MS);
  assert_true(slice_is(filter.text, "time out"));
}

static void test_nothing_is_everything(void **state) {
  (void)state;
  struct event_filter filter;
  struct model_problem problem;
  assert_int_equal(event_filter_parse(&(struct event_filter_texts){0}, NOW_MS, &filter, &problem),
                   BELFRY_OK);
  assert_int_equal(filter.type_count + filter.source_count + filter.severities, 0);
}

static void test_wrong_parts(void **state) {
  (void)state;
  static const struct {
    struct event_filter_texts texts;
    const char *parameter;
  } rows[] = {
      {{.severity = {"loud", 4}}, "severity"},
      {{.min_severity = {"info,error", 10}}, "min_severity"},
      {{.severity = {"info", 4}, .min_severity = {"error", 5}}, "severity"},
      {{.from = {"soon", 4}}, "from"},
      {{.to = {"-15x", 4}}, "to"},
      {{.from = {"now", 3}, .to = {"-1h", 3}}, "from"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct event_filter filter;
    struct model_problem problem = {0};
    assert_int_equal(event_filter_parse(&rows[i].texts, NOW_MS, &filter, &problem), BELFRY_EINVAL);
    assert_string_equal(problem.pointer, rows[i].parameter);
  }
}

static void test_too_many_patterns(void **state) {
  (void)state;
  char list[2 * (EVENT_FILTER_PATTERNS_MAX + 1) + 1] = "";
  for (int i = 0; i <= EVENT_FILTER_PATTERNS_MAX; i++)
    strcat(list, "a,");
  struct event_filter filter;
  struct model_problem problem;
  assert_int_equal(event_filter_parse(&(struct event_filter_texts){.event = slice_of(list)}, NOW_MS,
                                      &filter, &problem),
                   BELFRY_EINVAL);
  assert_string_equal(problem.pointer, "event");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_parts),
      cmocka_unit_test(test_nothing_is_everything),
      cmocka_unit_test(test_wrong_parts),
      cmocka_unit_test(test_too_many_patterns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
