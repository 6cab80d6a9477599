/* lib/history out of memory: a group is stored as a whole or not at all, a query gives what is true
 * or an error, and both go on afterwards. */
#include "history/append.h"
#include "history/query.h"
#include "history/writer.h"
#include "tests/unit/alloc/fail_alloc.h"
#include "tests/unit/history/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_MS     INT64_C(1795176000000)
#define EVENTS     20
#define SAMPLES    20

#define KEY_VALUES 7

static void describe_key(struct history_value values[KEY_VALUES]) {
  values[0] = HISTORY_VALUE_TEXT("key_id", slice_of("k1"));
  values[1] = HISTORY_VALUE_TEXT("name", slice_of("laptop"));
  values[2] = HISTORY_VALUE_TEXT("role", slice_of("viewer"));
  values[3] = HISTORY_VALUE_TEXT("hash", slice_of("h"));
  values[4] = HISTORY_VALUE_INTEGER("created", NOW_MS);
  values[5] = HISTORY_VALUE_TEXT("created_by", slice_of("admin"));
  values[6] = HISTORY_VALUE_NULL("expires");
}

/* --- batches --- */

static int build_batch(const void *arg) {
  struct history_batch batch;
  struct history_record record;
  struct history_value key_values[KEY_VALUES];
  struct event event = fixture_event("e-1", "error_occurred", NOW_MS, "{\"component\":\"tts\"}");
  struct sample sample = {slice_of("latency_ms"), slice_of("{}"), NOW_MS, 12.5};
  (void)arg;
  describe_key(key_values);
  history_batch_init(&batch, 0);
  fail_alloc_begin();
  for (int i = 0; i < 50; i++) {
    history_batch_event(&batch, &event);
    history_batch_sample(&batch, &sample);
    history_batch_mutate(&batch, SQL_API_KEY_INSERT, true, key_values, KEY_VALUES);
  }
  fail_alloc_end();
  int status = history_batch_status(&batch);
  if (!status) {
    struct wire wire = wire_read(buf_slice(&batch.records));
    for (int i = 0; i < 150; i++)
      assert_int_equal(history_record_take(&wire, &record), 0);
    assert_int_equal(history_record_take(&wire, &record), BELFRY_EMORE);
  }
  history_batch_clear(&batch);
  history_batch_event(&batch, &event);
  assert_int_equal(history_batch_status(&batch), 0);
  history_batch_fini(&batch);
  return status;
}

static int make_client(const void *arg) {
  struct history_client *client = NULL;
  (void)arg;
  fail_alloc_begin();
  int status = history_client_new("/tmp/there-is-none/history.sock", "belfry-fcgi", &client);
  fail_alloc_end();
  history_client_free(client);
  return status;
}

/* --- the writer --- */

static int open_writer(const void *arg) {
  char dir[64];
  struct history_writer *writer = NULL;
  struct history_position position;
  struct belfry_error error = {0};
  const struct history_writer_options options = {.max_series = 100, .ballast_bytes = 4096};
  (void)arg;
  fixture_make_dir(dir);
  fail_alloc_begin();
  int status = history_writer_open(dir, &options, &writer, &error);
  fail_alloc_end();
  assert_int_equal(status, error.code);
  if (status)
    writer = fixture_writer(dir);
  assert_int_equal(history_writer_position(writer, &position, &error), 0);
  assert_int_equal(position.head, 0);
  history_writer_close(writer);
  fixture_remove_dir(dir);
  return status;
}

static int store_batch(struct history_writer *writer, const char *metric,
                       struct belfry_error *error) {
  int64_t changed;
  struct history_value key_values[KEY_VALUES];
  describe_key(key_values);
  int status = history_writer_begin_batch(writer, error);
  for (int i = 0; !status && i < SAMPLES; i++) {
    char labels[32];
    snprintf(labels, sizeof labels, "{\"n\":\"%d\"}", i % 7);
    struct sample sample = {slice_of(metric), slice_of(labels), NOW_MS + i, i};
    status = history_writer_sample(writer, &sample, error);
  }
  if (!status)
    status =
        history_writer_mutate(writer, slice_of("api_key_delete"), HISTORY_ORIGIN_FCGI,
                              (struct history_value[]){HISTORY_VALUE_TEXT("key_id", slice_of("k1")),
                                                       HISTORY_VALUE_INTEGER("now", NOW_MS)},
                              2, &changed, error);
  if (!status)
    status = history_writer_mutate(writer, slice_of("api_key_insert"), HISTORY_ORIGIN_FCGI,
                                   key_values, KEY_VALUES, &changed, error);
  return status;
}

/* Stores a group: events with their projections, a batch that stays, and one that is undone. */
static int store_group(struct history_writer *writer, const char *name,
                       struct belfry_error *error) {
  char data[3000];
  memset(data, 'x', sizeof data);
  memcpy(data, "{\"agent\":\"a\",\"text\":\"", 21);
  memcpy(data + sizeof data - 3, "\"}", 3);
  int status = history_writer_begin_group(writer, error);
  if (status)
    return status;
  for (int i = 0; !status && i < EVENTS; i++) {
    char id[32];
    snprintf(id, sizeof id, "%s-%d", name, i);
    struct event event = fixture_event(id, "agent_activity", NOW_MS + i, data);
    status = history_writer_event(writer, &event, error);
    if (!status)
      status = history_writer_project(writer, SQL_PROJECT_TOTAL_EVENTS, &event, error);
  }
  if (!status)
    status = store_batch(writer, "latency_ms", error);
  if (!status)
    status = history_writer_end_batch(writer, error);
  if (!status)
    status = store_batch(writer, "undone", error);
  if (!status)
    status = history_writer_undo_batch(writer, error);
  if (status) {
    history_writer_abandon_group(writer);
    return status;
  }
  return history_writer_commit_group(writer, error);
}

static int count_event(void *arg, const struct event *event) {
  assert_true(slice_is(event->source, "test"));
  assert_int_equal(event->data.len, 2999);
  ++*(int *)arg;
  return 0;
}

static int count_samples(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  assert_true(slice_starts_with(labels, "{\"n\":\""));
  *(int64_t *)arg += bucket->count;
  return 0;
}

static int read_key(void *arg, const struct history_value *values, size_t count) {
  assert_int_equal(count, 8);
  assert_true(slice_is(values[1].text, "laptop"));
  ++*(int *)arg;
  return 0;
}

struct found {
  int events, keys;
  int64_t samples, undone;
};

/* Everything that a reader can ask, within one moment. */
static int query_all(struct history *history, struct found *found, struct belfry_error *error) {
  struct event_query newest = {.limit = 1000, .newest_first = true};
  struct event_query words = {.limit = 1000,
                              .filter = {.from_ms = NOW_MS, .text = slice_of("xxx*")}};
  struct sample_query samples = {
      .metric = slice_of("latency_ms"), .to_ms = NOW_MS * 2, .step_ms = 5, .max_buckets = 1000};
  struct history_position position;
  int again = 0;
  struct sample_page page;
  *found = (struct found){0};
  int status = history_begin(history, error);
  if (status)
    return status;
  status = history_position(history, &position, error);
  if (!status)
    status = history_events(history, &newest, count_event, &found->events, NULL, error);
  if (!status)
    status = history_events(history, &words, count_event, &again, NULL, error);
  if (!status)
    assert_int_equal(again, found->events);
  if (!status)
    status = history_samples(history, &samples, count_samples, &found->samples, &page, error);
  samples.metric = slice_of("undone");
  if (!status)
    status = history_samples(history, &samples, count_samples, &found->undone, &page, error);
  if (!status)
    status = history_read(history, SQL_API_KEY_FIND,
                          (struct history_value[]){HISTORY_VALUE_TEXT("key_id", slice_of("k1"))}, 1,
                          read_key, &found->keys, error);
  history_end(history);
  return status;
}

static void check_history(const char *dir, int groups) {
  struct history *history = fixture_reader(dir);
  struct found found;
  struct belfry_error error = {0};
  if (query_all(history, &found, &error))
    fail_msg("%s", error.text);
  assert_int_equal(found.events, groups * EVENTS);
  assert_int_equal(found.samples, SAMPLES); /* the second group's are in place of the first's */
  assert_int_equal(found.undone, 0);
  assert_int_equal(found.keys, 1);
  history_close(history);
}

static int write_group(const void *arg) {
  char dir[64];
  struct belfry_error error = {0};
  (void)arg;
  fixture_make_dir(dir);
  struct history_writer *writer = fixture_writer(dir);
  fail_alloc_begin();
  int status = store_group(writer, "first", &error);
  fail_alloc_end();
  assert_int_equal(status, error.code);
  error = (struct belfry_error){0};
  if (store_group(writer, "second", &error))
    fail_msg("the next group is not stored: %s", error.text);
  history_writer_close(writer);
  check_history(dir, status ? 1 : 2);
  fixture_remove_dir(dir);
  return status;
}

static int checkpoint(const void *arg) {
  char dir[64];
  struct belfry_error error = {0};
  (void)arg;
  fixture_make_dir(dir);
  struct history_writer *writer = fixture_writer(dir);
  assert_int_equal(store_group(writer, "first", &error), 0);
  fail_alloc_begin();
  int status = history_writer_checkpoint(writer, true, &error);
  fail_alloc_end();
  error = (struct belfry_error){0};
  assert_int_equal(store_group(writer, "second", &error), 0);
  assert_int_equal(history_writer_checkpoint(writer, false, &error), 0);
  history_writer_close(writer);
  check_history(dir, 2);
  fixture_remove_dir(dir);
  return status;
}

/* --- the reader --- */

static int open_reader(const void *arg) {
  struct history *history = NULL;
  struct belfry_error error = {0};
  fail_alloc_begin();
  int status = history_open(arg, &history, &error);
  fail_alloc_end();
  assert_int_equal(status, error.code);
  history_close(history);
  return status;
}

static int query(const void *arg) {
  struct history *history = fixture_reader(arg);
  struct belfry_error error = {0};
  struct found found;
  fail_alloc_begin();
  int status = query_all(history, &found, &error);
  fail_alloc_end();
  assert_int_equal(status, error.code);
  if (!status)
    assert_int_equal(found.events, EVENTS);
  error = (struct belfry_error){0};
  if (query_all(history, &found, &error))
    fail_msg("the next query fails: %s", error.text);
  assert_int_equal(found.events, EVENTS);
  assert_int_equal(found.samples, SAMPLES);
  history_close(history);
  return status;
}

static void test_batch(void **state) {
  (void)state;
  fail_alloc_each("a batch", build_batch, NULL);
  fail_alloc_each("a client", make_client, NULL);
}

static void test_open_writer(void **state) {
  (void)state;
  fail_alloc_each("the writer's start", open_writer, NULL);
}

static void test_write_group(void **state) {
  (void)state;
  fail_alloc_each("a group", write_group, NULL);
  fail_alloc_each("a checkpoint", checkpoint, NULL);
}

static void test_read(void **state) {
  char dir[64];
  struct belfry_error error = {0};
  (void)state;
  fixture_make_dir(dir);
  struct history_writer *writer = fixture_writer(dir);
  assert_int_equal(store_group(writer, "first", &error), 0);
  history_writer_close(writer);
  fail_alloc_each("a reader's start", open_reader, dir);
  fail_alloc_each("queries", query, dir);
  fixture_remove_dir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_batch),
      cmocka_unit_test(test_open_writer),
      cmocka_unit_test(test_write_group),
      cmocka_unit_test(test_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
