/* lib/base/buf: growing, limits, and what is left after something did not fit. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_puts_end_in_nul(void **state) {
  (void)state;
  struct buf buf;
  buf_init(&buf, 0);
  assert_null(buf.data);
  buf_put_text(&buf, "");
  assert_string_equal(buf.data, "");
  for (int i = 0; i < 10000; i++)
    buf_printf(&buf, "%d,", i);
  assert_int_equal(strlen(buf.data), buf.len);
  assert_memory_equal(buf.data + buf.len - 5, "9999,", 6);
  buf_put(&buf, "a\0b", 3);
  assert_memory_equal(buf.data + buf.len - 3, "a\0b", 4);
  buf_put_slice(&buf, slice_new(NULL, 0));
  assert_int_equal(buf_status(&buf), 0);
  buf_fini(&buf);
}

static void test_limit_is_exact_and_sticks(void **state) {
  (void)state;
  struct buf buf;
  buf_init(&buf, 4);
  buf_put_text(&buf, "1234");
  assert_int_equal(buf_status(&buf), 0);
  buf_put_char(&buf, '5');
  assert_int_equal(buf_status(&buf), BELFRY_ETOOBIG);
  assert_string_equal(buf.data, "1234");
  buf_consume(&buf, 2);
  assert_string_equal(buf.data, "34");
  buf_put_char(&buf, '5'); /* there would be room now, but a hole must not go unnoticed */
  assert_string_equal(buf.data, "34");
  buf_clear(&buf);
  buf_put_char(&buf, '6');
  assert_int_equal(buf_status(&buf), 0);
  assert_string_equal(buf.data, "6");
  buf_fini(&buf);
}

static void test_overflowing_lengths_are_refused(void **state) {
  (void)state;
  struct buf buf;
  buf_init(&buf, 100);
  buf_put_text(&buf, "abc");
  assert_null(buf_reserve(&buf, SIZE_MAX));
  assert_int_equal(buf_status(&buf), BELFRY_ETOOBIG);
  buf_clear(&buf);
  assert_null(buf_reserve(&buf, SIZE_MAX - 1));
  buf_clear(&buf);
  assert_null(buf_reserve(&buf, 101));
  buf_fini(&buf);
}

static void test_consume(void **state) {
  (void)state;
  struct buf buf;
  buf_init(&buf, 0);
  buf_consume(&buf, 0);
  buf_put_text(&buf, "abcdef");
  buf_consume(&buf, 4);
  assert_string_equal(buf.data, "ef");
  buf_consume(&buf, 2);
  assert_string_equal(buf.data, "");
  assert_int_equal(buf.len, 0);
  buf_fini(&buf);
  buf_put_text(&buf, "again"); /* its limit outlives buf_fini */
  assert_string_equal(buf.data, "again");
  buf_fini(&buf);
}

/* The buffer moves while it grows, more than once. */
static void test_kept_texts_are_found(void **state) {
  (void)state;
  struct buf buf;
  struct slice kept[200];
  char text[40];
  buf_init(&buf, 0);
  for (int i = 0; i < 200; i++) {
    snprintf(text, sizeof text, "%.*d", i % 7 * 5, i % 7 ? i : 0); /* some are empty */
    kept[i] = buf_keep(&buf, slice_of(text));
  }
  assert_int_equal(buf_status(&buf), 0);
  for (int i = 0; i < 200; i++) {
    snprintf(text, sizeof text, "%.*d", i % 7 * 5, i % 7 ? i : 0);
    buf_settle(&buf, &kept[i]);
    assert_true(slice_is(kept[i], text));
  }
  buf_fini(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_puts_end_in_nul),
      cmocka_unit_test(test_limit_is_exact_and_sticks),
      cmocka_unit_test(test_overflowing_lengths_are_refused),
      cmocka_unit_test(test_consume),
      cmocka_unit_test(test_kept_texts_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
