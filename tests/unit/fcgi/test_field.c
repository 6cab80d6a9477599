/* fcgi/field, fcgi/cursor and the bound on failed sign-ins. */
#include "fcgi/cursor.h"
#include "fcgi/field.h"
#include "fcgi/shared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_durations(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ms; /* -1: refused */
  } rows[] = {
      {"90", 90000},      {"250ms", 250},
      {"90s", 90000},     {"15m", 900000},
      {"24h", 86400000},  {"7d", 604800000},
      {"2w", 1209600000}, {"", -1},
      {"h", -1},          {"-5s", -1},
      {"5 s", -1},        {"5y", -1},
      {"1.5h", -1},       {"99999999999999999999s", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t ms = -1;
    int status = duration_parse(slice_of(rows[i].text), &ms);
    if ((status == 0) != (rows[i].ms >= 0) || (!status && ms != rows[i].ms))
      fail_msg("the duration '%s' was read as %lld ms", rows[i].text, (long long)ms);
  }
}

static const struct field fields[] = {
    {"name", FIELD_TEXT, .required = true, .min = 1, .max = 4},
    {"role", FIELD_CHOICE, .choices = "viewer|admin"},
    {"expires_in", FIELD_DURATION, .min = 1000, .max = 10000},
    {"count", FIELD_INTEGER, .min = 1, .max = 9},
    {0},
};

static int parse(const char *text, struct field_value *values, struct model_problem *problem,
                 struct buf *arena) {
  *problem = (struct model_problem){0};
  memset(values, 0, sizeof *values * FIELD_COUNT_MAX);
  return fields_parse_object(fields, slice_of(text), 0, arena, values, problem);
}

static void test_object_against_its_table(void **state) {
  (void)state;
  struct field_value values[FIELD_COUNT_MAX];
  struct model_problem problem;
  struct buf arena;
  buf_init(&arena, 0);
  assert_int_equal(
      parse("{\"name\":\"a\\u0062\",\"role\":\"admin\",\"expires_in\":5,\"other\":[1]}", values,
            &problem, &arena),
      0);
  assert_true(slice_is(values[0].text, "ab"));
  assert_int_equal(values[1].number, 1);
  assert_int_equal(values[2].number, 5000);
  assert_false(values[3].set);
  static const struct {
    const char *text, *pointer;
    int status;
  } rows[] = {
      {"{", "", BELFRY_EINVAL},
      {"[]", "", BELFRY_ECONFLICT},
      {"{}", "/name", BELFRY_ECONFLICT},
      {"{\"name\":null}", "/name", BELFRY_ECONFLICT},
      {"{\"name\":5}", "/name", BELFRY_ECONFLICT},
      {"{\"name\":\"\"}", "/name", BELFRY_ECONFLICT},
      {"{\"name\":\"abcde\"}", "/name", BELFRY_ECONFLICT},
      {"{\"name\":\"a\",\"role\":\"boss\"}", "/role", BELFRY_ECONFLICT},
      {"{\"name\":\"a\",\"count\":10}", "/count", BELFRY_ECONFLICT},
      {"{\"name\":\"a\",\"count\":1.5}", "/count", BELFRY_ECONFLICT},
      {"{\"name\":\"a\",\"count\":true}", "/count", BELFRY_ECONFLICT},
      {"{\"name\":\"a\",\"name\":\"b\"}", "", BELFRY_EINVAL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int status = parse(rows[i].text, values, &problem, &arena);
    if (status != rows[i].status || strcmp(problem.pointer, rows[i].pointer) != 0)
      fail_msg("%s gave %d at '%s'", rows[i].text, status, problem.pointer);
  }
  buf_fini(&arena);
}

static void test_cursors_belong_to_one_list_of_one_history(void **state) {
  (void)state;
  const char epoch[HISTORY_EPOCH_BYTES] = "0123456789abcdef", other[] = "0123456789abcdee";
  char text[CURSOR_BYTES];
  int64_t place = 0;
  for (int64_t at = 1; at < INT64_MAX / 10; at *= 7) {
    cursor_format(epoch, 'd', at, text);
    assert_int_equal(cursor_parse(slice_of(text), epoch, 'd', &place), 0);
    assert_int_equal(place, at);
    assert_int_equal(
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        strlen(text));
  }
  cursor_format(epoch, 'd', 42, text);
  assert_int_equal(cursor_parse(slice_of(text), epoch, 'a', &place), BELFRY_EINVAL);
  assert_int_equal(cursor_parse(slice_of(text), other, 'd', &place), BELFRY_EINVAL);
  static const char *const wrong[] = {
      "",    "x",  "!!!!",
      "MWQ", "42", "MWQ4OGVjNTM5MTk3ODA4ZTQ3LjEwMDA1MWQ4OGVjNTM5MTk3ODA4ZTQ3LjEwMDA1AAAA"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    if (cursor_parse(slice_of(wrong[i]), epoch, 'd', &place) != BELFRY_EINVAL)
      fail_msg("'%s' was taken as a cursor", wrong[i]);
}

static void test_failed_sign_ins_are_bounded(void **state) {
  (void)state;
  struct shared *shared;
  struct belfry_error error = {0};
  int64_t now_ms = 1000000;
  assert_int_equal(shared_map(&shared, &error), 0);
  struct slice address = slice_of("192.0.2.1"), other = slice_of("192.0.2.77");
  struct slice key = {0};
  for (int i = 0; i < SIGN_IN_FAILURES_MAX; i++) {
    assert_int_equal(sign_in_wait_s(shared, address, key, now_ms), 0);
    sign_in_failed(shared, address, key, now_ms);
  }
  assert_int_equal(sign_in_wait_s(shared, address, key, now_ms + 10000), SIGN_IN_WINDOW_S - 10);
  assert_int_equal(sign_in_wait_s(shared, address, slice_of("alice"), now_ms), SIGN_IN_WINDOW_S);
  assert_int_equal(sign_in_wait_s(shared, other, key, now_ms), 0);
  assert_int_equal(sign_in_wait_s(shared, address, key, now_ms + SIGN_IN_WINDOW_S * 1000), 0);
}

static void test_a_network_of_ipv6_is_one_address(void **state) {
  (void)state;
  struct shared *shared;
  struct belfry_error error = {0};
  struct slice key = {0};
  char text[64];
  assert_int_equal(shared_map(&shared, &error), 0);
  for (int i = 0; i < SIGN_IN_FAILURES_MAX; i++) {
    snprintf(text, sizeof text, "2001:db8:0:7::%x", i + 1);
    sign_in_failed(shared, slice_of(text), key, 0);
  }
  assert_true(sign_in_wait_s(shared, slice_of("2001:db8:0:7:ffff::9"), key, 0) > 0);
  assert_int_equal(sign_in_wait_s(shared, slice_of("2001:db8:0:8::1"), key, 0), 0);
}

/* Many addresses guess at one user: each that was wrong must wait, the user's own may try. */
static void test_guesses_from_everywhere_lock_nobody_out(void **state) {
  (void)state;
  struct shared *shared;
  struct belfry_error error = {0};
  char text[64];
  assert_int_equal(shared_map(&shared, &error), 0);
  for (int i = 0; i < SIGN_IN_USER_FAILURES_MAX; i++) {
    snprintf(text, sizeof text, "192.0.2.%d", i);
    assert_int_equal(sign_in_wait_s(shared, slice_of(text), slice_of("Alice"), 0), 0);
    sign_in_failed(shared, slice_of(text), slice_of("Alice"), 0);
  }
  int waiting = 0;
  for (int i = 0; i < SIGN_IN_USER_FAILURES_MAX; i++) {
    snprintf(text, sizeof text, "192.0.2.%d", i);
    waiting += sign_in_wait_s(shared, slice_of(text), slice_of("alice"), 0) > 0;
    assert_int_equal(sign_in_wait_s(shared, slice_of(text), slice_of("bob"), 0), 0);
  }
  /* All, but for those that by chance share a cell of the table with a later one. */
  assert_true(waiting > SIGN_IN_USER_FAILURES_MAX - 8);
  assert_int_equal(sign_in_wait_s(shared, slice_of("198.51.100.1"), slice_of("alice"), 0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_durations),
      cmocka_unit_test(test_object_against_its_table),
      cmocka_unit_test(test_cursors_belong_to_one_list_of_one_history),
      cmocka_unit_test(test_failed_sign_ins_are_bounded),
      cmocka_unit_test(test_a_network_of_ipv6_is_one_address),
      cmocka_unit_test(test_guesses_from_everywhere_lock_nobody_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
