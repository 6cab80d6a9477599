/* lib/base/timestamp: what is taken as a time, and how one is shown. */
#include "base/timestamp.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOON INT64_C(1795176000000) /* 2026-11-20T12:00:00Z */

static void test_times_are_taken(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ms;
  } rows[] = {
      {"2026-11-20T12:00:00Z", NOON},
      {"2026-11-20T12:00:00.000Z", NOON},
      {"2026-11-20t12:00:00z", NOON},
      {"2026-11-20 12:00:00", NOON},
      {"2026-11-20T12:00", NOON},
      {"2026-11-20T12:00Z", NOON},
      {" 2026-11-20T12:00:00Z\n", NOON},
      {"2026-11-20T13:00:00+01:00", NOON},
      {"2026-11-20T13:00:00+0100", NOON},
      {"2026-11-20T13:00:00+01", NOON},
      {"2026-11-20T06:30:00-05:30", NOON},
      {"2026-11-21T11:59:00+23:59", NOON},
      {"2026-11-20T12:00:00-00:00", NOON},
      {"2026-11-20T12:00:00.5Z", NOON + 500},
      {"2026-11-20T12:00:00,25Z", NOON + 250},
      {"2026-11-20T12:00:00.9999999999999999999999Z", NOON + 999},
      {"2026-11-20T12:00:00.0009", NOON},
      {"2026-11-20", NOON - 43200000},
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01T01:00:00+01:00", 0},
      {"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
      {"2000-02-29", INT64_C(951782400000)},
      {"2016-12-31T23:59:60Z", INT64_C(1483228799000)}, /* a leap second */
      {"9999-12-31T23:59:59.999Z", TIMESTAMP_MAX_MS},
      {"0", 0},
      {"1795176000", NOON},
      {"1795176000.5", NOON + 500},
      {"1795176000000", NOON},
      {"99999999999", INT64_C(99999999999000)},
      {"100000000000", INT64_C(100000000000)},
      {"253402300799999", TIMESTAMP_MAX_MS},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t ms = -1;
    if (timestamp_parse(slice_of(rows[i].text), &ms) || ms != rows[i].ms)
      fail_msg("'%s' is taken as %" PRId64 " instead of %" PRId64, rows[i].text, ms, rows[i].ms);
  }
}

static void test_what_is_no_time(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",
      " ",
      "now",
      "yesterday",
      "2026-11",
      "2026-1-1",
      "2026-13-01",
      "2026-00-10",
      "2026-02-30",
      "2025-02-29",
      "1900-02-29",
      "2026-04-31",
      "2026-11-20T",
      "2026-11-20T12",
      "2026-11-20T24:00:00",
      "2026-11-20T12:60:00",
      "2026-11-20T12:00:61",
      "2026-11-20T12:00:00.",
      "2026-11-20T12:00:00.Z",
      "2026-11-20T12:00.5", /* half a minute or half a second? */
      "2026-11-20T12:00:00+24:00",
      "2026-11-20T12:00:00+01:60",
      "2026-11-20T12:00:00+1",
      "2026-11-20T12:00:00+01:0",
      "2026-11-20T12:00:00ZZ",
      "2026-11-20T12:00:00 Z",
      "2026-11-20Z",
      "1969-12-31T23:59:59Z",
      "1970-01-01T00:00:00+01:00",
      "-1",
      "+1",
      "1e9",
      "0x10",
      "inf",
      "nan",
      "1.2.3",
      ".5",
      "253402300800000",
      "99999999999999999999999999999999999999999999",
      "２０２６-11-20",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int64_t ms;
    if (timestamp_parse(slice_of(texts[i]), &ms) != BELFRY_EINVAL)
      fail_msg("'%s' is taken as a time", texts[i]);
  }
  int64_t ms;
  assert_int_equal(timestamp_parse(slice_new("2026-11-20\0", 11), &ms), BELFRY_EINVAL);
}

static void test_relative_times(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ms;
  } rows[] = {
      {"now", NOON},
      {"-30s", NOON - 30000},
      {"-15m", NOON - 900000},
      {"-24h", NOON - 86400000},
      {"-7d", NOON - 7 * INT64_C(86400000)},
      {"-2w", NOON - 14 * INT64_C(86400000)},
      {"-1.5h", NOON - 5400000},
      {"-99999999999w", 0}, /* not before there was time */
      {"2026-11-20", NOON - 43200000},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t ms = -1;
    if (timestamp_parse_relative(slice_of(rows[i].text), NOON, &ms) || ms != rows[i].ms)
      fail_msg("'%s' is taken as %" PRId64, rows[i].text, ms);
  }
  static const char *const wrong[] = {"-",   "-m", "-5",   "-5x",    "--5m", "- 5m",
                                      "+5m", "5m", "-5mm", "nowish", ""};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int64_t ms;
    if (timestamp_parse_relative(slice_of(wrong[i]), NOON, &ms) != BELFRY_EINVAL)
      fail_msg("'%s' is taken as a time", wrong[i]);
  }
}

static void test_shown_reads_back(void **state) {
  (void)state;
  static const int64_t times[] = {
      0, 1, 999, 1000, NOON, NOON + 7, INT64_C(951782399999), TIMESTAMP_MAX_MS};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    char text[TIMESTAMP_BYTES];
    int64_t ms = -1;
    timestamp_format(times[i], text);
    assert_int_equal(strlen(text), TIMESTAMP_BYTES - 1);
    assert_int_equal(timestamp_parse(slice_of(text), &ms), 0);
    assert_int_equal(ms, times[i]);
  }
  char text[TIMESTAMP_BYTES];
  timestamp_format(INT64_MAX, text);
  assert_string_equal(text, "9999-12-31T23:59:59.999Z");
  timestamp_format(INT64_MIN, text);
  assert_string_equal(text, "0000-01-01T00:00:00.000Z");
  timestamp_format(-1, text);
  assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_times_are_taken),
      cmocka_unit_test(test_what_is_no_time),
      cmocka_unit_test(test_relative_times),
      cmocka_unit_test(test_shown_reads_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
