/* watchd/service: what results in a row make of a service. */
#include "watchd/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define DEGRADED_MS 100

/* Each letter is a check: s success, l a late answer, f failure, m a fault of the monitor. Below it
 * the status after it: u up, g degraded, d down, ? unknown. */
static struct service_state expect(const char *checks, const char *statuses,
                                   enum service_status first) {
  static const char letters[] = {
      [SERVICE_UNKNOWN] = '?', [SERVICE_UP] = 'u', [SERVICE_DOWN] = 'd', [SERVICE_DEGRADED] = 'g'};
  struct service_state state = service_state_of(first);
  for (size_t i = 0; checks[i]; i++) {
    struct probe_result result = {.outcome = checks[i] == 's' || checks[i] == 'l' ? PROBE_SUCCESS
                                             : checks[i] == 'f'                   ? PROBE_FAILURE
                                                                                  : PROBE_FAULT,
                                  .latency_ms = checks[i] == 'l' ? 2 * DEGRADED_MS : 1};
    enum service_status before = state.status, previous;
    bool changed = service_judge(&state, &result, DEGRADED_MS, &previous);
    if (letters[state.status] != statuses[i])
      fail_msg("after check %zu of '%s' the service is %s, but should be '%c'", i + 1, checks,
               service_status_name(state.status), statuses[i]);
    assert_int_equal(previous, before);
    assert_int_equal(changed, before != state.status);
  }
  return state;
}

static void test_down_and_up(void **state) {
  (void)state;
  assert_int_equal(expect("sfff", "uddd", SERVICE_UP).failures, 3);
  assert_int_equal(expect("sfffs", "udddu", SERVICE_UP).failures, 0);
  expect("slsfl", "ugudg", SERVICE_UP);
}

static void test_first_checks(void **state) {
  (void)state;
  expect("s", "u", SERVICE_UNKNOWN);
  expect("f", "d", SERVICE_UNKNOWN);
  expect("l", "g", SERVICE_UNKNOWN);
}

static void test_fault_of_the_monitor_is_never_down(void **state) {
  (void)state;
  expect("mmmmmmm", "uu?????", SERVICE_UP);
  expect("mmms", "dd?u", SERVICE_DOWN);
  expect("fmf", "ddd", SERVICE_UP); /* it neither counts nor ends the row */
  assert_int_equal(expect("fmf", "ddd", SERVICE_UP).failures, 2);
  expect("mmsmms", "uuuuuu", SERVICE_UP);
  assert_false(expect("smmmsmmmsmmmsmmmsmmms", "uuu?uuu?uuu?uuu?uuu?u", SERVICE_UP).flapping);
}

/* Told of when it begins and when it is over, and not with each change. */
static void test_flapping(void **state) {
  (void)state;
  expect("sfsfsfsfsf", "ududugggggg", SERVICE_UP);
  /* The changes are in checks 2 to 7; from check 25 on, the last 20 hold two of them. */
  expect("sfsfsf"
         "ssssssssssssssssss"
         "ss",
         "ududug"
         "gggggggggggggggggg"
         "uu",
         SERVICE_UP);
  /* Seldom is not flapping. */
  expect("sssssfsssssssssfssssssssssssssfs", "uuuuuduuuuuuuuuduuuuuuuuuuuuuudu", SERVICE_UP);
}

/* A day of changing with every check, each 40 s. */
static void test_a_day_of_flapping_is_told_of_once(void **state) {
  (void)state;
  struct service_state service = service_state_of(SERVICE_UP);
  int told = 0;
  for (int i = 0; i < 24 * 90; i++) {
    enum service_status previous;
    struct probe_result result = {.outcome = i % 2 ? PROBE_SUCCESS : PROBE_FAILURE};
    told += service_judge(&service, &result, 0, &previous);
  }
  assert_int_equal(told, SERVICE_FLAP_BEGINS);
  assert_true(service.flapping);
}

static void test_known_state_read_back(void **state) {
  (void)state;
  expect("s", "u", service_status_parse(slice_of("up")));
  expect("ff", "dd", service_status_parse(slice_of("down")));
  assert_int_equal(service_status_parse(slice_of("nonsense")), SERVICE_UNKNOWN);
}

static void test_severities(void **state) {
  (void)state;
  assert_int_equal(service_status_severity(SERVICE_DOWN), SEVERITY_ERROR);
  assert_int_equal(service_status_severity(SERVICE_DEGRADED), SEVERITY_WARNING);
  assert_int_equal(service_status_severity(SERVICE_UNKNOWN), SEVERITY_WARNING);
  assert_int_equal(service_status_severity(SERVICE_UP), SEVERITY_SUCCESS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_down_and_up),
      cmocka_unit_test(test_first_checks),
      cmocka_unit_test(test_fault_of_the_monitor_is_never_down),
      cmocka_unit_test(test_flapping),
      cmocka_unit_test(test_a_day_of_flapping_is_told_of_once),
      cmocka_unit_test(test_known_state_read_back),
      cmocka_unit_test(test_severities),
  };
  return cmocka_run_group_tests_name("watchd/service", tests, NULL, NULL);
}
