/*
 * watchd/outbox: while belfry-historyd is away, changes are kept and the oldest samples go; once it
 * is there, all that was kept arrives, in order.
 */
#include "running.h"

#include "base/clock.h"
#include "watchd/outbox.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { SAMPLES = 700000 }; /* more than the lane holds */
#define DEADLINE_MS 60000

struct scene {
  struct running running;
  struct ev_loop *loop;
  struct outbox *outbox;
  bool passed;
};

static struct scene scene_here;

static int begin(void **state) {
  struct scene *scene = &scene_here;
  *scene = (struct scene){0};
  running_make(&scene->running, "");
  scene->loop = ev_loop_new(EVFLAG_AUTO);
  assert_non_null(scene->loop);
  assert_int_equal(
      outbox_new(scene->loop, running_path(&scene->running, "history.sock"), &scene->outbox), 0);
  *state = scene;
  return 0;
}

static int finish(void **state) {
  struct scene *scene = *state;
  outbox_free(scene->outbox);
  ev_loop_destroy(scene->loop);
  running_end(&scene->running, !scene->passed);
  return 0;
}

static void put_change(struct scene *scene, int number) {
  char data[80];
  snprintf(data, sizeof data, "{\"service\":\"s\",\"status\":\"up\",\"number\":%d}", number);
  const struct event event = {.timestamp_ms = 1000 + number,
                              .severity = 2,
                              .type = slice_of("health_changed"),
                              .source = slice_of("watchd"),
                              .data = slice_of(data)};
  outbox_event(scene->outbox, &event);
}

static void put_samples(struct scene *scene, int count) {
  for (int i = 0; i < count; i++) {
    const struct sample sample = {slice_of("host_load1"), slice_of("{}"), i + 1, i};
    outbox_sample(scene->outbox, &sample);
  }
}

/* Lets the loop run until so many events have been stored and no sample is left. */
static void run_until_stored(struct scene *scene, int64_t events, int64_t samples) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + DEADLINE_MS;
  for (;;) {
    struct outbox_figures figures = outbox_figures(scene->outbox);
    if (figures.events >= events && figures.samples + figures.dropped >= samples)
      return;
    if (clock_monotonic_ms(&clock_system) > deadline_ms)
      fail_msg("after a minute %lld events and %lld samples are stored", (long long)figures.events,
               (long long)figures.samples);
    ev_run(scene->loop, EVRUN_ONCE);
  }
}

struct order {
  int64_t last_ms;
  int count;
};

static int on_event(void *arg, const struct event *event) {
  struct order *order = arg;
  assert_true(event->timestamp_ms > order->last_ms);
  order->last_ms = event->timestamp_ms;
  order->count++;
  return 0;
}

static void expect_events(struct scene *scene, int count) {
  struct order order = {0};
  running_events(&scene->running, "health_changed", on_event, &order);
  assert_int_equal(order.count, count);
}

static void test_bounded_while_away(void **state) {
  struct scene *scene = *state;
  put_change(scene, 1);
  put_samples(scene, SAMPLES);
  for (int i = 2; i <= 500; i++)
    put_change(scene, i);
  struct outbox_figures figures = outbox_figures(scene->outbox);
  assert_true(figures.dropped > 0 && figures.dropped < SAMPLES);
  running_start_historyd(&scene->running);
  run_until_stored(scene, 500, SAMPLES);
  assert_int_equal(outbox_figures(scene->outbox).dropped, figures.dropped);
  expect_events(scene, 500);
  scene->passed = true;
}

static void test_killed_in_between(void **state) {
  struct scene *scene = *state;
  int number = 0;
  for (int round = 0; round < 5; round++) {
    running_start_historyd(&scene->running);
    for (int i = 0; i < 200; i++) {
      put_change(scene, ++number);
      ev_run(scene->loop, EVRUN_NOWAIT);
    }
    if (round > 0)
      run_until_stored(scene, number - 100, 0);
    running_stop(&scene->running.historyd, SIGKILL);
  }
  running_start_historyd(&scene->running);
  /* A batch whose answer was lost is sent again and counted once: as a duplicate or as stored. */
  run_until_stored(scene, number, 0);
  expect_events(scene, number);
  scene->passed = true;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_bounded_while_away, begin, finish),
      cmocka_unit_test_setup_teardown(test_killed_in_between, begin, finish),
  };
  return cmocka_run_group_tests_name("watchd/outbox", tests, NULL, NULL);
}
