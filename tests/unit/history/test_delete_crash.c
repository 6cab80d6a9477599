/*
 * Deletions under kill -9: a child appends, seals, orders deletions and carries them out with the
 * real writer and keeper, and dies at one of the calls by which it changes its files. Afterwards
 * nothing that was deleted is shown, everything else that was acknowledged is there exactly once,
 * and the work goes on, to be killed again.
 */
#include "history/keeper.h"
#include "tests/unit/history/dying.h"
#include "tests/unit/history/fixture.h"
#include "tests/unit/history/keeping.h"
#include "tests/unit/sanitized.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS        (SANITIZED ? 48 : 240)
#define ROUNDS_OF_ONE 8 /* with one history */
#define DAY_MS        INT64_C(86400000)
#define T0            (INT64_C(1795132800) * 1000 + 3600000)

/* What survives the child. Deleted are the events of one severity, up to an id. */
static struct shared {
  int64_t acknowledged, sent;
  int64_t deleted, deleting; /* up to here: acknowledged, ordered at the most */
  int64_t now_ms;
} * shared;

static char dir[64];
static struct history_writer *writer;
static struct history_keeper *keeper;
static struct belfry_error error;

static unsigned random_state;
static unsigned next_random(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

static struct keeping_clock test_clock = KEEPING_CLOCK(NULL); /* in `shared` */

static bool may_be_deleted(int64_t id) {
  return id % 3 == 0;
}

static struct event make_event(int64_t id, char text[static 24], char data[static 64]) {
  snprintf(text, 24, "e%d", (int)id);
  snprintf(data, 64, "{\"message\":\"number %d word%d\"}", (int)id, (int)id % 50);
  struct event event = fixture_event(text, "log", shared->now_ms, data);
  event.severity = may_be_deleted(id) ? 4 : 1;
  return event;
}

/* --- the work --- */

static void open_all(void) {
  const struct history_keeper_options options = {.hot_events = 300};
  writer = fixture_writer(dir);
  keeper = keeping_open(dir, &options, &test_clock.clock, writer);
}

static void close_all(void) {
  history_keeper_close(keeper);
  history_writer_close(writer);
}

static int append(int more) {
  char text[24], data[64];
  int64_t id = shared->acknowledged;
  int status = history_writer_begin_group(writer, &error);
  for (int i = 0; i < more && !status; i++) {
    struct event event = make_event(++id, text, data);
    shared->sent = id;
    status = history_writer_event(writer, &event, &error);
  }
  if (!status)
    status = history_writer_commit_group(writer, &error);
  if (!status)
    shared->acknowledged = id;
  return status;
}

static int order_deletion(void) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("sources", slice_of("")), HISTORY_VALUE_INTEGER("severities", 1 << 4),
      HISTORY_VALUE_INTEGER("from", 0), HISTORY_VALUE_INTEGER("to", 0),
      HISTORY_VALUE_INTEGER("now", shared->now_ms)};
  int64_t changed;
  int status = history_writer_begin_group(writer, &error);
  shared->deleting = shared->acknowledged;
  if (!status)
    status = history_writer_mutate(writer, slice_of("deletion_insert"), HISTORY_ORIGIN_FCGI, values,
                                   5, &changed, &error);
  if (!status)
    status = history_writer_commit_group(writer, &error);
  if (!status)
    shared->deleted = shared->deleting;
  return status;
}

static void work_until_killed(int64_t calls, enum dying_fault how, unsigned seed) {
  random_state = seed;
  dying_calls_left = calls;
  dying_fault = how;
  open_all();
  for (;;) {
    if (append(100 + (int)(next_random() % 900)))
      _exit(3);
    if (next_random() % 2 && order_deletion())
      _exit(3);
    if (keeping_all(keeper, &error))
      _exit(3);
    if (next_random() % 3 == 0)
      shared->now_ms += DAY_MS;
    if (next_random() % 10 == 0) {
      close_all();
      open_all();
    }
  }
}

/* --- afterwards --- */

static int64_t seen; /* the newest */

static int on_event(void *arg, const struct event *event) {
  (void)arg;
  char text[24], data[64];
  make_event(event->id, text, data);
  if (!slice_is(event->event_id, text) || !slice_is(event->data, data))
    fail_msg("event %d is not what was sent", (int)event->id);
  if (event->id <= seen)
    fail_msg("event %d comes again", (int)event->id);
  while (++seen < event->id) /* those in between are not there */
    if (!may_be_deleted(seen) || seen > shared->deleting)
      fail_msg("event %d is missing", (int)seen);
  if (may_be_deleted(seen) && seen <= shared->deleted)
    fail_msg("event %d is shown, which was deleted", (int)seen);
  return 0;
}

static void check_all(void) {
  struct history *history = fixture_reader(dir);
  struct event_page page;
  struct history_position position;
  seen = 0;
  error = (struct belfry_error){0};
  if (history_events(history, &(struct event_query){.limit = UINT32_MAX}, on_event, NULL, &page,
                     &error) ||
      history_position(history, &position, &error))
    fail_msg("the history is not read: %s", error.text);
  assert_false(page.partial);
  while (++seen <= position.head)
    if (!may_be_deleted(seen) || seen > shared->deleting)
      fail_msg("event %d is missing", (int)seen);
  seen = position.head;
  if (seen < shared->acknowledged || seen > shared->sent)
    fail_msg("%d events are there; %d were acknowledged, %d sent", (int)seen,
             (int)shared->acknowledged, (int)shared->sent);
  history_close(history);
}

static void test_kills(void **state) {
  (void)state;
  random_state = 7;
  for (int round = 0; round < ROUNDS; round++) {
    if (round % ROUNDS_OF_ONE == 0) {
      fixture_make_dir(dir);
      *shared = (struct shared){.now_ms = T0};
    }
    int64_t calls = 1 + next_random() % (next_random() % 4 ? 500 : 4000);
    enum dying_fault how = (enum dying_fault)(next_random() % FAULTS);
    unsigned seed = next_random();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
      work_until_killed(calls, how, seed);
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    if (!WIFSIGNALED(code) || WTERMSIG(code) != SIGKILL)
      fail_msg("round %d: the child ended by itself, code %x", round, (unsigned)code);
    open_all();
    check_all();
    shared->acknowledged = shared->sent = seen;
    if (keeping_all(keeper, &error))
      fail_msg("round %d: the work does not go on: %s", round, error.text);
    check_all();
    struct history_keeper_figures figures;
    history_keeper_figures(keeper, &figures);
    assert_int_equal(figures.deletions, 0);
    close_all();
    if (round % ROUNDS_OF_ONE == ROUNDS_OF_ONE - 1)
      fixture_remove_dir(dir);
  }
}

int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    return 99;
  test_clock.now_ms = &shared->now_ms;
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_kills)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
