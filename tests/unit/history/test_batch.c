/* lib/history/batch: what goes in comes out, and garbage is refused without harm. */
#include "history/append.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct event an_event = {
    .timestamp_ms = 1795170000123,
    .severity = 4,
    .type = {"error_occurred", 14},
    .source = {"voice", 5},
    .event_id = {"e-1", 3},
    .data = {"{\"component\":\"tts\"}", 19},
};

static const struct sample a_sample = {
    .timestamp_ms = 1795170000124,
    .value = 96.7,
    .metric = {"quality_score", 13},
    .labels = {"{\"agent\":\"a\"}", 13},
};

static void fill(struct history_batch *batch) {
  struct history_value values[] = {
      HISTORY_VALUE_TEXT("key_id", slice_of("k1")),
      HISTORY_VALUE_INTEGER("created", -5),
      HISTORY_VALUE_NULL("expires"),
      HISTORY_VALUE_REAL("ratio", 0.25),
  };
  history_batch_event(batch, &an_event);
  history_batch_sample(batch, &a_sample);
  history_batch_sample_with(batch, &a_sample, HISTORY_SAMPLE_OPTIONAL | HISTORY_SAMPLE_INCREMENT);
  history_batch_mutate(batch, SQL_API_KEY_INSERT, true, values, 4);
  assert_int_equal(history_batch_status(batch), 0);
}

static void test_round_trip(void **state) {
  (void)state;
  struct history_batch batch;
  struct history_record record;
  history_batch_init(&batch, 0);
  fill(&batch);
  assert_int_equal(history_batch_count(&batch), 4);
  struct wire wire = wire_read(buf_slice(&batch.records));

  assert_int_equal(history_record_take(&wire, &record), 0);
  assert_int_equal(record.kind, HISTORY_RECORD_EVENT);
  assert_int_equal(record.event.timestamp_ms, an_event.timestamp_ms);
  assert_int_equal(record.event.severity, 4);
  assert_true(slice_equal(record.event.type, an_event.type));
  assert_true(slice_equal(record.event.source, an_event.source));
  assert_true(slice_equal(record.event.event_id, an_event.event_id));
  assert_true(slice_equal(record.event.data, an_event.data));

  assert_int_equal(history_record_take(&wire, &record), 0);
  assert_int_equal(record.kind, HISTORY_RECORD_SAMPLE);
  assert_int_equal(record.sample.timestamp_ms, a_sample.timestamp_ms);
  assert_true(record.sample.value == 96.7);
  assert_true(slice_equal(record.sample.metric, a_sample.metric));
  assert_true(slice_equal(record.sample.labels, a_sample.labels));
  assert_int_equal(record.sample_flags, 0);

  assert_int_equal(history_record_take(&wire, &record), 0);
  assert_int_equal(record.kind, HISTORY_RECORD_SAMPLE);
  assert_true(record.sample.value == 96.7);
  assert_true(slice_equal(record.sample.labels, a_sample.labels));
  assert_int_equal(record.sample_flags, HISTORY_SAMPLE_OPTIONAL | HISTORY_SAMPLE_INCREMENT);

  assert_int_equal(history_record_take(&wire, &record), 0);
  assert_int_equal(record.kind, HISTORY_RECORD_MUTATION);
  assert_true(slice_is(record.mutation.statement, "api_key_insert"));
  assert_true(record.mutation.must_change);
  assert_int_equal(record.mutation.value_count, 4);
  assert_string_equal(record.mutation.values[0].name, "key_id");
  assert_true(slice_is(record.mutation.values[0].text, "k1"));
  assert_int_equal(record.mutation.values[1].integer, -5);
  assert_int_equal(record.mutation.values[2].kind, HISTORY_NULL);
  assert_true(record.mutation.values[3].real == 0.25);

  assert_int_equal(history_record_take(&wire, &record), BELFRY_EMORE);
  history_batch_fini(&batch);
}

/* Takes records until the end. Returns: what came last; `*count` records were taken. */
static int take_all(const char *bytes, size_t len, unsigned *count) {
  struct history_record record;
  /* A copy of exactly this size lets a sanitizer see a read past its end. */
  char *copy = malloc(len ? len : 1);
  assert_non_null(copy);
  if (len)
    memcpy(copy, bytes, len);
  struct wire wire = wire_read(slice_new(copy, len));
  int status;
  *count = 0;
  while ((status = history_record_take(&wire, &record)) == BELFRY_OK)
    (*count)++;
  free(copy);
  return status;
}

static void test_every_cut_is_noticed(void **state) {
  (void)state;
  struct history_batch batch;
  history_batch_init(&batch, 0);
  history_batch_event(&batch, &an_event);
  size_t first = batch.records.len;
  history_batch_sample(&batch, &a_sample);
  size_t second = batch.records.len;
  history_batch_sample_with(&batch, &a_sample, 0);
  size_t third = batch.records.len;
  history_batch_clear(&batch);
  fill(&batch);
  for (size_t len = 0; len < batch.records.len; len++) {
    unsigned count;
    int status = take_all(batch.records.data, len, &count);
    /* Between two records a cut cannot be seen here; the number of records in front tells it. */
    bool between = len == 0 || len == first || len == second || len == third;
    if (status != (between ? BELFRY_EMORE : BELFRY_EPROTO))
      fail_msg("a batch cut after %zu bytes gives %d with %u records", len, status, count);
    assert_true(count < 4);
  }
  history_batch_fini(&batch);
}

static void test_garbage_does_no_harm(void **state) {
  (void)state;
  struct history_batch batch;
  history_batch_init(&batch, 0);
  fill(&batch);
  unsigned random = 12345, count;
  for (int round = 0; round < 20000; round++) {
    random = random * 1664525 + 1013904223; /* the same numbers every time */
    size_t at = (random >> 8) % batch.records.len;
    char before = batch.records.data[at];
    batch.records.data[at] = (char)random;
    int status = take_all(batch.records.data, batch.records.len, &count);
    assert_true(status == BELFRY_EMORE || status == BELFRY_EPROTO);
    batch.records.data[at] = before;
  }
  history_batch_fini(&batch);
}

static void test_too_much_is_told_once_at_the_end(void **state) {
  (void)state;
  struct history_batch batch;
  struct history_value values[HISTORY_MUTATION_VALUES_MAX + 1];
  history_batch_init(&batch, 100);
  history_batch_event(&batch, &an_event);
  history_batch_event(&batch, &an_event);
  assert_int_equal(history_batch_status(&batch), BELFRY_ETOOBIG);
  history_batch_clear(&batch);
  assert_int_equal(history_batch_status(&batch), 0);
  for (size_t i = 0; i <= HISTORY_MUTATION_VALUES_MAX; i++)
    values[i] = HISTORY_VALUE_NULL("x");
  history_batch_mutate(&batch, SQL_DAEMON_REPORT, false, values, HISTORY_MUTATION_VALUES_MAX + 1);
  assert_int_equal(history_batch_status(&batch), BELFRY_ETOOBIG);
  history_batch_fini(&batch);
}

static void test_receipt(void **state) {
  (void)state;
  struct buf out;
  struct history_receipt receipt = {.accepted = 3,
                                    .duplicates = 1,
                                    .left_out = 2,
                                    .first_id = 7,
                                    .last_id = 9},
                         read = {0};
  buf_init(&out, 0);
  history_receipt_put(&out, &receipt);
  assert_int_equal(history_receipt_take(buf_slice(&out), &read), 0);
  assert_int_equal(read.accepted, 3);
  assert_int_equal(read.duplicates, 1);
  assert_int_equal(read.left_out, 2);
  assert_int_equal(read.first_id, 7);
  assert_int_equal(read.last_id, 9);
  assert_int_equal(history_receipt_take(slice_new(out.data, out.len - 1), &read), BELFRY_EPROTO);
  buf_put_char(&out, 'x');
  assert_int_equal(history_receipt_take(buf_slice(&out), &read), BELFRY_EPROTO);
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_every_cut_is_noticed),
      cmocka_unit_test(test_garbage_does_no_harm),
      cmocka_unit_test(test_too_much_is_told_once_at_the_end),
      cmocka_unit_test(test_receipt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
