/* lib/history/keeper_retire: which sealed file goes and when, and that nothing else goes with it.
 */
#include "history/backup.h"
#include "history/keeper_priv.h"
#include "history/query.h"
#include "tests/unit/history/fixture.h"
#include "tests/unit/history/keeping.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)
#define TODAY  (INT64_C(1795132800) * 1000) /* midnight */
#define NOW    (TODAY + 3600000)
#define ROWS   12

/* --- the choice --- */

static struct segment_row rows[ROWS];
static struct segment_list list = {.rows = rows};

static void add(enum segment_kind kind, int days_ago, enum segment_state state, int64_t bytes) {
  struct segment_row *row = &rows[list.count++];
  *row = (struct segment_row){.id = (int64_t)list.count, .state = state, .bytes = bytes};
  segment__name(kind, TODAY - days_ago * DAY_MS, 1, row);
}

/* Names what goes one after the other, until nothing does. */
static void check_order(const struct history_retention *retention, const char *const *files) {
  const struct segment_row *chosen;
  while ((chosen = keeper__choose_retired(&list, retention, 1000, NOW))) {
    if (!*files || strcmp(chosen->file, *files) != 0)
      fail_msg("%s goes and not %s", chosen->file, *files ? *files : "nothing");
    files++;
    size_t at = (size_t)(chosen - rows);
    memmove(&rows[at], &rows[at + 1], (--list.count - at) * sizeof *rows);
  }
  if (*files)
    fail_msg("%s stays", *files);
}

static void add_days(void) {
  list.count = 0;
  for (int day = 3; day > 0; day--) {
    add(SEGMENT_EVENTS, day, SEGMENT_FINISHED, 100);
    add(SEGMENT_SAMPLES, day, SEGMENT_FINISHED, 100);
    add(SEGMENT_MINUTES, day, SEGMENT_FINISHED, 10);
  }
  add(SEGMENT_EVENTS, 0, SEGMENT_OPEN, 50);
  add(SEGMENT_HOURS, 40, SEGMENT_FINISHED, 1);
}

static void test_nothing_goes_without_a_limit(void **state) {
  (void)state;
  add_days();
  check_order(&(struct history_retention){0}, (const char *[]){NULL});
}

static void test_by_age(void **state) {
  (void)state;
  add_days();
  /* A day's age counts from its end. */
  check_order(&(struct history_retention){.events_ms = 2 * DAY_MS + 3600000 + 1},
              (const char *[]){NULL});
  check_order(&(struct history_retention){.events_ms = 2 * DAY_MS + 3600000},
              (const char *[]){"events-2026-11-17-1.db", NULL});
  check_order(&(struct history_retention){.events_ms = 1, .samples_ms = DAY_MS},
              (const char *[]){"samples-2026-11-17-1.db", "events-2026-11-18-1.db",
                               "samples-2026-11-18-1.db", "events-2026-11-19-1.db", NULL});
  check_order(&(struct history_retention){.minutes_ms = DAY_MS, .hours_ms = DAY_MS},
              (const char *[]){"minutes-2026-11-17-1.db", "minutes-2026-11-18-1.db",
                               "hours-2026-10-1.db", NULL});
}

static void test_by_size(void **state) {
  (void)state;
  add_days(); /* 681 bytes and hot.db */
  check_order(&(struct history_retention){.disk_bytes = 1681}, (const char *[]){NULL});
  check_order(&(struct history_retention){.disk_bytes = 1500},
              (const char *[]){"events-2026-11-17-1.db", "samples-2026-11-17-1.db", NULL});
  check_order(&(struct history_retention){.disk_bytes = 1},
              (const char *[]){"events-2026-11-18-1.db", "samples-2026-11-18-1.db",
                               "events-2026-11-19-1.db", "samples-2026-11-19-1.db",
                               "minutes-2026-11-17-1.db", "minutes-2026-11-18-1.db",
                               "minutes-2026-11-19-1.db", "hours-2026-10-1.db", NULL});
  assert_int_equal(list.count, 1); /* what is not finished stays */
}

static void test_what_is_not_finished_or_rolled_up_stays(void **state) {
  (void)state;
  const struct history_retention short_one = {.events_ms = 1, .samples_ms = 1};
  list.count = 0;
  add(SEGMENT_SAMPLES, 2, SEGMENT_FINISHED, 100);
  check_order(&short_one, (const char *[]){NULL});
  add(SEGMENT_MINUTES, 2, SEGMENT_OPEN, 10);
  check_order(&short_one, (const char *[]){"samples-2026-11-18-1.db", NULL});
  /* Nobody waits for roll-ups that would go at once. */
  list.count = 0;
  add(SEGMENT_SAMPLES, 2, SEGMENT_FINISHED, 100);
  check_order(&(struct history_retention){.samples_ms = 1, .minutes_ms = 1},
              (const char *[]){"samples-2026-11-18-1.db", NULL});
  /* Samples of long ago that come just now stay until no more have come for a day. */
  list.count = 0;
  add(SEGMENT_SAMPLES, 300, SEGMENT_FINISHED, 100);
  add(SEGMENT_MINUTES, 300, SEGMENT_FINISHED, 10);
  rows[0].changed_ms = NOW - DAY_MS + 1;
  check_order(&short_one, (const char *[]){NULL});
  rows[0].changed_ms = NOW - DAY_MS;
  check_order(&short_one, (const char *[]){"samples-2026-01-24-1.db", NULL});
  /* An older one that stays keeps the younger: no holes. */
  list.count = 0;
  add(SEGMENT_EVENTS, 3, SEGMENT_OPEN, 100);
  add(SEGMENT_EVENTS, 2, SEGMENT_FINISHED, 100);
  check_order(&short_one, (const char *[]){NULL});
  rows[0].state = SEGMENT_QUARANTINED;
  check_order(&short_one,
              (const char *[]){"events-2026-11-17-1.db", "events-2026-11-18-1.db", NULL});
}

static void test_figures(void **state) {
  struct history_keeper_figures figures = {0};
  (void)state;
  add_days();
  keeper__measure(&list, NOW, &figures);
  assert_int_equal(figures.oldest_ms[SEGMENT_EVENTS], TODAY - 3 * DAY_MS);
  assert_int_equal(figures.oldest_ms[SEGMENT_MINUTES], TODAY - 3 * DAY_MS);
  assert_true(figures.oldest_ms[SEGMENT_HOURS] < TODAY - 40 * DAY_MS);
  /* 680 bytes in three days and an hour. */
  assert_in_range(figures.growth_bytes_per_day, 220, 227);
  list.count = 0;
  keeper__measure(&list, NOW, &figures);
  assert_int_equal(figures.oldest_ms[SEGMENT_EVENTS], 0);
  assert_int_equal(figures.growth_bytes_per_day, 0);
}

/* --- in a history --- */

static char dir[64];
static struct history_writer *writer;
static struct belfry_error error;
static int64_t now_ms;

static const struct keeping_clock test_clock = KEEPING_CLOCK(&now_ms);

static int count_event(void *arg, const struct event *event) {
  (void)event;
  ++*(int *)arg;
  return 0;
}

static int count_events(struct history *history) {
  struct event_page page = {.more = true};
  struct event_query query = {.limit = 1000};
  int count = 0;
  while (page.more) {
    if (history_events(history, &query, count_event, &count, &page, &error))
      fail_msg("events cannot be read: %s", error.text);
    query.after = page.scanned;
  }
  return count;
}

/* Twenty days of ten events; the last five days are kept. */
static void test_days_go(void **state) {
  struct history_keeper *keeper = NULL;
  struct history_keeper_figures figures;
  struct history_position position;
  const struct history_keeper_options options = {.hot_events = 1,
                                                 .retention = {.events_ms = 4 * DAY_MS}};
  (void)state;
  fixture_make_dir(dir);
  now_ms = NOW;
  writer = fixture_writer(dir);
  struct history *history = fixture_reader(dir);
  keeper = keeping_open(dir, &options, &test_clock.clock, writer);
  for (int day = 0; day < 20; day++) {
    for (int i = 0; i < 10; i++) {
      char id[32];
      snprintf(id, sizeof id, "e%d-%d", day, i);
      fixture_store(writer, fixture_event(id, "log", now_ms, "{\"message\":\"hello\"}"));
    }
    keeping_steps(keeper, INT_MAX);
    assert_int_equal(history_position(history, &position, &error), 0);
    assert_int_equal(position.head, day * 10 + 10);
    /* Kept are the days that ended four days ago at most, and this one; the reader that had the
       files open before goes on. */
    int kept = day < 5 ? day + 1 : 5;
    assert_int_equal(position.oldest, (day + 1 - kept) * 10 + 1);
    assert_int_equal(count_events(history), kept * 10);
    now_ms += DAY_MS;
  }
  history_keeper_figures(keeper, &figures);
  assert_int_equal(figures.retired_files, 15);
  assert_true(figures.retired_bytes > 0);
  assert_int_equal(figures.files, 4); /* the newest event is in hot.db, and its day not over */
  assert_int_equal(figures.oldest_ms[SEGMENT_EVENTS], TODAY + 15 * DAY_MS);
  history_keeper_close(keeper);
  history_close(history);
  history_writer_close(writer);
  fixture_remove_dir(dir);
}

/* --- samples --- */

#define MINUTE_MS INT64_C(60000)

static void store_samples(int64_t from_ms, int count, double value) {
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (int i = 0; i < count; i++) {
    struct sample sample = {.metric = slice_of("load"),
                            .labels = slice_of("{}"),
                            .timestamp_ms = from_ms + i * 15000,
                            .value = value};
    assert_int_equal(history_writer_sample(writer, &sample, &error), 0);
  }
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
}

struct minute {
  int64_t count;
  double sum;
};

static int on_bucket(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct minute *minute = arg;
  (void)labels;
  minute->count += bucket->count;
  minute->sum += bucket->sum;
  return 0;
}

static struct minute ask_minute(struct history *history, int64_t start_ms) {
  struct minute minute = {0};
  struct sample_page page;
  const struct sample_query query = {.metric = slice_of("load"),
                                     .from_ms = start_ms,
                                     .to_ms = start_ms + MINUTE_MS,
                                     .step_ms = MINUTE_MS,
                                     .max_buckets = 100};
  if (history_samples(history, &query, on_bucket, &minute, &page, &error))
    fail_msg("samples cannot be read: %s", error.text);
  return minute;
}

static void on_problem(void *arg, const char *file, const char *text) {
  (void)arg;
  fail_msg("%s: %s", file, text);
}

static void check_sound(void) {
  struct history_check_counts counts;
  const struct history_check_options options = {.full = true};
  if (history_check(dir, &options, on_problem, NULL, &counts, &error))
    fail_msg("the history cannot be checked: %s", error.text);
  assert_true(counts.samples > 0 && counts.buckets > 0);
}

/* Roll-ups outlive their samples, and a late sample does not spoil them. */
static void test_samples_go_and_roll_ups_stay(void **state) {
  struct history_keeper *keeper = NULL;
  struct history_keeper_figures figures;
  const struct history_keeper_options options = {
      .hot_events = 1, .hot_samples_ms = 10 * MINUTE_MS, .retention = {.samples_ms = 2 * DAY_MS}};
  (void)state;
  fixture_make_dir(dir);
  now_ms = NOW;
  writer = fixture_writer(dir);
  struct history *history = fixture_reader(dir);
  keeper = keeping_open(dir, &options, &test_clock.clock, writer);
  store_samples(NOW, 4 * 10, 2);
  for (int day = 0; day < 6; day++) {
    keeping_steps(keeper, INT_MAX);
    now_ms += DAY_MS;
    store_samples(now_ms, 4, 7); /* the present goes on */
  }
  keeping_steps(keeper, INT_MAX);
  history_keeper_figures(keeper, &figures);
  assert_true(figures.retired_files >= 1);
  assert_true(figures.oldest_ms[SEGMENT_SAMPLES] > TODAY);
  assert_int_equal(figures.oldest_ms[SEGMENT_MINUTES], TODAY);
  struct minute minute = ask_minute(history, NOW);
  assert_int_equal(minute.count, 4);
  assert_true(minute.sum == 8);

  /* One of a minute that was rolled up without it, and one of a minute of which there is nothing.
   */
  store_samples(NOW + 1, 1, 1000);
  store_samples(NOW + 30 * MINUTE_MS, 1, 5);
  for (int hour = 0; hour < 3; hour++) {
    now_ms += 60 * MINUTE_MS;
    store_samples(now_ms, 1, 7);
    keeping_steps(keeper, INT_MAX);
  }
  history_keeper_figures(keeper, &figures);
  assert_int_equal(figures.samples_too_late, 1);
  minute = ask_minute(history, NOW);
  assert_int_equal(minute.count, 4);
  assert_true(minute.sum == 8);
  minute = ask_minute(history, NOW + 30 * MINUTE_MS);
  assert_int_equal(minute.count, 1);
  assert_true(minute.sum == 5);
  check_sound();
  history_keeper_close(keeper);
  history_close(history);
  history_writer_close(writer);
  fixture_remove_dir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing_goes_without_a_limit),
      cmocka_unit_test(test_by_age),
      cmocka_unit_test(test_by_size),
      cmocka_unit_test(test_what_is_not_finished_or_rolled_up_stays),
      cmocka_unit_test(test_figures),
      cmocka_unit_test(test_days_go),
      cmocka_unit_test(test_samples_go_and_roll_ups_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
