/* pushd/wheel: timers go off at their tick, however far away, and may be moved by others. */
#include "pushd/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define TIMERS 500

struct item {
  struct wheel_timer timer;
  uint32_t want; /* tick; 0: must not go off */
  uint32_t fired;
};

struct scene {
  struct wheel wheel;
  struct item items[TIMERS];
};

static void on_due(void *arg, struct wheel_timer *timer) {
  struct scene *scene = arg;
  struct item *item = (struct item *)timer;
  assert_null(timer->link);
  assert_int_equal(item->fired, 0);
  item->fired = scene->wheel.now;
}

static void test_each_fires_once_at_its_tick(void **state) {
  (void)state;
  struct scene *scene = calloc(1, sizeof *scene);
  srand(2);
  scene->wheel.now = 1000;
  for (int i = 0; i < TIMERS; i++) {
    struct item *item = &scene->items[i];
    item->want = 1001 + (uint32_t)rand() % (WHEEL_SLOTS * 4);
    wheel_set(&scene->wheel, &item->timer, 5000); /* and moved at once */
    wheel_set(&scene->wheel, &item->timer, item->want);
    if (i % 7 == 0) {
      wheel_unset(&item->timer);
      item->want = 0;
    }
  }
  for (uint32_t now = 1001; now < 1001 + WHEEL_SLOTS * 5; now++)
    wheel_advance(&scene->wheel, now, on_due, scene);
  for (int i = 0; i < TIMERS; i++)
    assert_int_equal(scene->items[i].fired, scene->items[i].want);
  free(scene);
}

static void test_a_long_sleep_loses_none(void **state) {
  (void)state;
  struct scene *scene = calloc(1, sizeof *scene);
  for (int i = 0; i < TIMERS; i++)
    wheel_set(&scene->wheel, &scene->items[i].timer, 1 + (uint32_t)i * 3);
  wheel_advance(&scene->wheel, TIMERS * 2, on_due, scene);
  for (int i = 0; i < TIMERS; i++)
    assert_int_equal(scene->items[i].fired != 0, 1 + i * 3 <= TIMERS * 2);
  wheel_advance(&scene->wheel, TIMERS * 4, on_due, scene);
  for (int i = 0; i < TIMERS; i++)
    assert_int_not_equal(scene->items[i].fired, 0);
  free(scene);
}

/* A timer's callback frees its neighbours, as a client that takes others with it would. */
static void on_due_unset_all(void *arg, struct wheel_timer *timer) {
  struct scene *scene = arg;
  ((struct item *)timer)->fired = scene->wheel.now;
  for (int i = 0; i < TIMERS; i++)
    wheel_unset(&scene->items[i].timer);
}

static void test_a_callback_may_unset_the_others(void **state) {
  (void)state;
  struct scene *scene = calloc(1, sizeof *scene);
  for (int i = 0; i < TIMERS; i++)
    wheel_set(&scene->wheel, &scene->items[i].timer, 5);
  wheel_advance(&scene->wheel, 10, on_due_unset_all, scene);
  int fired = 0;
  for (int i = 0; i < TIMERS; i++)
    fired += scene->items[i].fired != 0;
  assert_int_equal(fired, 1);
  free(scene);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_fires_once_at_its_tick),
      cmocka_unit_test(test_a_long_sleep_loses_none),
      cmocka_unit_test(test_a_callback_may_unset_the_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
