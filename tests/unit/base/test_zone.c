#include "base/zone.h"

#include "base/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int64_t utc(const char *text) {
  int64_t ms;
  assert_int_equal(timestamp_parse(slice_of(text), &ms), 0);
  return ms;
}

static int64_t at(const char *zone, int month, int day, int hour, int minute, bool last) {
  const struct zone_time time = {2026, month, day, hour, minute, 0};
  return zone_time_ms(zone, &time, last);
}

static void test_names(void **state) {
  (void)state;
  static const char *const there[] = {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires",
                                      "Etc/GMT+5"},
                           *const not_there[] = {"",          "Europe",         "Europe/Nowhere",
                                                 "../passwd", "/etc/localtime", "UTC; rm",
                                                 "zone.tab",  "Europe/Berlin\n"};
  for (size_t i = 0; i < sizeof there / sizeof *there; i++)
    assert_true(zone_exists(slice_of(there[i])));
  for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
    assert_false(zone_exists(slice_of(not_there[i])));
}

static void test_days_of_a_change(void **state) {
  (void)state;
  /* Central Europe goes from 02:00 to 03:00 on 29 March, and from 03:00 to 02:00 on 25 October,
   * both at 01:00 UTC. */
  assert_int_equal(at("Europe/Berlin", 3, 29, 1, 59, false), utc("2026-03-29T00:59:00Z"));
  assert_int_equal(at("Europe/Berlin", 3, 29, 3, 0, false), utc("2026-03-29T01:00:00Z"));
  assert_int_equal(at("Europe/Berlin", 3, 29, 2, 30, false), utc("2026-03-29T01:30:00Z"));
  assert_int_equal(at("Europe/Berlin", 10, 25, 2, 30, false), utc("2026-10-25T00:30:00Z"));
  assert_int_equal(at("Europe/Berlin", 10, 25, 2, 30, true), utc("2026-10-25T01:30:00Z"));
  /* Lord Howe Island moves by half an hour. */
  assert_int_equal(at("Australia/Lord_Howe", 1, 10, 12, 0, false), utc("2026-01-10T01:00:00Z"));
  assert_int_equal(at("Australia/Lord_Howe", 7, 10, 12, 0, false), utc("2026-07-10T01:30:00Z"));
  /* No change at all. */
  assert_int_equal(at("Asia/Kolkata", 3, 29, 2, 30, false), utc("2026-03-28T21:00:00Z"));
  assert_int_equal(at("UTC", 3, 29, 2, 30, true), utc("2026-03-29T02:30:00Z"));
  /* The day after the last one of a month. */
  assert_int_equal(at("UTC", 2, 29, 6, 0, false), utc("2026-03-01T06:00:00Z"));
}

/* Moments all over a year of each zone come back as themselves, or as their double later. */
static void test_a_year_there_and_back(void **state) {
  (void)state;
  static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                      "Pacific/Apia", "UTC"};
  for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
    for (int64_t ms = utc("2026-01-01T00:00:00Z"); ms < utc("2027-01-01T00:00:00Z");
         ms += INT64_C(53) * 60000) {
      struct zone_time shown = zone_time_of(zones[i], ms);
      int64_t first = zone_time_ms(zones[i], &shown, false),
              last = zone_time_ms(zones[i], &shown, true);
      if (first != ms)
        assert_int_equal(last, ms);
      assert_true(last == first || last - first == 3600000 || last - first == 1800000);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_days_of_a_change),
      cmocka_unit_test(test_a_year_there_and_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
