/* watchd/service: what results in a row make of a service. */
#include "watchd/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* Each letter is a check: s success, f failure, m a fault of the monitor. Below it the status after
 * it: u up, d down, ? unknown. */
static void expect(const char *checks, const char *statuses, enum service_status first) {
  static const char letters[] = {[SERVICE_UNKNOWN] = '?', [SERVICE_UP] = 'u', [SERVICE_DOWN] = 'd'};
  struct service_state state = {.status = first};
  for (size_t i = 0; checks[i]; i++) {
    struct probe_result result = {.outcome = checks[i] == 's'   ? PROBE_SUCCESS
                                             : checks[i] == 'f' ? PROBE_FAILURE
                                                                : PROBE_FAULT};
    enum service_status before = state.status, previous;
    bool changed = service_judge(&state, &result, 3, &previous);
    if (letters[state.status] != statuses[i])
      fail_msg("after check %zu of '%s' the service is %s, but should be '%c'", i + 1, checks,
               service_status_name(state.status), statuses[i]);
    assert_int_equal(previous, before);
    assert_int_equal(changed, before != state.status);
  }
}

static void test_down_after_failures_in_a_row(void **state) {
  (void)state;
  expect("fffs", "uudu", SERVICE_UP);
  expect("ffsffsfff", "uuuuuuuud", SERVICE_UP);
  expect("ffff", "dddd", SERVICE_DOWN);
}

static void test_first_checks(void **state) {
  (void)state;
  expect("s", "u", SERVICE_UNKNOWN);
  expect("fff", "??d", SERVICE_UNKNOWN);
}

static void test_fault_of_the_monitor_is_never_down(void **state) {
  (void)state;
  expect("mmmmmmm", "uu?????", SERVICE_UP);
  expect("mmms", "dd?u", SERVICE_DOWN);
  expect("ffmf", "uuud", SERVICE_UP); /* it neither counts nor ends the row */
  expect("mmsmms", "uuuuuu", SERVICE_UP);
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
      cmocka_unit_test(test_down_after_failures_in_a_row),
      cmocka_unit_test(test_first_checks),
      cmocka_unit_test(test_fault_of_the_monitor_is_never_down),
      cmocka_unit_test(test_known_state_read_back),
      cmocka_unit_test(test_severities),
  };
  return cmocka_run_group_tests_name("watchd/service", tests, NULL, NULL);
}
