/*
 * The count of connections by address or key: right for many, gone when nobody is left.
 */
#include "pushd/census.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 5000

static void make_key(uint8_t key[CENSUS_KEY_BYTES], uint32_t number) {
  memset(key, 0, CENSUS_KEY_BYTES);
  memcpy(key + 4, &number, sizeof number);
}

static void test_each_is_counted_by_itself(void **state) {
  (void)state;
  struct census census = {0};
  static struct census_row *rows[3][KEYS];
  uint8_t key[CENSUS_KEY_BYTES];
  for (uint32_t round = 0; round < 3; round++)
    for (uint32_t i = 0; i < KEYS; i++) {
      make_key(key, i);
      rows[round][i] = census_enter(&census, key);
      assert_non_null(rows[round][i]);
      assert_int_equal(rows[round][i]->count, round + 1);
      assert_ptr_equal(rows[round][i], rows[0][i]);
    }
  assert_int_equal(census.row_count, KEYS);
  for (uint32_t i = 0; i < KEYS; i += 2)
    census_leave(&census, rows[0][i]);
  for (uint32_t i = 0; i < KEYS; i++)
    assert_int_equal(rows[1][i]->count, i % 2 ? 3 : 2);
  for (uint32_t i = 0; i < KEYS; i++)
    for (uint32_t round = i % 2 ? 0 : 1; round < 3; round++)
      census_leave(&census, rows[round][i]);
  assert_int_equal(census.row_count, 0);
  make_key(key, 7);
  struct census_row *row = census_enter(&census, key);
  assert_int_equal(row->count, 1); /* it is counted anew */
  census_leave(&census, row);
  census_leave(&census, NULL);
  census_fini(&census);
}

static void test_an_empty_one_ends(void **state) {
  (void)state;
  struct census census = {0};
  census_fini(&census);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_is_counted_by_itself),
      cmocka_unit_test(test_an_empty_one_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
