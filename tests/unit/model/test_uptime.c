/* model/uptime: percentages over windows of time. */
#include "model/uptime.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000)
#define NOW  (INT64_C(1000) * 24 * HOUR)

/* One span a row, the times in hours before now. */
struct span {
  const char *status;
  double from, to;
};

static struct uptime of(const struct span *spans, size_t count) {
  struct uptime uptime = {0};
  for (size_t i = 0; i < count; i++)
    uptime_add(&uptime, NOW, slice_of(spans[i].status), NOW - (int64_t)(spans[i].from * HOUR),
               NOW - (int64_t)(spans[i].to * HOUR));
  return uptime;
}

static void check(const struct span *spans, size_t count, const double want[UPTIME_WINDOWS]) {
  struct uptime uptime = of(spans, count);
  for (unsigned i = 0; i < UPTIME_WINDOWS; i++) {
    double percent = uptime_percent(&uptime, i);
    if (isnan(want[i]) ? !isnan(percent) : !(fabs(percent - want[i]) < 1e-9))
      fail_msg("over %s it is %g, but should be %g", uptime_windows[i].name, percent, want[i]);
  }
}

#define CHECK(want, ...)                                                                           \
  do {                                                                                             \
    const struct span spans[] = {__VA_ARGS__};                                                     \
    check(spans, sizeof spans / sizeof *spans, want);                                              \
  } while (0)

static void test_windows(void **state) {
  (void)state;
  const double always[] = {100, 100, 100, 100, 100};
  CHECK(always, {"up", 24 * 500, 0});
  /* Half an hour down, a quarter of an hour ago: half of 1 h, 1/48 of 24 h ... */
  const double half[] = {50, 100 - 50. / 24, 100 - 50. / 168, 100 - 50. / 720, 100 - 50. / 8760};
  CHECK(half, {"up", 24 * 500, 0.75}, {"down", 0.75, 0.25}, {"up", 0.25, 0});
  /* What lay before a window does not count in it. */
  const double before[] = {100, 100 * 23 / 24., 100 * 167 / 168., 100 * 719 / 720.,
                           100 * 8759 / 8760.};
  CHECK(before, {"up", 24 * 500, 2}, {"down", 2, 1}, {"up", 1, 0});
}

static void test_what_is_not_known_is_left_out(void **state) {
  (void)state;
  const double nothing[] = {NAN, NAN, NAN, NAN, NAN};
  CHECK(nothing, {"unknown", 100, 0});
  CHECK(nothing, {"paused", 100, 50}, {"unknown", 50, 0});
  /* Known for two hours, of which one was down; nothing is known of the last. */
  const double partly[] = {NAN, 50, 50, 50, 50};
  CHECK(partly, {"up", 3, 2}, {"down", 2, 1}, {"unknown", 1, 0});
  const double slow[] = {100, 100, 100, 100, 100};
  CHECK(slow, {"degraded", 5, 0});
}

static void test_the_future_does_not_count(void **state) {
  (void)state;
  const double up[] = {100, 100, 100, 100, 100};
  CHECK(up, {"up", 1, -2}, {"down", -2, -3});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_windows),
      cmocka_unit_test(test_what_is_not_known_is_left_out),
      cmocka_unit_test(test_the_future_does_not_count),
  };
  return cmocka_run_group_tests_name("model/uptime", tests, NULL, NULL);
}
