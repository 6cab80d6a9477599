/* historyd/appender: groups of batches, what they change and what refuses them; SQLite on disk. */
#include "historyd/appender.h"
#include "historyd/check.h"
#include "tests/unit/history/fixture.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define REQUESTS_MAX 8

static char dir[64];
static struct conf *conf;
static struct history_writer *writer;
static struct appender appender;
static struct belfry_error error;

/* A group in the making. */
static struct history_batch batches[REQUESTS_MAX];
static struct buf payloads[REQUESTS_MAX];
static struct append_request requests[REQUESTS_MAX];
static size_t request_count;

static int setup(void **state) {
  (void)state;
  char path[96];
  fixture_make_dir(dir);
  snprintf(path, sizeof path, "%s/belfry.yaml", dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs("history:\n  max_batch_events: 50\n", file);
  fclose(file);
  conf = conf_load(path, &error);
  if (!conf)
    fail_msg("%s", error.text);
  writer = fixture_writer(dir);
  appender_init(&appender, writer, conf, &clock_system);
  request_count = 0;
  for (int i = 0; i < REQUESTS_MAX; i++) {
    history_batch_init(&batches[i], 0);
    buf_init(&payloads[i], 0);
  }
  return 0;
}

static int teardown(void **state) {
  (void)state;
  for (int i = 0; i < REQUESTS_MAX; i++) {
    history_batch_fini(&batches[i]);
    buf_fini(&payloads[i]);
  }
  history_writer_close(writer);
  conf_free(conf);
  fixture_remove_dir(dir);
  return 0;
}

/* The next batch of the group. */
static struct history_batch *next_batch(enum history_origin origin) {
  requests[request_count].origin = origin;
  history_batch_clear(&batches[request_count]);
  return &batches[request_count++];
}

static void commit(void) {
  for (size_t i = 0; i < request_count; i++) {
    assert_int_equal(history_batch_status(&batches[i]), 0);
    buf_clear(&payloads[i]);
    append_payload_put(&payloads[i], &batches[i]);
    requests[i].payload = buf_slice(&payloads[i]);
  }
  if (appender_commit(&appender, requests, request_count, &error))
    fail_msg("the group fails: %s", error.text);
  request_count = 0;
}

static void put_event(struct history_batch *batch, const char *id, const char *type,
                      const char *data) {
  struct event event = fixture_event(id, type, 1795170000000, data);
  history_batch_event(batch, &event);
}

/* Stores one event by itself. */
static void store(const char *id, const char *type, const char *data) {
  put_event(next_batch(HISTORY_ORIGIN_FCGI), id, type, data);
  commit();
  if (requests[0].status)
    fail_msg("%s is not stored: %s", type, requests[0].text);
}

/* Fails unless the SQL gives 1, asked as a person with the sqlite3 shell would. */
static void assert_sql(const char *sql) {
  char path[128];
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  snprintf(path, sizeof path, "%s/hot.db", dir);
  assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
    fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  if (sqlite3_column_int(statement, 0) != 1)
    fail_msg("not so: %s", sql);
  sqlite3_finalize(statement);
  sqlite3_close(db);
}

static void test_a_group_of_batches(void **state) {
  (void)state;
  struct history_batch *first = next_batch(HISTORY_ORIGIN_FCGI);
  put_event(first, "a", "custom.thing", "{}");
  put_event(first, "b", "log", "{\"message\":\"m\"}");
  struct history_batch *second = next_batch(HISTORY_ORIGIN_WATCHD);
  put_event(second, "b", "log", "{}"); /* there already, in the same group */
  put_event(second, "c", "log", "{}");
  commit();
  assert_int_equal(requests[0].status, 0);
  assert_int_equal(requests[0].receipt.accepted, 2);
  assert_int_equal(requests[0].receipt.first_id, 1);
  assert_int_equal(requests[0].receipt.last_id, 2);
  assert_int_equal(requests[1].receipt.accepted, 1);
  assert_int_equal(requests[1].receipt.duplicates, 1);
  assert_int_equal(requests[1].receipt.first_id, 3);
  assert_sql("SELECT group_concat(origin, '') = '113' FROM event");
  assert_sql("SELECT value = 1 FROM counter WHERE name = 'total_events'"); /* logs do not count */
  assert_int_equal(appender.figures.commits, 1);
  assert_int_equal(appender.figures.events, 3);
}

static void test_sending_again_changes_nothing(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    store("s1", "agent_execution_started", "{\"agent_name\":\"a\"}");
    store("c1", "agent_execution_completed", "{\"agent_name\":\"a\",\"quality_score\":80}");
  }
  assert_int_equal(requests[0].receipt.duplicates, 1);
  assert_int_equal(requests[0].receipt.first_id, 0);
  assert_sql("SELECT invocations = 1 AND completions = 1 AND quality_count = 1 FROM agent");
  assert_sql("SELECT count = 1 FROM series WHERE metric = 'quality_score'");
}

static void test_agents(void **state) {
  (void)state;
  store("1", "agent_registered", "{\"agent_id\":\"x1\",\"agent_name\":\"writer\"}");
  assert_sql("SELECT status = 'registered' AND agent_id = 'x1' FROM agent");
  assert_sql("SELECT count(*) = 0 FROM agent_run");
  store("2", "agent_execution_started",
        "{\"agent_name\":\"writer\",\"task_description\":\"chapter one\"}");
  store("3", "agent_execution_started", "{\"agent_name\":\"writer\"}");
  assert_sql("SELECT invocations = 2 FROM agent");
  assert_sql("SELECT count(*) = 2 FROM agent_run WHERE agent = 'writer'");
  assert_sql("SELECT last_task = 'chapter one' FROM agent");
  store("4", "agent_execution_completed",
        "{\"agent_name\":\"writer\",\"success\":true,\"duration_ms\":100,\"quality_score\":90}");
  assert_sql("SELECT successes = 1 FROM agent");
  assert_sql("SELECT count(*) = 1 FROM agent_run");
  store("5", "agent_execution_completed",
        "{\"agent_name\":\"writer\",\"success\":false,\"duration_ms\":300}");
  assert_sql("SELECT count(*) = 0 FROM agent_run");
  assert_sql("SELECT status = 'failed' AND completions = 2 AND successes = 1 "
             "AND duration_sum = 400 AND quality_sum = 90 AND quality_count = 1 FROM agent");
  store("6", "agent_activity", "{\"agent\":\"writer\",\"action\":\"invoked\"}");
  assert_sql("SELECT invocations = 3 FROM agent");
  assert_sql("SELECT count(*) = 1 FROM agent");
}

static void test_quality_opportunities_and_sessions(void **state) {
  (void)state;
  store("1", "quality_score_updated", "{\"agent_id\":\"a\",\"quality_score\":60}");
  store("2", "quality_score_updated", "{\"quality_score\":80.5}");
  store("3", "quality_score_updated", "{\"quality_score\":\"good\"}");
  assert_sql("SELECT value = 140.5 FROM counter WHERE name = 'quality_sum'");
  assert_sql("SELECT value = 2 FROM counter WHERE name = 'quality_count'");
  store("4", "opportunity_discovered",
        "{\"opportunity_id\":\"o\",\"title\":\"T\",\"confidence_score\":85}");
  store("5", "opportunity_discovered", "{\"opportunity_id\":\"o\",\"category\":\"C\"}");
  assert_sql("SELECT title = 'T' AND category = 'C' AND confidence = 0.85 AND event = 5 "
             "FROM opportunity");
  store("6", "session_update",
        "{\"session_id\":\"s\",\"agent\":\"a\",\"state\":\"active\",\"token_usage\":10}");
  store("7", "session_update", "{\"session_id\":\"s\",\"context_percentage\":42.5}");
  assert_sql("SELECT state = 'active' AND token_usage = 10 AND context_percentage = 42.5 "
             "FROM session");
  assert_sql("SELECT count(*) = 1 FROM series WHERE metric = 'token_usage'");
  assert_sql("SELECT labels = '{\"agent\":\"a\",\"source\":\"test\"}' FROM series "
             "WHERE metric = 'token_usage'");
}

static void test_a_conflict_undoes_its_batch_only(void **state) {
  (void)state;
  struct history_value none[] = {HISTORY_VALUE_TEXT("name", slice_of("no such service"))};
  put_event(next_batch(HISTORY_ORIGIN_FCGI), "a", "custom", "{}");
  struct history_batch *batch = next_batch(HISTORY_ORIGIN_WATCHD);
  put_event(batch, "b", "quality_score_updated", "{\"quality_score\":1}");
  history_batch_mutate(batch, SQL_SERVICE_FORGET, true, none, 1);
  put_event(next_batch(HISTORY_ORIGIN_FCGI), "c", "custom", "{}");
  batch = next_batch(HISTORY_ORIGIN_WATCHD); /* without must_change nothing to change is fine */
  put_event(batch, "d", "custom", "{}");
  history_batch_mutate(batch, SQL_SERVICE_FORGET, false, none, 1);
  commit();
  assert_int_equal(requests[0].status, 0);
  assert_int_equal(requests[1].status, BELFRY_ECONFLICT);
  assert_non_null(strstr(requests[1].text, "service_forget"));
  assert_int_equal(requests[1].receipt.accepted, 0);
  assert_int_equal(requests[2].receipt.first_id, 2);
  assert_int_equal(requests[3].receipt.first_id, 3);
  assert_sql("SELECT group_concat(event_id, '') = 'acd' FROM event");
  assert_sql("SELECT count(*) = 0 FROM series");
  assert_sql("SELECT value = 3 FROM counter WHERE name = 'total_events'");
  assert_int_equal(appender.figures.refused, 1);
}

/* Of a tailed file, the lines and the position commit together. */
static void test_a_position_is_compared_and_set(void **state) {
  (void)state;
  static const int64_t expected[] = {0, 1, 1, 2};
  static const int statuses[] = {0, 0, BELFRY_ECONFLICT, 0};
  for (int i = 0; i < 4; i++) {
    char id[8];
    snprintf(id, sizeof id, "%d", i);
    struct history_value values[] = {HISTORY_VALUE_TEXT("path", slice_of("/var/log/x")),
                                     HISTORY_VALUE_INTEGER("device", 1),
                                     HISTORY_VALUE_INTEGER("inode", 2),
                                     HISTORY_VALUE_TEXT("fingerprint", slice_of("f")),
                                     HISTORY_VALUE_INTEGER("offset", i),
                                     HISTORY_VALUE_INTEGER("expected", expected[i])};
    struct history_batch *batch = next_batch(HISTORY_ORIGIN_WATCHD);
    put_event(batch, id, "log", "{\"message\":\"line\"}");
    history_batch_mutate(batch, SQL_TAIL_POSITION_SET, true, values, 6);
    commit();
    assert_int_equal(requests[0].status, statuses[i]);
  }
  assert_sql("SELECT version = 3 AND offset = 3 FROM tail_position");
  assert_sql("SELECT count(*) = 3 FROM event");
}

static void test_what_may_not_be_written(void **state) {
  (void)state;
  struct history_value none[] = {HISTORY_VALUE_TEXT("name", slice_of("x"))};
  put_event(next_batch(HISTORY_ORIGIN_FCGI), "a", "health_changed", "{\"service\":\"x\"}");
  put_event(next_batch(HISTORY_ORIGIN_WATCHD), "b", "health_changed", "{\"service\":\"x\"}");
  history_batch_mutate(next_batch(HISTORY_ORIGIN_PUSHD), SQL_SERVICE_FORGET, false, none, 1);
  put_event(next_batch(HISTORY_ORIGIN_FCGI), "c", "Not A Type", "{}");
  put_event(next_batch(HISTORY_ORIGIN_FCGI), "", "log", "{}");
  put_event(next_batch(HISTORY_ORIGIN_FCGI), "d", "log", "[]");
  put_event(next_batch(HISTORY_ORIGIN_FCGI), "e", "log", "{\"message\":\"\xff\"}");
  commit();
  assert_int_equal(requests[0].status, BELFRY_EDENIED);
  assert_int_equal(requests[1].status, 0);
  assert_int_equal(requests[2].status, BELFRY_EDENIED);
  for (int i = 3; i <= 6; i++)
    assert_int_equal(requests[i].status, BELFRY_EINVAL);
  assert_sql("SELECT count(*) = 1 FROM event");
}

static void test_a_batch_with_too_many_records(void **state) {
  (void)state;
  char id[16];
  struct history_batch *batch = next_batch(HISTORY_ORIGIN_FCGI);
  for (int i = 0; i < 51; i++) {
    snprintf(id, sizeof id, "%d", i);
    put_event(batch, id, "log", "{}");
  }
  commit();
  assert_int_equal(requests[0].status, BELFRY_ETOOBIG);
  assert_non_null(strstr(requests[0].text, "max_batch_events"));
  assert_sql("SELECT count(*) = 0 FROM event");
}

static void test_a_payload_that_is_cut(void **state) {
  (void)state;
  struct check_limits limits = {.max_records = 50, .max_data_bytes = 1000};
  struct check_counts counts;
  struct history_batch *batch = next_batch(HISTORY_ORIGIN_FCGI);
  put_event(batch, "a", "log", "{}");
  put_event(batch, "b", "log", "{}");
  append_payload_put(&payloads[0], batch);
  request_count = 0;
  for (size_t len = 0; len < payloads[0].len; len++)
    if (check_batch(slice_new(payloads[0].data, len), HISTORY_ORIGIN_FCGI, &limits, &counts,
                    NULL) != BELFRY_EPROTO)
      fail_msg("a payload cut after %zu bytes is taken", len);
  assert_int_equal(
      check_batch(buf_slice(&payloads[0]), HISTORY_ORIGIN_FCGI, &limits, &counts, NULL), 0);
  assert_int_equal(counts.events, 2);
  buf_put_char(&payloads[0], 1);
  assert_int_equal(
      check_batch(buf_slice(&payloads[0]), HISTORY_ORIGIN_FCGI, &limits, &counts, NULL),
      BELFRY_EPROTO);
}

/* The log is the truth: what cannot be projected or sampled is stored all the same. */
static void test_an_event_that_does_not_fit_its_projection_is_stored(void **state) {
  (void)state;
  store("1", "opportunity_discovered", "{broken}"); /* no JSON to SQLite's functions */
  assert_sql("SELECT count(*) = 1 FROM event");
  assert_sql("SELECT count(*) = 0 FROM opportunity");
  assert_int_equal(appender.figures.projection_errors, 1);
}

static void test_series_beyond_the_limit(void **state) {
  (void)state;
  char data[2048] = "{", metric[32];
  for (int i = 0; i < 110; i++)
    snprintf(data + strlen(data), sizeof data - strlen(data), "%s\"m%d\":%d", i ? "," : "", i, i);
  strcat(data, "}");
  store("1", "metrics_updated", data); /* the fixture allows 100 series */
  assert_sql("SELECT count(*) = 100 FROM series");
  assert_sql("SELECT count(*) = 100 FROM sample");
  assert_int_equal(appender.figures.samples_dropped, 10);
  /* Somebody who sends samples is told, and nothing of the batch is stored. */
  struct history_batch *batch = next_batch(HISTORY_ORIGIN_FCGI);
  struct sample sample = {.metric = slice_of("m7"),
                          .labels = slice_of("{\"source\":\"test\"}"),
                          .timestamp_ms = 5,
                          .value = 1};
  history_batch_sample(batch, &sample);
  snprintf(metric, sizeof metric, "fresh");
  sample.metric = slice_of(metric);
  history_batch_sample(batch, &sample);
  commit();
  assert_int_equal(requests[0].status, BELFRY_ETOOBIG);
  assert_sql("SELECT count(*) = 100 FROM sample");
  assert_sql("SELECT count = 1 FROM series WHERE metric = 'm7'");
}

static void put_sample(struct history_batch *batch, const char *metric, int64_t timestamp_ms,
                       double value, unsigned flags) {
  const struct sample sample = {.metric = slice_of(metric),
                                .labels = slice_of("{}"),
                                .timestamp_ms = timestamp_ms,
                                .value = value};
  history_batch_sample_with(batch, &sample, flags);
}

static void test_samples_that_may_be_left_out(void **state) {
  (void)state;
  char name[16];
  for (int i = 0; i < 100; i++) { /* as many series as may be */
    snprintf(name, sizeof name, "series_%d", i);
    put_sample(next_batch(HISTORY_ORIGIN_FCGI), name, 1795170000000, i, 0);
    commit();
    assert_int_equal(requests[0].status, 0);
  }
  struct history_batch *batch = next_batch(HISTORY_ORIGIN_FCGI);
  put_sample(batch, "new_a", 1795170001000, 1, HISTORY_SAMPLE_OPTIONAL);
  put_sample(batch, "series_1", 1795170001000, 7, HISTORY_SAMPLE_OPTIONAL);
  put_sample(batch, "new_b", 1795170001000, 1, HISTORY_SAMPLE_OPTIONAL | HISTORY_SAMPLE_INCREMENT);
  put_event(batch, "beside", "custom.thing", "{}");
  put_sample(next_batch(HISTORY_ORIGIN_FCGI), "new_a", 1795170001000, 1, 0);
  commit();
  assert_int_equal(requests[0].status, 0);
  assert_int_equal(requests[0].receipt.left_out, 2);
  assert_int_equal(requests[0].receipt.accepted, 1);
  assert_int_equal(requests[1].status, BELFRY_ETOOBIG); /* one that may not be left out */
  assert_sql("SELECT last_value = 7 FROM series WHERE metric = 'series_1'");
  assert_sql("SELECT count(*) = 100 FROM series");
}

static void test_increments_add_up_once(void **state) {
  (void)state;
  static const struct {
    int64_t after_ms;
    double value, sum;
  } rows[] = {{0, 5, 5}, {1000, 7, 12}, {1000, 7, 12}, {0, 5, 12}, {2000, 0.5, 12.5}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char sql[100];
    put_sample(next_batch(HISTORY_ORIGIN_FCGI), "requests", 1795170000000 + rows[i].after_ms,
               rows[i].value, HISTORY_SAMPLE_INCREMENT);
    commit();
    assert_int_equal(requests[0].status, 0);
    snprintf(sql, sizeof sql, "SELECT last_value = %g FROM series", rows[i].sum);
    assert_sql(sql);
  }
  assert_sql("SELECT group_concat(value) = '5.0,12.0,12.5' FROM sample");
  /* What was is known after a restart, too. */
  history_writer_close(writer);
  writer = fixture_writer(dir);
  appender_init(&appender, writer, conf, &clock_system);
  put_sample(next_batch(HISTORY_ORIGIN_FCGI), "requests", 1795170003000, 1,
             HISTORY_SAMPLE_INCREMENT);
  commit();
  assert_sql("SELECT last_value = 13.5 FROM series");
}

static void test_tokens_of_sessions_add_up_once(void **state) {
  (void)state;
  static const struct {
    const char *id, *data;
    int tokens;
  } rows[] = {
      {"1", "{\"session_id\":\"s\",\"trace_id\":\"t\",\"token_usage_added\":100}", 100},
      {"2", "{\"session_id\":\"s\",\"trace_id\":\"t\",\"token_usage_added\":20}", 120},
      {"2", "{\"session_id\":\"s\",\"trace_id\":\"t\",\"token_usage_added\":20}", 120},
      /* the sum of what was told; then of that and more */
      {"3", "{\"session_id\":\"s\",\"trace_id\":\"t\",\"token_usage_of_trace\":120}", 120},
      {"4", "{\"session_id\":\"s\",\"trace_id\":\"t\",\"token_usage_of_trace\":125}", 125},
      {"5", "{\"session_id\":\"s\",\"trace_id\":\"u\",\"token_usage_of_trace\":10}", 135},
      {"6", "{\"session_id\":\"s\",\"token_usage_added\":\"many\"}", 135},
      {"7", "{\"session_id\":\"s\",\"token_usage\":1000}", 1000},
      {"8", "{\"session_id\":\"s\",\"trace_id\":\"u\",\"token_usage_added\":1}", 1001},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char sql[100];
    store(rows[i].id, "session_update", rows[i].data);
    snprintf(sql, sizeof sql, "SELECT token_usage = %d FROM session", rows[i].tokens);
    assert_sql(sql);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_a_group_of_batches),
      TEST(test_sending_again_changes_nothing),
      TEST(test_agents),
      TEST(test_quality_opportunities_and_sessions),
      TEST(test_a_conflict_undoes_its_batch_only),
      TEST(test_a_position_is_compared_and_set),
      TEST(test_what_may_not_be_written),
      TEST(test_a_batch_with_too_many_records),
      TEST(test_a_payload_that_is_cut),
      TEST(test_an_event_that_does_not_fit_its_projection_is_stored),
      TEST(test_series_beyond_the_limit),
      TEST(test_samples_that_may_be_left_out),
      TEST(test_increments_add_up_once),
      TEST(test_tokens_of_sessions_add_up_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
