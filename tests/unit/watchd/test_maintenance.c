#include "watchd/maintenance.h"

#include "base/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HALF_HOUR INT64_C(1800000)

static int64_t utc(const char *text) {
  int64_t ms;
  assert_int_equal(timestamp_parse(slice_of(text), &ms), 0);
  return ms;
}

/* It goes on from one moment to just before the other. */
static void goes_on_between(const struct conf_maintenance *maintenance, const char *from,
                            const char *to) {
  if (maintenance_goes_on(maintenance, utc(from) - 1) ||
      !maintenance_goes_on(maintenance, utc(from)))
    fail_msg("does not begin at %s", from);
  if (!maintenance_goes_on(maintenance, utc(to) - 1) || maintenance_goes_on(maintenance, utc(to)))
    fail_msg("does not end at %s", to);
}

static void test_once(void **state) {
  (void)state;
  char from[] = "2026-11-20T22:00:00+01:00", to[] = "2026-11-21T02:00:00+01:00";
  const struct conf_maintenance maintenance = {.from = from, .to = to};
  goes_on_between(&maintenance, "2026-11-20T21:00:00Z", "2026-11-21T01:00:00Z");
}

static void test_nights_in_berlin(void **state) {
  (void)state;
  char start[] = "22:00", end[] = "06:00", zone[] = "Europe/Berlin";
  const struct conf_maintenance maintenance = {.start = start, .end = end, .timezone = zone};
  goes_on_between(&maintenance, "2026-01-14T21:00:00Z", "2026-01-15T05:00:00Z");
  goes_on_between(&maintenance, "2026-07-14T20:00:00Z", "2026-07-15T04:00:00Z");
  /* Seven hours in the night that loses one, nine in the one that gains one. */
  goes_on_between(&maintenance, "2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z");
  goes_on_between(&maintenance, "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z");
}

static void test_times_that_a_change_takes_or_doubles(void **state) {
  (void)state;
  char start[] = "02:30", end[] = "02:45", zone[] = "Europe/Berlin";
  const struct conf_maintenance maintenance = {.start = start, .end = end, .timezone = zone};
  goes_on_between(&maintenance, "2026-03-29T01:30:00Z", "2026-03-29T01:45:00Z");
  goes_on_between(&maintenance, "2026-10-25T00:30:00Z", "2026-10-25T01:45:00Z");
}

static void test_days_of_the_week(void **state) {
  (void)state;
  char start[] = "23:00", end[] = "01:00", sat[] = "sat", zone[] = "Asia/Tokyo";
  char *days[] = {sat, NULL};
  const struct conf_maintenance maintenance = {
      .days = days, .start = start, .end = end, .timezone = zone};
  goes_on_between(&maintenance, "2026-11-21T14:00:00Z", "2026-11-21T16:00:00Z");
  assert_false(maintenance_goes_on(&maintenance, utc("2026-11-20T14:30:00Z")));
  assert_false(maintenance_goes_on(&maintenance, utc("2026-11-22T14:30:00Z")));
}

/* Each half hour of a year: the nights of a zone with a change come to 8 hours each all in all,
 * since it takes an hour and gives it back; whole days are without a gap. */
static void test_a_year(void **state) {
  (void)state;
  char start[] = "22:00", end[] = "06:00", noon[] = "12:00", zone[] = "America/New_York";
  const struct conf_maintenance nights = {.start = start, .end = end, .timezone = zone},
                                always = {.start = noon, .end = noon, .timezone = zone};
  int64_t half_hours = 0;
  for (int64_t ms = utc("2026-01-01T17:00:00Z"); ms < utc("2027-01-01T17:00:00Z");
       ms += HALF_HOUR) {
    half_hours += maintenance_goes_on(&nights, ms);
    assert_true(maintenance_goes_on(&always, ms));
  }
  assert_int_equal(half_hours, 365 * 8 * 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_once),
      cmocka_unit_test(test_nights_in_berlin),
      cmocka_unit_test(test_times_that_a_change_takes_or_doubles),
      cmocka_unit_test(test_days_of_the_week),
      cmocka_unit_test(test_a_year),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
