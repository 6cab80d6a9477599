/* lib/history/writer: what is committed, undone, refused; over SQLite on disk. */
#include "base/fd.h"
#include "tests/unit/history/fixture.h"

#include <poll.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static struct history_writer *writer;
static struct belfry_error error;

static int setup(void **state) {
  (void)state;
  error = (struct belfry_error){0};
  fixture_make_dir(dir);
  writer = fixture_writer(dir);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  history_writer_close(writer);
  fixture_remove_dir(dir);
  return 0;
}

static void reopen(void) {
  history_writer_close(writer);
  writer = fixture_writer(dir);
}

static struct history_position position_of_reader(void) {
  struct history_position position;
  struct history *history = fixture_reader(dir);
  assert_int_equal(history_position(history, &position, &error), 0);
  history_close(history);
  return position;
}

static struct sample sample_of(const char *metric, int64_t ts, double value) {
  return (struct sample){
      .metric = slice_of(metric), .labels = slice_of("{}"), .timestamp_ms = ts, .value = value};
}

/* One number out of the database, asked as a person with the sqlite3 shell would. */
static double ask(const char *sql) {
  char path[128];
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  snprintf(path, sizeof path, "%s/hot.db", dir);
  assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
    fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  double value = sqlite3_column_double(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return value;
}

static void test_new_history_has_an_epoch_that_stays(void **state) {
  (void)state;
  struct history_position first = position_of_reader();
  assert_int_equal(strlen(first.epoch), 16);
  assert_int_equal(strspn(first.epoch, "0123456789abcdef"), 16);
  assert_int_equal(first.head, 0);
  assert_int_equal(first.oldest, 1);
  reopen();
  assert_string_equal(position_of_reader().epoch, first.epoch);
}

static void test_ids_ascend_without_holes_for_duplicates(void **state) {
  (void)state;
  assert_int_equal(fixture_store(writer, fixture_event("a", "log", 1, "{}")), 1);
  assert_int_equal(fixture_store(writer, fixture_event("a", "log", 2, "{}")), 0);
  assert_int_equal(fixture_store(writer, fixture_event("b", "log", 3, "{}")), 2);
  struct event other = fixture_event("a", "log", 4, "{}");
  other.source = slice_of("other"); /* the same id of another source is another event */
  assert_int_equal(fixture_store(writer, other), 3);
  reopen();
  assert_int_equal(fixture_store(writer, fixture_event("a", "log", 5, "{}")), 0);
  assert_int_equal(fixture_store(writer, fixture_event("c", "log", 6, "{}")), 4);
  assert_int_equal(position_of_reader().head, 4);
}

/* Law 3: an id is never given twice, even if its event is gone. */
static void test_ids_are_not_used_again_after_a_delete(void **state) {
  (void)state;
  fixture_store(writer, fixture_event("a", "log", 1, "{}"));
  fixture_store(writer, fixture_event("b", "log", 1, "{}"));
  history_writer_close(writer);
  char path[128];
  sqlite3 *db = NULL;
  snprintf(path, sizeof path, "%s/hot.db", dir);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "DELETE FROM event", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  writer = fixture_writer(dir);
  struct history_position position = position_of_reader();
  assert_int_equal(position.head, 2);
  assert_int_equal(position.oldest, 3);
  assert_int_equal(fixture_store(writer, fixture_event("c", "log", 1, "{}")), 3);
}

static void test_received_never_decreases(void **state) {
  (void)state;
  fixture_store(writer, fixture_event("a", "log", 5000, "{}"));
  fixture_store(writer, fixture_event("b", "log", 4000, "{}")); /* the clock was set back */
  reopen();
  fixture_store(writer, fixture_event("c", "log", 3000, "{}"));
  fixture_store(writer, fixture_event("d", "log", 6000, "{}"));
  assert_true(ask("SELECT group_concat(received, '') = '5000500050006000' FROM "
                  "(SELECT received FROM event ORDER BY id)") == 1);
  assert_true(ask("SELECT group_concat(timestamp, '') = '5000400030006000' FROM "
                  "(SELECT timestamp FROM event ORDER BY id)") == 1);
}

static void test_a_batch_is_undone_and_the_group_goes_on(void **state) {
  (void)state;
  struct event a = fixture_event("a", "log", 1, "{}"), b = fixture_event("b", "log", 1, "{}"),
               c = fixture_event("c", "log", 1, "{}");
  struct sample first = sample_of("kept", 10, 1), second = sample_of("undone", 10, 1),
                third = sample_of("kept", 20, 3), fourth = sample_of("kept", 30, 4);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  assert_int_equal(history_writer_event(writer, &a, &error), 0);
  assert_int_equal(history_writer_sample(writer, &first, &error), 0);
  assert_int_equal(history_writer_begin_batch(writer, &error), 0);
  assert_int_equal(history_writer_event(writer, &b, &error), 0);
  assert_int_equal(history_writer_sample(writer, &second, &error), 0);
  assert_int_equal(history_writer_sample(writer, &fourth, &error), 0);
  assert_int_equal(history_writer_undo_batch(writer, &error), 0);
  assert_int_equal(history_writer_begin_batch(writer, &error), 0);
  assert_int_equal(history_writer_event(writer, &c, &error), 0);
  assert_int_equal(history_writer_sample(writer, &third, &error), 0);
  assert_int_equal(history_writer_end_batch(writer, &error), 0);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  assert_int_equal(a.id, 1);
  assert_int_equal(c.id, 2);
  assert_true(ask("SELECT group_concat(event_id, '') = 'ac' FROM event") == 1);
  assert_true(ask("SELECT count(*) FROM series") == 1);
  assert_true(ask("SELECT count(*) FROM sample") == 2);
  assert_true(ask("SELECT count = 2 AND last_ts = 20 AND last_value = 3 FROM series") == 1);
  /* What was undone can be stored anew. */
  assert_int_equal(fixture_store(writer, fixture_event("b", "log", 1, "{}")), 3);
}

static void test_an_abandoned_group_leaves_nothing(void **state) {
  (void)state;
  struct event a = fixture_event("a", "log", 1, "{}");
  struct sample sample = sample_of("m", 10, 1);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  assert_int_equal(history_writer_event(writer, &a, &error), 0);
  assert_int_equal(history_writer_sample(writer, &sample, &error), 0);
  history_writer_abandon_group(writer);
  assert_int_equal(position_of_reader().head, 0);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  assert_int_equal(history_writer_sample(writer, &sample, &error), 0);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  assert_true(ask("SELECT count FROM series") == 1);
}

static void test_readers_see_nothing_before_the_commit(void **state) {
  (void)state;
  struct event a = fixture_event("a", "log", 1, "{}");
  struct history *history = fixture_reader(dir);
  struct history_position position;
  uint64_t version = history_version(history);
  assert_true(version != 0);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  assert_int_equal(history_writer_event(writer, &a, &error), 0);
  assert_int_equal(history_position(history, &position, &error), 0);
  assert_int_equal(position.head, 0);
  assert_true(history_version(history) == version);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  assert_true(history_version(history) != version);
  assert_int_equal(history_position(history, &position, &error), 0);
  assert_int_equal(position.head, 1);
  history_close(history);
}

static void test_a_reader_can_hold_one_moment(void **state) {
  (void)state;
  struct history *history = fixture_reader(dir);
  struct history_position position;
  assert_int_equal(history_begin(history, &error), 0);
  assert_int_equal(history_position(history, &position, &error), 0);
  fixture_store(writer, fixture_event("a", "log", 1, "{}"));
  assert_int_equal(history_position(history, &position, &error), 0);
  assert_int_equal(position.head, 0);
  history_end(history);
  assert_int_equal(history_position(history, &position, &error), 0);
  assert_int_equal(position.head, 1);
  history_close(history);
}

static void test_the_later_sample_of_a_millisecond_wins(void **state) {
  (void)state;
  struct sample samples[] = {sample_of("m", 10, 1), sample_of("m", 10, 2), sample_of("m", 5, 9)};
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (int i = 0; i < 3; i++)
    assert_int_equal(history_writer_sample(writer, &samples[i], &error), 0);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  assert_true(ask("SELECT value FROM sample WHERE ts = 10") == 2);
  assert_true(ask("SELECT count FROM series") == 2);
  assert_true(ask("SELECT last_value FROM series") == 2); /* the newest by time, not by arrival */
}

static void test_too_many_series_are_refused(void **state) {
  (void)state;
  char metric[32];
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (int i = 0; i < 100; i++) {
    snprintf(metric, sizeof metric, "m_%d", i);
    struct sample sample = sample_of(metric, 1, i);
    assert_int_equal(history_writer_sample(writer, &sample, &error), 0);
  }
  struct sample known = sample_of("m_7", 2, 2), fresh = sample_of("m_new", 2, 2);
  assert_int_equal(history_writer_sample(writer, &known, &error), 0);
  assert_int_equal(history_writer_sample(writer, &fresh, &error), BELFRY_ETOOBIG);
  assert_non_null(strstr(error.text, "max_series"));
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  assert_true(ask("SELECT count(*) FROM series") == 100);
  assert_true(ask("SELECT count FROM series WHERE metric = 'm_7'") == 2);
}

/* One source cannot take what is there for all. */
static void test_too_many_series_of_one_source_are_refused(void **state) {
  (void)state;
  char own[64], labels[64];
  int64_t count, refused;
  struct history_writer *limited = NULL;
  const struct history_writer_options options = {.max_series = 100, .max_series_per_source = 5};
  fixture_make_dir(own);
  for (int round = 0; round < 2; round++) { /* and so it is after a restart */
    assert_int_equal(history_writer_open(own, &options, &limited, &error), 0);
    assert_int_equal(history_writer_begin_group(limited, &error), 0);
    for (int i = 0; i < 8; i++)
      for (int source = 0; source < 3; source++) {
        struct sample sample = sample_of("m", 1, i);
        snprintf(labels, sizeof labels,
                 source ? "{\"n\":\"%d\",\"source\":\"s%d\"}" : "{\"n\":\"%d\"}", i, source);
        sample.labels = slice_of(labels);
        belfry_error_clear(&error);
        assert_int_equal(history_writer_sample(limited, &sample, &error),
                         i < 5 ? 0 : BELFRY_ETOOBIG);
      }
    assert_non_null(strstr(error.text, "max_series_per_source"));
    belfry_error_clear(&error);
    assert_int_equal(history_writer_commit_group(limited, &error), 0);
    history_writer_series(limited, &count, &refused);
    assert_int_equal(count, 15);
    assert_int_equal(refused, 9);
    history_writer_close(limited);
  }
  fixture_remove_dir(own);
}

static int mutate(const char *name, enum history_origin origin, const struct history_value *values,
                  size_t count, int64_t *changed) {
  error = (struct belfry_error){0};
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  int status =
      history_writer_mutate(writer, slice_of(name), origin, values, count, changed, &error);
  assert_int_equal(history_writer_commit_group(writer, NULL), 0);
  return status;
}

static void test_mutations_by_name_and_origin(void **state) {
  (void)state;
  struct history_value values[] = {HISTORY_VALUE_TEXT("key_id", slice_of("k")),
                                   HISTORY_VALUE_TEXT("name", slice_of("n")),
                                   HISTORY_VALUE_TEXT("role", slice_of("viewer")),
                                   HISTORY_VALUE_TEXT("hash", slice_of("h")),
                                   HISTORY_VALUE_INTEGER("created", 1),
                                   HISTORY_VALUE_TEXT("created_by", slice_of("me")),
                                   HISTORY_VALUE_NULL("expires")};
  int64_t changed;
  assert_int_equal(mutate("api_key_insert", HISTORY_ORIGIN_WATCHD, values, 7, &changed),
                   BELFRY_EDENIED);
  assert_int_equal(mutate("api_key_insert", HISTORY_ORIGIN_FCGI, values, 6, &changed),
                   BELFRY_EINVAL);
  assert_non_null(strstr(error.text, "expires"));
  values[6].name = "expire";
  assert_int_equal(mutate("api_key_insert", HISTORY_ORIGIN_FCGI, values, 7, &changed),
                   BELFRY_EINVAL);
  assert_non_null(strstr(error.text, "'expire'"));
  values[6].name = "expires";
  assert_int_equal(mutate("api_key_insert", HISTORY_ORIGIN_FCGI, values, 7, &changed), 0);
  assert_int_equal(changed, 1);
  assert_int_equal(mutate("api_key_insert", HISTORY_ORIGIN_FCGI, values, 7, &changed),
                   BELFRY_ECONFLICT);
  assert_int_equal(mutate("no_such_thing", HISTORY_ORIGIN_FCGI, values, 7, &changed),
                   BELFRY_EINVAL);
  /* Only mutations: a projection's name is none. */
  assert_int_equal(mutate("project_session", HISTORY_ORIGIN_FCGI, NULL, 0, &changed),
                   BELFRY_EINVAL);
  struct history_value which[] = {HISTORY_VALUE_TEXT("key_id", slice_of("k")),
                                  HISTORY_VALUE_INTEGER("now", 2)};
  assert_int_equal(mutate("api_key_delete", HISTORY_ORIGIN_FCGI, which, 2, &changed), 0);
  assert_int_equal(changed, 1);
  assert_int_equal(mutate("api_key_delete", HISTORY_ORIGIN_FCGI, which, 2, &changed), 0);
  assert_int_equal(changed, 0);
}

static void test_a_newer_schema_is_refused(void **state) {
  (void)state;
  history_writer_close(writer);
  writer = NULL;
  char path[128];
  sqlite3 *db = NULL;
  struct history *history = NULL;
  struct history_writer_options options = {.max_series = 1};
  snprintf(path, sizeof path, "%s/hot.db", dir);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(history_writer_open(dir, &options, &writer, &error), BELFRY_EVERSION);
  assert_non_null(strstr(error.text, "999"));
  assert_int_equal(history_open(dir, &history, NULL), BELFRY_EVERSION);
  /* And one that is not migrated yet is not ready for readers. */
  assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 0", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  assert_int_equal(history_open(dir, &history, NULL), BELFRY_EBUSY);
}

static void test_no_history_yet_is_busy(void **state) {
  (void)state;
  struct history *history = NULL;
  assert_int_equal(history_open("/tmp/belfry-no-such-folder", &history, &error), BELFRY_EBUSY);
}

static void test_a_second_writer_is_refused(void **state) {
  (void)state;
  struct history_writer *second = NULL;
  struct history_writer_options options = {.max_series = 1};
  char pid[16];
  snprintf(pid, sizeof pid, "%d", (int)getpid());
  assert_int_equal(history_writer_open(dir, &options, &second, &error), BELFRY_ECONFLICT);
  assert_non_null(strstr(error.text, pid));
}

/* Readers of another user could not make a new log, so a clean end leaves it. */
static void test_the_log_stays_after_a_clean_end(void **state) {
  (void)state;
  char path[128];
  fixture_store(writer, fixture_event("a", "log", 1, "{}"));
  history_writer_close(writer);
  snprintf(path, sizeof path, "%s/hot.db-wal", dir);
  assert_int_equal(access(path, F_OK), 0);
  assert_int_equal(position_of_reader().head, 1);
  assert_int_equal(access(path, F_OK), 0);
  writer = fixture_writer(dir);
}

static void test_checkpoints_let_the_log_start_over(void **state) {
  (void)state;
  char id[16];
  for (int i = 0; i < 50; i++) {
    snprintf(id, sizeof id, "%d", i);
    fixture_store(writer, fixture_event(id, "log", i, "{}"));
  }
  int64_t before = history_writer_wal_pages(writer);
  assert_true(before >= 50);
  assert_int_equal(history_writer_checkpoint(writer, true, &error), 0);
  fixture_store(writer, fixture_event("last", "log", 1, "{}"));
  assert_true(history_writer_wal_pages(writer) < before);
  assert_int_equal(position_of_reader().head, 51);
}

/* What the head of the log says of how often it has started over. */
static uint32_t log_starts(void) {
  char path[128];
  unsigned char head[16] = {0};
  snprintf(path, sizeof path, "%s/hot.db-wal", dir);
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  assert_int_equal(fread(head, sizeof head, 1, file), 1);
  fclose(file);
  return (uint32_t)head[12] << 24 | (uint32_t)head[13] << 16 | (uint32_t)head[14] << 8 | head[15];
}

/* A writer that ended because a sync failed leaves pages that were never written and look as if
 * they had been: nothing may be appended behind them. */
static void test_nothing_is_appended_to_the_log_of_another(void **state) {
  (void)state;
  fixture_store(writer, fixture_event("a", "log", 1, "{}"));
  uint32_t starts = log_starts();
  history_writer_discard(writer);
  writer = fixture_writer(dir);
  assert_int_equal(fixture_store(writer, fixture_event("a", "log", 1, "{}")), 0);
  assert_int_equal(fixture_store(writer, fixture_event("b", "log", 1, "{}")), 2);
  assert_true(log_starts() > starts);
}

/* A reader that holds on for long keeps nobody from starting. */
static void test_a_start_beside_a_reader(void **state) {
  (void)state;
  struct history *history = fixture_reader(dir);
  struct history_position position;
  fixture_store(writer, fixture_event("a", "log", 1, "{}"));
  assert_int_equal(history_begin(history, &error), 0);
  assert_int_equal(history_position(history, &position, &error), 0);
  fixture_store(writer, fixture_event("b", "log", 1, "{}"));
  history_writer_discard(writer);
  writer = fixture_writer(dir);
  assert_int_equal(fixture_store(writer, fixture_event("c", "log", 1, "{}")), 3);
  history_end(history);
  history_close(history);
}

static void test_a_reader_in_the_way_of_a_restart_is_no_failure(void **state) {
  (void)state;
  struct history *history = fixture_reader(dir);
  struct history_position position;
  assert_int_equal(history_begin(history, &error), 0);
  assert_int_equal(history_position(history, &position, &error), 0);
  fixture_store(writer, fixture_event("a", "log", 1, "{}"));
  assert_int_equal(history_writer_checkpoint(writer, true, &error), BELFRY_EBUSY);
  history_end(history);
  history_close(history);
  assert_int_equal(fixture_store(writer, fixture_event("b", "log", 1, "{}")), 2);
}

/* Somebody removes the files of a running Belfry: nothing is acknowledged that would be lost, and
 * readers do not go on showing the past. */
static void test_a_history_that_is_taken_away(void **state) {
  (void)state;
  static const char *const names[] = {"hot.db", "hot.db-wal", "hot.db-shm", "history.lock"};
  char path[128];
  struct history_position position;
  struct history *history = fixture_reader(dir);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    assert_int_equal(unlink(path), 0);
  }
  assert_int_equal(history_writer_begin_group(writer, &error), BELFRY_EIO);
  assert_non_null(strstr(error.text, "removed or replaced"));
  history_writer_discard(writer);
  writer = fixture_writer(dir);
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + 10000;
  while (history_position(history, &position, NULL) != BELFRY_EBUSY) {
    assert_true(clock_monotonic_ms(&clock_system) < deadline_ms);
    poll(NULL, 0, 10);
  }
  history_close(history);
  assert_int_equal(fixture_store(writer, fixture_event("a", "log", 1, "{}")), 1);
  assert_int_equal(position_of_reader().head, 1);
}

static void test_the_ballast_is_real(void **state) {
  (void)state;
  char path[128];
  struct stat info;
  snprintf(path, sizeof path, "%s/ballast", dir);
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_size, 65536);
  assert_true(info.st_blocks * 512 >= 65536);
  assert_true(history_writer_has_room(writer, &error));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_new_history_has_an_epoch_that_stays),
      TEST(test_ids_ascend_without_holes_for_duplicates),
      TEST(test_ids_are_not_used_again_after_a_delete),
      TEST(test_received_never_decreases),
      TEST(test_a_batch_is_undone_and_the_group_goes_on),
      TEST(test_an_abandoned_group_leaves_nothing),
      TEST(test_readers_see_nothing_before_the_commit),
      TEST(test_a_reader_can_hold_one_moment),
      TEST(test_the_later_sample_of_a_millisecond_wins),
      TEST(test_too_many_series_are_refused),
      TEST(test_too_many_series_of_one_source_are_refused),
      TEST(test_mutations_by_name_and_origin),
      TEST(test_a_newer_schema_is_refused),
      TEST(test_no_history_yet_is_busy),
      TEST(test_a_second_writer_is_refused),
      TEST(test_the_log_stays_after_a_clean_end),
      TEST(test_checkpoints_let_the_log_start_over),
      TEST(test_nothing_is_appended_to_the_log_of_another),
      TEST(test_a_start_beside_a_reader),
      TEST(test_a_reader_in_the_way_of_a_restart_is_no_failure),
      TEST(test_a_history_that_is_taken_away),
      TEST(test_the_ballast_is_real),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
