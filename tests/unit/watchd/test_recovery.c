/* watchd/recovery_limits and recovery_lines: when an action may be run again; lines out of bytes.
 */
#include "watchd/recovery_limits.h"
#include "watchd/recovery_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000)
#define NOW    (INT64_C(1700000000) * 1000)

static const struct conf_recovery action = {
    .cooldown_ms = MINUTE, .backoff_max_ms = 10 * MINUTE, .max_per_hour = 5};

static void expect(const struct recovery_past *past, bool by_hand, int64_t now_ms,
                   enum recovery_limit wanted, int64_t wanted_until_ms) {
  int64_t until_ms;
  assert_int_equal(recovery_limit(past, &action, past->ended_ms, by_hand, now_ms, &until_ms),
                   wanted);
  assert_true(until_ms == wanted_until_ms);
}

static void test_cool_down(void **state) {
  (void)state;
  struct recovery_past past = {0};
  expect(&past, false, NOW, RECOVERY_FREE, 0);
  recovery_past_started(&past, NOW - 1000);
  recovery_past_ended(&past, NOW, true);
  expect(&past, false, NOW, RECOVERY_COOLS_DOWN, NOW + MINUTE);
  expect(&past, true, NOW + MINUTE - 1, RECOVERY_COOLS_DOWN, NOW + MINUTE);
  expect(&past, true, NOW + MINUTE, RECOVERY_FREE, 0);
  /* After another action of the service. */
  const struct recovery_past none = {0};
  int64_t until_ms;
  assert_int_equal(recovery_limit(&none, &action, NOW, false, NOW, &until_ms), RECOVERY_COOLS_DOWN);
}

static void test_back_off(void **state) {
  (void)state;
  static const int64_t minutes[] = {2, 4, 8, 10, 10};
  struct recovery_past past = {0};
  for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
    recovery_past_ended(&past, NOW, false);
    expect(&past, false, NOW, RECOVERY_BACKS_OFF, NOW + minutes[i] * MINUTE);
    expect(&past, false, NOW + minutes[i] * MINUTE, RECOVERY_FREE, 0);
    expect(&past, true, NOW, RECOVERY_COOLS_DOWN, NOW + MINUTE); /* by hand the cool-down only */
  }
  for (int i = 0; i < 1000; i++) /* no overflow */
    recovery_past_ended(&past, NOW, false);
  expect(&past, false, NOW, RECOVERY_BACKS_OFF, NOW + 10 * MINUTE);
  recovery_past_ended(&past, NOW, true); /* it helped: all is forgotten */
  expect(&past, false, NOW, RECOVERY_COOLS_DOWN, NOW + MINUTE);
}

static void test_per_hour(void **state) {
  (void)state;
  struct recovery_past past = {0};
  for (int i = 0; i < 200; i++) { /* more than the ring holds */
    recovery_past_started(&past, NOW + i * 5 * MINUTE);
    past.ended_ms = 0;
  }
  int64_t last = NOW + 199 * 5 * MINUTE;
  expect(&past, true, last + MINUTE, RECOVERY_PER_HOUR, last - 4 * 5 * MINUTE + 60 * MINUTE);
  expect(&past, false, last + MINUTE, RECOVERY_PER_HOUR, last - 4 * 5 * MINUTE + 60 * MINUTE);
  expect(&past, false, last + 40 * MINUTE, RECOVERY_FREE, 0);
}

static void test_a_clock_that_was_set_back(void **state) {
  (void)state;
  struct recovery_past past = {0};
  recovery_past_ended(&past, NOW + 1000 * MINUTE, true);
  expect(&past, false, NOW, RECOVERY_COOLS_DOWN, NOW + MINUTE);
}

static void on_line(void *arg, struct slice line) {
  char *said = arg;
  size_t len = strlen(said);
  snprintf(said + len, 400 - len, "[%.*s]", line.len < 20 ? (int)line.len : 20, line.data);
}

static void test_lines(void **state) {
  (void)state;
  static struct recovery_lines lines;
  static const char *const pieces[] = {"one\ntw", "o\r\n\n  \n", "thr", "ee"};
  char said[400] = "";
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
    recovery_lines_take(&lines, slice_of(pieces[i]), on_line, said);
  assert_string_equal(said, "[one][two]");
  recovery_lines_end(&lines, on_line, said);
  recovery_lines_end(&lines, on_line, said);
  assert_string_equal(said, "[one][two][three]");
}

static void test_a_line_without_an_end(void **state) {
  (void)state;
  static struct recovery_lines lines;
  char said[400] = "";
  for (int i = 0; i < RECOVERY_LINE_BYTES_MAX * 2 + 5; i++)
    recovery_lines_take(&lines, slice_of("x"), on_line, said);
  assert_string_equal(said, "[xxxxxxxxxxxxxxxxxxxx][xxxxxxxxxxxxxxxxxxxx]");
  recovery_lines_end(&lines, on_line, said);
  assert_string_equal(said, "[xxxxxxxxxxxxxxxxxxxx][xxxxxxxxxxxxxxxxxxxx][xxxxx]");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cool_down), cmocka_unit_test(test_back_off),
      cmocka_unit_test(test_per_hour),  cmocka_unit_test(test_a_clock_that_was_set_back),
      cmocka_unit_test(test_lines),     cmocka_unit_test(test_a_line_without_an_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
