/* fcgi/shared: how many long requests may run at a time, and how many requests somebody may make.
 */
#include "fcgi/rate_limit.h"
#include "fcgi/shared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

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

#define WINDOW_MS 60000

static void test_rate(void **state) {
  (void)state;
  struct slice one = slice_of("one"), other = slice_of("other");
  int64_t now_ms = 7 * WINDOW_MS + 15000;
  for (int64_t left = 2; left >= 0; left--) {
    struct rate rate = rate_take(&shared, one, 3, WINDOW_MS, now_ms);
    assert_false(rate.refused);
    assert_int_equal(rate.left, left);
    assert_int_equal(rate.reset_s, 45);
  }
  assert_true(rate_take(&shared, one, 3, WINDOW_MS, now_ms + 44999).refused);
  assert_int_equal(rate_take(&shared, one, 3, WINDOW_MS, now_ms + 44999).reset_s, 1);
  assert_false(rate_take(&shared, other, 3, WINDOW_MS, now_ms).refused);
  struct rate next = rate_take(&shared, one, 3, WINDOW_MS, now_ms + 45000);
  assert_false(next.refused);
  assert_int_equal(next.left, 2);
}

/* Somebody who makes many requests is not forgotten for many who make one. */
static void test_rate_of_many(void **state) {
  (void)state;
  char name[32];
  for (int i = 0; i < 100; i++)
    (void)rate_take(&shared, slice_of("many"), 50, WINDOW_MS, 0);
  for (int i = 0; i < 100000; i++) {
    snprintf(name, sizeof name, "guest-%d", i);
    (void)rate_take(&shared, slice_of(name), 50, WINDOW_MS, 0);
  }
  assert_true(rate_take(&shared, slice_of("many"), 50, WINDOW_MS, 0).refused);
}

static void assert_who(const char *key, const char *address, const char *expected) {
  char text[ADDRESS_TEXT_BYTES];
  struct request request = {.address = slice_of(address)};
  request.identity.kind = *key ? AUTH_KEY : AUTH_NOBODY;
  snprintf(request.identity.id, sizeof request.identity.id, "%s", key);
  if (!slice_is(rate_who(&request, text), expected))
    fail_msg("key '%s' from %s counts as '%.*s'", key, address ? address : "nowhere",
             SLICE_ARG(rate_who(&request, text)));
}

static void test_who(void **state) {
  (void)state;
  assert_who("k1", "192.0.2.1", "k1");
  assert_who("", "192.0.2.1", "192.0.2.1");
  assert_who("", "2001:db8::1:2:3:4", "2001:db8::");
  assert_who("", "2001:db8:0:1::7", "2001:db8:0:1::");
  assert_who("", "unix:", "unix:");
  assert_who("", NULL, "");
  struct request request = {.address = slice_of("192.0.2.1"),
                            .identity = {.kind = AUTH_JWT, .name = "somebody"}};
  assert_true(slice_is(rate_who(&request, (char[ADDRESS_TEXT_BYTES]){0}), "somebody"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_quarter), cmocka_unit_test(test_room_comes_back),
      cmocka_unit_test(test_rate), cmocka_unit_test(test_rate_of_many), cmocka_unit_test(test_who)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
