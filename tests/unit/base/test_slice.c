/* lib/base/slice: splitting, globs, integers. */
#include "base/slice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_split_keeps_empty_pieces(void **state) {
  (void)state;
  struct slice rest = slice_of("a,,b"), piece;
  assert_true(slice_split(&rest, ',', &piece) && slice_is(piece, "a"));
  assert_true(slice_split(&rest, ',', &piece) && slice_is(piece, ""));
  assert_true(slice_split(&rest, ',', &piece) && slice_is(piece, "b"));
  assert_false(slice_split(&rest, ',', &piece));
  assert_int_equal(piece.len, 0); /* who does not look at the result has no old piece */
}

static void test_glob(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *text;
    bool match;
  } rows[] = {
      {"*", "", true},
      {"*", "anything", true},
      {"agent_*", "agent_started", true},
      {"agent_*", "log", false},
      {"*_ed", "x_e", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"", "", true},
      {"", "a", false},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXbYbZ", false},
      {"**", "x", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (slice_glob(slice_of(rows[i].pattern), slice_of(rows[i].text)) != rows[i].match)
      fail_msg("glob '%s' against '%s' should be %d", rows[i].pattern, rows[i].text, rows[i].match);
}

static void test_integers(void **state) {
  (void)state;
  long long value;
  assert_true(slice_to_int64(slice_of("-42"), &value) && value == -42);
  assert_true(slice_to_int64(slice_of("9223372036854775807"), &value) && value == INT64_MAX);
  static const char *const wrong[] = {"", "-", "1x", " 1", "0x1", "1.0", "9223372036854775808"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (slice_to_int64(slice_of(wrong[i]), &value))
      fail_msg("'%s' was taken as an integer", wrong[i]);
}

static void test_numbers(void **state) {
  (void)state;
  double value;
  assert_true(slice_to_double(slice_of("-4.25"), &value) && value == -4.25);
  assert_true(slice_to_double(slice_of("1e3"), &value) && value == 1000);
  assert_true(slice_to_double(slice_of("+Inf"), &value) && isinf(value));
  assert_true(slice_to_double(slice_new("12345", 2), &value) && value == 12);
  static const char *const wrong[] = {
      "",     "-",
      "1x",   " 1",
      "1 ",   "\"1\"",
      "null", "true",
      "{}",   "1000000000000000000000000000000000000000000000000000000000000000"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (slice_to_double(slice_of(wrong[i]), &value))
      fail_msg("'%s' was taken as a number", wrong[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_split_keeps_empty_pieces),
      cmocka_unit_test(test_glob),
      cmocka_unit_test(test_integers),
      cmocka_unit_test(test_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
