/*
 * Sealing under kill -9: a child appends, seals and finishes days with the real writer and keeper,
 * and dies at one of the calls by which it changes its files: before it, after it, or half way
 * through a write. Afterwards everything that was acknowledged is there exactly once, what is sent
 * again is known, and the work goes on, to be killed again. Likewise for a disk that is full.
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

#define ROUNDS        (SANITIZED ? 80 : 400)
#define ROUNDS_OF_ONE 8 /* with one history */
#define DAY_MS        INT64_C(86400000)
#define T0            (INT64_C(1795132800) * 1000 + 3600000)

/* --- what survives the child --- */

static struct shared {
  int64_t acknowledged; /* events of which the commit returned */
  int64_t sent;         /* that may be stored */
  int64_t now_ms;
} * shared;

static char dir[64];
static struct history_writer *writer;
static struct history_keeper *keeper;
static struct belfry_error error;

static unsigned random_state = 5;
static unsigned next_random(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

static struct keeping_clock test_clock = KEEPING_CLOCK(NULL); /* in `shared` */

static struct event make_event(int64_t id, char text[static 24], char data[static 64]) {
  snprintf(text, 24, "e%d", (int)id);
  snprintf(data, 64, "{\"message\":\"number %d word%d\"}", (int)id, (int)id % 50);
  return fixture_event(text, "log", shared->now_ms, data);
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
  if (status) {
    history_writer_abandon_group(writer);
    return status;
  }
  status = history_writer_commit_group(writer, &error);
  if (!status)
    shared->acknowledged = id;
  return status;
}

static void work_until_killed(int64_t calls, enum dying_fault how, unsigned seed) {
  random_state = seed;
  dying_calls_left = calls;
  dying_fault = how;
  open_all();
  for (;;) {
    if (append(100 + (int)(next_random() % 900)) || keeping_all(keeper, &error))
      _exit(3);
    if (next_random() % 3 == 0)
      shared->now_ms += DAY_MS;
    if (next_random() % 8 == 0)
      (void)!history_writer_checkpoint(writer, true, NULL);
    if (next_random() % 10 == 0) {
      close_all();
      open_all();
    }
  }
}

/* --- afterwards --- */

static int64_t seen, seen_of_a_day; /* newest, oldest that is not older than a day */

static int on_event(void *arg, const struct event *event) {
  (void)arg;
  char text[24], data[64];
  make_event(event->id, text, data);
  if (event->id != ++seen)
    fail_msg("event %d comes where %d should", (int)event->id, (int)seen);
  if (!slice_is(event->event_id, text) || !slice_is(event->data, data))
    fail_msg("event %d is not what was sent", (int)event->id);
  if (!seen_of_a_day && event->received_ms >= shared->now_ms - DAY_MS)
    seen_of_a_day = event->id;
  return 0;
}

static void check_all(void) {
  struct history *history = fixture_reader(dir);
  struct event_page page;
  seen = seen_of_a_day = 0;
  error = (struct belfry_error){0};
  if (history_events(history, &(struct event_query){.limit = UINT32_MAX}, on_event, NULL, &page,
                     &error))
    fail_msg("the history is not read: %s", error.text);
  assert_false(page.partial);
  if (seen < shared->acknowledged || seen > shared->sent)
    fail_msg("%d events are there; %d were acknowledged, %d sent", (int)seen,
             (int)shared->acknowledged, (int)shared->sent);
  history_close(history);
}

/* What was stored of the last day is not stored again. */
static void check_duplicates(void) {
  char text[24], data[64];
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (int64_t id = seen_of_a_day; seen_of_a_day && id <= seen; id++) {
    struct event event = make_event(id, text, data);
    assert_int_equal(history_writer_event(writer, &event, &error), 0);
    if (event.id)
      fail_msg("event %d is stored twice", (int)id);
  }
  history_writer_abandon_group(writer);
}

static void begin_history(void) {
  fixture_make_dir(dir);
  *shared = (struct shared){.now_ms = T0};
}

static void test_kills(void **state) {
  (void)state;
  int killed = 0;
  for (int round = 0; round < ROUNDS; round++) {
    if (round % ROUNDS_OF_ONE == 0)
      begin_history();
    int64_t calls = 1 + next_random() % (next_random() % 4 ? 400 : 3000);
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
    killed++;
    open_all();
    check_all();
    check_duplicates();
    shared->acknowledged = shared->sent = seen;
    if (keeping_all(keeper, &error))
      fail_msg("round %d: sealing does not go on: %s", round, error.text);
    check_all();
    close_all();
    if (round % ROUNDS_OF_ONE == ROUNDS_OF_ONE - 1)
      fixture_remove_dir(dir);
  }
  assert_int_equal(killed, ROUNDS);
}

/* Nothing is sealed while there is no room, nothing is lost, and then it goes on. */
static void test_a_full_disk(void **state) {
  (void)state;
  begin_history();
  open_all();
  for (int round = 0; round < 20; round++) {
    assert_int_equal(append(2000), 0);
    dying_disk_full = true;
    error = (struct belfry_error){0};
    int status = keeping_all(keeper, &error);
    dying_disk_full = false;
    assert_int_equal(status, BELFRY_EFULL);
    error = (struct belfry_error){0};
    check_all();
    if (round % 4 == 0)
      shared->now_ms += DAY_MS;
    if (keeping_all(keeper, &error))
      fail_msg("sealing does not go on: %s", error.text);
    check_all();
  }
  close_all();
  fixture_remove_dir(dir);
}

int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    return 99;
  test_clock.now_ms = &shared->now_ms;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kills),
      cmocka_unit_test(test_a_full_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
