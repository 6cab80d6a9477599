/* historyd/keeper: the thread that seals, beside a main thread that appends. */
#include "history/query.h"
#include "historyd/keeper.h"
#include "tests/unit/history/fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

static char dir[64];
static struct history_writer *writer;
static struct keeper *keeper;
static struct belfry_error error;
static int asks[2]; /* a pipe in place of the loop's async watcher */
static int64_t appended;

static void ask(void *arg) {
  (void)arg;
  assert_int_equal(write(asks[1], "x", 1), 1);
}

static void start(void) {
  const struct history_keeper_options options = {.hot_events = 500};
  assert_int_equal(keeper_start(dir, &options, &clock_system, ask, NULL, &keeper, &error), 0);
}

static int setup(void **state) {
  (void)state;
  fixture_make_dir(dir);
  writer = fixture_writer(dir);
  assert_int_equal(pipe2(asks, O_CLOEXEC), 0);
  appended = 0;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  keeper_stop(keeper);
  keeper = NULL;
  close(asks[0]);
  close(asks[1]);
  history_writer_close(writer);
  fixture_remove_dir(dir);
  return 0;
}

/* What the main loop does: hands over when asked to, within `wait_ms`. */
static void turn(int wait_ms) {
  char byte;
  struct pollfd fd = {.fd = asks[0], .events = POLLIN};
  if (poll(&fd, 1, wait_ms) != 1)
    return;
  assert_int_equal(read(asks[0], &byte, 1), 1);
  if (keeper_take_over(keeper, writer, &error))
    fail_msg("the hand-over fails: %s", error.text);
}

static void append(int count) {
  char id[24];
  int64_t now_ms = clock_realtime_ms(&clock_system);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (int i = 0; i < count; i++) {
    snprintf(id, sizeof id, "e%d", (int)++appended);
    struct event event = fixture_event(id, "log", now_ms, "{\"message\":\"a line of a log\"}");
    assert_int_equal(history_writer_event(writer, &event, &error), 0);
    assert_int_equal(event.id, appended);
  }
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  keeper_wake(keeper);
}

static struct keeper_figures figures(void) {
  struct keeper_figures now;
  keeper_figures(keeper, &now);
  return now;
}

static void seal_until(int64_t events) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + PATIENCE_MS;
  while (figures().sealed.events < events) {
    turn(20);
    if (clock_monotonic_ms(&clock_system) > deadline_ms)
      fail_msg("%d events are sealed, not %d: %s", (int)figures().sealed.events, (int)events,
               figures().last_error);
  }
}

static int64_t next_id;

static int on_event(void *arg, const struct event *event) {
  (void)arg;
  assert_int_equal(event->id, ++next_id);
  return 0;
}

static void check_all(void) {
  struct history *history = fixture_reader(dir);
  struct event_page page;
  next_id = 0;
  assert_int_equal(history_events(history, &(struct event_query){.limit = UINT32_MAX}, on_event,
                                  NULL, &page, &error),
                   0);
  assert_int_equal(next_id, appended);
  assert_false(page.partial);
  history_close(history);
}

static void test_seals_beside_appends(void **state) {
  (void)state;
  start();
  for (int i = 0; i < 60; i++) {
    append(300);
    turn(0);
    if (i % 10 == 0)
      check_all();
  }
  seal_until(appended - 500 - 1024);
  check_all();
  struct keeper_figures now = figures();
  assert_int_equal(now.errors, 0);
  assert_string_equal(now.last_error, "");
  assert_true(now.sealed.bytes > 0 && now.sealed.files >= 1 && now.hand_over_us_max >= 0);
}

/* It stops while it waits for a hand-over that will not come, and goes on where it was. */
static void test_stops_at_any_time(void **state) {
  (void)state;
  for (int i = 0; i < 20; i++) {
    start();
    append(2000);
    for (int turns = i % 4; turns > 0; turns--)
      turn(200);
    struct pollfd fd = {.fd = asks[0], .events = POLLIN};
    if (i % 2)
      poll(&fd, 1, 200);
    keeper_stop(keeper);
    keeper = NULL;
    char byte;
    while (poll(&fd, 1, 0) == 1)
      assert_int_equal(read(asks[0], &byte, 1), 1);
    check_all();
  }
  start();
  append(1);
  seal_until(1);
  check_all();
}

/* What stands in the way is said, and tried again. */
static void test_goes_on_after_trouble(void **state) {
  (void)state;
  char path[96];
  snprintf(path, sizeof path, "%s/segments", dir);
  int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  close(fd);
  start();
  append(3000);
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + PATIENCE_MS;
  while (figures().errors < 1 && clock_monotonic_ms(&clock_system) < deadline_ms)
    turn(20);
  assert_true(figures().errors >= 1);
  assert_non_null(strstr(figures().last_error, "segments"));
  check_all();
  assert_int_equal(unlink(path), 0);
  seal_until(1024);
  assert_string_equal(figures().last_error, "");
  check_all();
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_seals_beside_appends),
      TEST(test_stops_at_any_time),
      TEST(test_goes_on_after_trouble),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
