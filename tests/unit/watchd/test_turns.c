/* watchd/turns.h: a year of schedule, with a host that is suspended and a loop that is held up. */
#include "watchd/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

static uint64_t seed = 1;
static uint32_t chance(void) {
  seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(seed >> 32);
}

/* The time of a host: what goes on while it is suspended, and the wall clock, which people and NTP
 * set. Only the first is told to the turns. */
struct host_time {
  int64_t boot_ms, wall_ms;
};

#define TASKS 10

struct year {
  struct host_time time;
  struct turns all[TASKS];
  int64_t last_ms[TASKS]; /* turn; -1: none since the last time that nobody could take one */
  int64_t turns, missed, awake_ms, together;
  int64_t last_wall_ms,
      back; /* how often a turn came at an earlier time of the wall than the last */
};

static void advance(struct year *year, int64_t ms) {
  year->time.boot_ms += ms;
  year->time.wall_ms += ms;
}

static int next_of(const struct year *year) {
  int next = 0;
  for (int i = 1; i < TASKS; i++)
    if (year->all[i].due_ms < year->all[next].due_ms)
      next = i;
  return next;
}

static void take(struct year *year, int i) {
  int64_t due_ms = year->all[i].due_ms, now_ms = year->time.boot_ms;
  const struct turns *turns = &year->all[i];
  if (year->last_ms[i] >= 0) {
    int64_t gap_ms = due_ms - year->last_ms[i],
            least_ms = turns->interval_ms * (100 - turns->jitter_percent) / 100;
    if (gap_ms > turns->interval_ms || gap_ms < least_ms - 1)
      fail_msg("two turns were %lld ms apart", (long long)gap_ms);
  }
  year->last_ms[i] = due_ms;
  year->turns++;
  year->back += year->time.wall_ms < year->last_wall_ms;
  year->last_wall_ms = year->time.wall_ms;
  if (turns_take(&year->all[i], now_ms, chance())) {
    year->missed++;
    year->last_ms[i] = -1; /* by design: they are not made up for */
  }
  assert_true(turns->due_ms > now_ms);
  assert_true(turns->due_ms <= now_ms + turns->interval_ms);
}

static void suspend(struct year *year, int64_t ms) {
  advance(year, ms);
  for (int i = 0; i < TASKS; i++) {
    if (turns_resume(&year->all[i], year->time.boot_ms, TASKS * 100, chance()))
      year->last_ms[i] = -1;
    int64_t due_ms = year->all[i].due_ms;
    assert_true(due_ms >= year->time.boot_ms && due_ms <= year->time.boot_ms + 40 * SECOND);
  }
}

/* A day: turns; something happens to the host at some time of it. */
static void live_a_day(struct year *year, int day) {
  int64_t ends_ms = year->time.boot_ms + DAY;
  int64_t event_ms = year->time.boot_ms + (int64_t)(chance() % (uint32_t)(DAY / 2));
  bool happened = false;
  while (year->time.boot_ms < ends_ms) {
    int next = next_of(year);
    int64_t wait_ms = year->all[next].due_ms - year->time.boot_ms;
    advance(year, wait_ms > 0 ? wait_ms : 0);
    year->awake_ms += wait_ms > 0 ? wait_ms : 0;
    int near = 0;
    for (int i = 0; i < TASKS; i++)
      near += year->all[i].due_ms - year->time.boot_ms < SECOND;
    year->together += day > 0 && near == TASKS && !happened;
    take(year, next);
    if (happened || year->time.boot_ms < event_ms)
      continue;
    happened = true;
    switch (day % 4) {
    case 0: /* NTP sets the clock forth, and back */
      year->time.wall_ms += HOUR;
      break;
    case 1:
      year->time.wall_ms -= 3 * HOUR;
      break;
    case 2:
      suspend(year, (int64_t)(chance() % (uint32_t)(8 * HOUR)));
      break;
    default: /* the loop is held up, for less than a stall */
      advance(year, 1500);
      break;
    }
  }
}

static void test_a_year(void **state) {
  (void)state;
  static struct year year;
  for (int i = 0; i < TASKS; i++) {
    year.all[i] = (struct turns){.interval_ms = 40 * SECOND, .jitter_percent = 10};
    year.last_ms[i] = -1; /* all of them at once */
  }
  for (int day = 0; day < 365; day++)
    live_a_day(&year, day);
  double each = (double)year.turns / TASKS, least = (double)year.awake_ms / (40. * SECOND);
  assert_true(each >= least - 365 && each <= least / 0.95 * 1.005 + 365);
  assert_int_equal(year.missed, 0);
  assert_true(year.back > 0);         /* the wall clock did go back, and nobody cared */
  assert_int_equal(year.together, 0); /* they have drifted apart, and stay so */
}

static void test_without_jitter_the_grid_is_kept(void **state) {
  (void)state;
  struct turns turns = {.interval_ms = 5000, .due_ms = 700};
  assert_false(turns_take(&turns, 800, chance()));
  assert_int_equal(turns.due_ms, 5700);
  assert_true(turns_take(&turns, 23456, chance()));
  assert_int_equal(turns.due_ms, 25700);
  assert_true(turns_take(&turns, 30700, chance())); /* right on the next but one */
  assert_int_equal(turns.due_ms, 35700);
}

static void test_edges(void **state) {
  (void)state;
  struct turns turns = {.interval_ms = 1000, .jitter_percent = 100, .due_ms = 0};
  for (int i = 0; i < 100000; i++) {
    int64_t before_ms = turns.due_ms;
    turns_take(&turns, turns.due_ms, UINT32_MAX); /* the earliest that chance can have it */
    assert_true(turns.due_ms > before_ms);
  }
  turns = (struct turns){.interval_ms = 1000, .due_ms = 500};
  assert_false(turns_resume(&turns, 400, 100, UINT32_MAX));
  assert_int_equal(turns.due_ms, 500);
  assert_true(turns_resume(&turns, 86400000, 100000, UINT32_MAX));
  assert_true(turns.due_ms >= 86400000 && turns.due_ms <= 86401000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_year),
      cmocka_unit_test(test_without_jitter_the_grid_is_kept),
      cmocka_unit_test(test_edges),
  };
  return cmocka_run_group_tests_name("watchd/turns", tests, NULL, NULL);
}
