/* lib/model/log_join: which lines are one event. Lines that begin one are marked with a `>` that is
 * not part of them. */
#include "model/log_join.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void expect(enum log_join_mode mode, const char *pattern, const char *const *lines) {
  struct log_pattern *starts = NULL;
  if (pattern)
    assert_int_equal(log_pattern_new(pattern, &starts, NULL), 0);
  struct log_join join = {.mode = mode, .start = starts};
  bool begun = false;
  for (; *lines; lines++) {
    bool begins = **lines == '>';
    struct slice line = slice_of(*lines + begins);
    bool taken = begun && log_join_takes(&join, line);
    if (taken == begins)
      fail_msg("'%s' %s", *lines + begins, begins ? "does not begin an event" : "begins one");
    if (!taken)
      log_join_begin(&join, line);
    begun = true;
  }
  log_pattern_free(starts);
}

#define EXPECT(...) expect(LOG_JOIN_AUTO, NULL, (const char *const[]){__VA_ARGS__, NULL})

static void test_traces(void **state) {
  (void)state;
  EXPECT(">2026-11-20 10:00:00 ERROR c.e.Main - failed", "java.lang.IllegalStateException: no",
         "\tat com.example.Main.run(Main.java:7)", "Caused by: java.io.IOException: disk",
         "\tat com.example.Disk.read(Disk.java:3)", "\t... 12 more",
         ">2026-11-20 10:00:01 INFO c.e.Main - on it goes");
  EXPECT(">ERROR:root:it broke",
         "Traceback (most recent call last):", "  File \"a.py\", line 1, in f", "    g()",
         "ValueError: no", "",
         "During handling of the above exception, another exception occurred:", "",
         "Traceback (most recent call last):", "  File \"a.py\", line 3, in f", "KeyError: 'x'",
         ">INFO:root:next");
  EXPECT(">Traceback (most recent call last):", "  File \"a.py\", line 1",
         "ZeroDivisionError: division by zero", ">Traceback of another kind");
  EXPECT(">panic: runtime error: index out of range [5]", "",
         "goroutine 1 [running]:", "main.run(0x1, {0x2, 0x3})", "\t/src/main.go:12 +0x1d",
         "main.main()", "\t/src/main.go:5 +0x20", "exit status 2",
         ">2026/11/20 10:00:00 started again");
  EXPECT(">TypeError: x is not a function", "    at run (/app/a.js:3:7)",
         "    at main (/app/a.js:9:1) {", "  code: 'E'", "}", ">GET / 200");
}

static void test_other_lines(void **state) {
  (void)state;
  EXPECT(">one", ">two", "  indented", "\tand so", ">three");
  EXPECT(">INFO fine", ">java.lang.Exception: stands alone", "\tat x");
  expect(LOG_JOIN_OFF, NULL, (const char *const[]){">one", ">  two", ">Caused by: three", NULL});
  /* A pattern of the lines that begin one. */
  expect(
      LOG_JOIN_START, "^\\d{4}-",
      (const char *const[]){">head", "more", ">2026-11-20 a", "b", "", "c", ">2026-11-21", NULL});
}

static void test_bounds(void **state) {
  (void)state;
  struct log_join join = {.mode = LOG_JOIN_AUTO};
  static char text[20000];
  memset(text, ' ', sizeof text);
  log_join_begin(&join, slice_of("x"));
  for (int i = 1; i < LOG_JOIN_LINES_MAX; i++)
    assert_true(log_join_takes(&join, slice_of(" x")));
  assert_false(log_join_takes(&join, slice_of(" x")));
  log_join_begin(&join, slice_of("x"));
  for (int i = 0; i < 3; i++)
    assert_true(log_join_takes(&join, slice_new(text, sizeof text)));
  assert_false(log_join_takes(&join, slice_new(text, sizeof text)));
}

static void test_waiting(void **state) {
  (void)state;
  struct log_join join = {.mode = LOG_JOIN_AUTO};
  log_join_begin(&join, slice_of("2026-11-20 INFO nothing is waited for"));
  assert_false(log_join_is_open(&join));
  log_join_begin(&join, slice_of("2026-11-20 ERROR a trace may follow"));
  assert_true(log_join_is_open(&join));
  log_join_begin(&join, slice_of("Traceback (most recent call last):"));
  assert_true(log_join_is_open(&join));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_traces),
      cmocka_unit_test(test_other_lines),
      cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_waiting),
  };
  return cmocka_run_group_tests_name("model/log_join", tests, NULL, NULL);
}
