/* lib/auth: passwords. Each check takes its time, so there are few. */
#include "auth/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_what_may_be_a_password(void **state) {
  (void)state;
  static char long_one[PASSWORD_MAX_BYTES + 2];
  memset(long_one, 'a', sizeof long_one - 1);
  long_one[0] = 'b';
  struct slice name = slice_of("administrator");
  assert_null(password_problem(slice_of("0123456789"), name));
  assert_null(password_problem(slice_new(long_one, PASSWORD_MAX_BYTES), name));
  assert_null(password_problem(slice_of("schl\xc3\xbcssel 1"), name));
  static const char *const bad[] = {
      "",           "123456789",         "aaaaaaaaaaaa",    "AdministratoR",
      "tab\tin it", "no utf-8 \xff\xff", "rubout\x7f in it"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (!password_problem(slice_of(bad[i]), name))
      fail_msg("'%s' was taken", bad[i]);
  assert_non_null(password_problem(slice_new(long_one, PASSWORD_MAX_BYTES + 1), name));
  assert_non_null(password_problem(slice_new("abcdefgh\0ijkl", 13), name));
}

static void test_the_right_one_and_wrong_ones(void **state) {
  (void)state;
  char hash[PASSWORD_HASH_BYTES], again[PASSWORD_HASH_BYTES];
  bool right = false;
  assert_int_equal(password_hash(slice_of("correct horse"), hash), 0);
  assert_int_equal(password_hash(slice_of("correct horse"), again), 0);
  assert_memory_equal(hash, "$y$jAT$", 7); /* yescrypt of this cost, crypt(5) */
  assert_string_not_equal(hash, again);
  assert_int_equal(password_check(slice_of("correct horse"), hash, &right), 0);
  assert_true(right);
  assert_int_equal(password_check(slice_of("correct horsf"), hash, &right), 0);
  assert_false(right);
  assert_int_equal(password_check(slice_new("correct horse\0x", 15), hash, &right), 0);
  assert_false(right);
  assert_int_equal(password_check(slice_of(""), hash, &right), 0);
  assert_false(right);
  assert_int_equal(password_check(slice_of("correct horse"), NULL, &right), 0);
  assert_false(right);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_may_be_a_password),
      cmocka_unit_test(test_the_right_one_and_wrong_ones),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
