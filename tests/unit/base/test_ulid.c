/* lib/base/ulid: ids sort in the order in which they were made, whatever the clock does. */
#include "base/ulid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_ids_sort_as_made(void **state) {
  (void)state;
  static const int64_t steps[] = {0, 0, 1, 0, 1000, -500, 0, 0, 86400000, -1};
  struct ulid_maker maker = {0};
  char last[ULID_BYTES] = "", id[ULID_BYTES];
  int64_t now_ms = INT64_C(1795176000000);
  for (int i = 0; i < 100000; i++) {
    now_ms += steps[i % 10];
    ulid_make(&maker, now_ms, id);
    if (strcmp(id, last) <= 0)
      fail_msg("%s was made after %s", id, last);
    strcpy(last, id);
  }
}

static void test_form(void **state) {
  (void)state;
  struct ulid_maker maker = {0}, other = {0};
  char id[ULID_BYTES], another[ULID_BYTES];
  /* The example of the specification: 1469918176385 is 01ARYZ6S41. */
  ulid_make(&maker, INT64_C(1469918176385), id);
  assert_int_equal(strlen(id), 26);
  assert_memory_equal(id, "01ARYZ6S41", 10);
  assert_int_equal(strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
  ulid_make(&other, INT64_C(1469918176385), another);
  assert_string_not_equal(id, another); /* of another program */
  ulid_make(&maker, (INT64_C(1) << 48) - 1, id);
  assert_memory_equal(id, "7ZZZZZZZZZ", 10);
}

static void test_counting_carries(void **state) {
  (void)state;
  struct ulid_maker maker = {.last_ms = 5};
  char first[ULID_BYTES], second[ULID_BYTES];
  memset(maker.random + 1, 0xff, 9);
  maker.random[9] = 0xfe;
  ulid_make(&maker, 5, first);
  ulid_make(&maker, 5, second);
  assert_string_equal(first, "000000000503ZZZZZZZZZZZZZZ");
  assert_string_equal(second, "0000000005"
                              "0400000000000000");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ids_sort_as_made),
      cmocka_unit_test(test_form),
      cmocka_unit_test(test_counting_carries),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
