/* fcgi/shared: how many long requests may run at a time. */
#include "fcgi/shared.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct shared shared;

static void test_a_quarter(void **state) {
  (void)state;
  static const struct {
    int64_t workers;
    unsigned most;
  } rows[] = {{1, 1}, {3, 1}, {4, 1}, {7, 1}, {8, 2}, {11, 2}, {12, 3}, {256, 64}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    unsigned begun = 0;
    for (unsigned slot = 0; slot < rows[i].workers; slot++)
      begun += shared_long_begin(&shared, &shared.slots[slot], rows[i].workers);
    if (begun != rows[i].most || shared_long(&shared) != begun)
      fail_msg("%u of %d workers are in long requests", begun, (int)rows[i].workers);
    for (size_t slot = 0; slot < SHARED_SLOTS_MAX; slot++)
      shared_long_end(&shared.slots[slot]);
    assert_int_equal(shared_long(&shared), 0);
  }
}

static void test_room_comes_back(void **state) {
  (void)state;
  unsigned long long refused = shared.long_refused;
  assert_true(shared_long_begin(&shared, &shared.slots[500], 4));
  assert_true(shared_long_begin(&shared, &shared.slots[500], 4)); /* the same worker */
  assert_false(shared_long_begin(&shared, &shared.slots[0], 4));
  assert_int_equal(shared.long_refused - refused, 1);
  shared_long_end(&shared.slots[500]);
  assert_true(shared_long_begin(&shared, &shared.slots[0], 4));
  shared_long_end(&shared.slots[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_quarter),
                                     cmocka_unit_test(test_room_comes_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
