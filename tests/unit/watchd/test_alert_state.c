#include "watchd/alert_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

/* What happens when the verdicts of `said` come one a minute: of each step its first letter, a
 * point for none. */
static void follow(const char *said, int64_t for_ms, int64_t resolve_after_ms, const char *steps) {
  static const char letters[] = {
      [ALERT_STAYS] = '.', [ALERT_CHANGES] = 'c', [ALERT_FIRES] = 'F', [ALERT_RESOLVES] = 'R'};
  struct alert_state state = {0};
  for (size_t i = 0; said[i]; i++) {
    enum alert_verdict verdict = said[i] == 'b'   ? ALERT_BAD
                                 : said[i] == 'g' ? ALERT_GOOD
                                 : said[i] == '-' ? ALERT_BETWEEN
                                                  : ALERT_DARK;
    enum alert_step step =
        alert_judge(&state, verdict, (int64_t)i * MINUTE, for_ms, resolve_after_ms);
    if (letters[step] != steps[i])
      fail_msg("%s for %lld until %lld: step %zu is %c, not %c", said, (long long)for_ms,
               (long long)resolve_after_ms, i, letters[step], steps[i]);
  }
}

static void test_steps(void **state) {
  (void)state;
  follow("gbbg", 0, 0, ".F.R");
  /* It must be bad for two minutes without a break. */
  follow("bbgbbbb", 2 * MINUTE, 0, "c.cc.F.");
  follow("b-bbb", 2 * MINUTE, 0, "ccc.F");
  follow("b?bbb", 2 * MINUTE, 0, "ccc.F");
  /* It must be good for two minutes without a break. */
  follow("bggbggg", 0, 2 * MINUTE, "F.....R");
  follow("bgg-ggg", 0, 2 * MINUTE, "F.....R");
  /* Between the limits it is neither; nor when nothing can be told. */
  follow("b--g", 0, 0, "F..R");
  follow("b??g", 0, 0, "F..R");
  follow("g-?-g", 0, 0, "..cc.");
  follow("???b", 0, 0, "c..F");
}

/* A day of a service that changes with each check: it fires no more often than once in the time
 * that both waits together take. */
static void test_a_day_of_flapping(void **state) {
  (void)state;
  static const int64_t waits[][2] = {
      {0, 5 * MINUTE}, {MINUTE, 5 * MINUTE}, {2 * MINUTE, 10 * MINUTE}};
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
    for (unsigned seed = 1; seed < 20; seed++) {
      struct alert_state alert = {0};
      int64_t fired = 0, day_ms = 24 * 60 * MINUTE;
      srand(seed);
      for (int64_t now_ms = 1; now_ms < day_ms; now_ms += 10 * SECOND)
        fired += alert_judge(&alert, rand() % 2 ? ALERT_BAD : ALERT_GOOD, now_ms, waits[i][0],
                             waits[i][1]) == ALERT_FIRES;
      assert_true(fired <= 1 + day_ms / (waits[i][0] + waits[i][1]));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_steps),
      cmocka_unit_test(test_a_day_of_flapping),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
