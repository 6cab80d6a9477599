/* lib/history/query: samples in buckets, against buckets made the plain way. */
#include "tests/unit/history/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SERIES  60
#define MOMENTS 40
#define METRICS 3

static char dir[64];
static struct history_writer *writer;
static struct history *history;
static struct belfry_error error;

struct stored {
  int64_t ts;
  int series;
  double value;
};
static struct stored stored[SERIES * MOMENTS + 500];
static size_t stored_count;

static unsigned random_state = 11;
static unsigned next_random(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

static void name_series(int series, char metric[16], char labels[64]) {
  snprintf(metric, 16, "metric_%d", series % METRICS);
  snprintf(labels, 64, "{\"agent\":\"a\\\"%d\",\"source\":\"s%02d\"}", series % 5, series);
}

static void store(int series, int64_t ts, double value) {
  char metric[16], labels[64];
  name_series(series, metric, labels);
  struct sample sample = {
      .metric = slice_of(metric), .labels = slice_of(labels), .timestamp_ms = ts, .value = value};
  assert_int_equal(history_writer_sample(writer, &sample, &error), 0);
  stored[stored_count++] = (struct stored){ts, series, value};
}

static int setup(void **state) {
  (void)state;
  fixture_make_dir(dir);
  writer = fixture_writer(dir);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  /* Scrapes, in which all series share a moment, and samples of events, which share none. */
  for (int m = 0; m < MOMENTS; m++)
    for (int s = 0; s < SERIES; s++)
      if (next_random() % 10)
        store(s, 100000 + m * 1000, (double)(next_random() % 1000) / 10);
  for (int i = 0; i < 400; i++)
    store((int)(next_random() % SERIES), 100001 + i * 100 + (int)(next_random() % 90), i);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  history = fixture_reader(dir);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  history_close(history);
  history_writer_close(writer);
  fixture_remove_dir(dir);
  return 0;
}

/* What the query should give for one series and bucket. */
static struct sample_bucket plain(int series, int64_t start, const struct sample_query *query) {
  struct sample_bucket bucket = {.start_ms = start};
  int64_t newest = -1;
  for (size_t i = 0; i < stored_count; i++) {
    const struct stored *one = &stored[i];
    int64_t at = query->step_ms ? one->ts - one->ts % query->step_ms : one->ts;
    if (one->series != series || at != start || one->ts < query->from_ms || one->ts >= query->to_ms)
      continue;
    bucket.min = bucket.count == 0 || one->value < bucket.min ? one->value : bucket.min;
    bucket.max = bucket.count == 0 || one->value > bucket.max ? one->value : bucket.max;
    bucket.sum += one->value;
    bucket.count++;
    if (one->ts >= newest) {
      newest = one->ts;
      bucket.last = one->value;
    }
  }
  return bucket;
}

struct check {
  const struct sample_query *query;
  int metric, agent; /* agent -1: any */
  int last_series;
  int64_t last_start;
  int64_t samples;
};

static int on_bucket(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct check *check = arg;
  int series = -1;
  char metric[16], text[64];
  for (int s = 0; s < SERIES && series < 0; s++) {
    name_series(s, metric, text);
    if (s % METRICS == check->metric && slice_is(labels, text))
      series = s;
  }
  if (series < 0 || (check->agent >= 0 && series % 5 != check->agent))
    fail_msg("a series that was not asked for: %.*s", SLICE_ARG(labels));
  if (series == check->last_series)
    assert_true(bucket->start_ms > check->last_start);
  check->last_series = series;
  check->last_start = bucket->start_ms;
  struct sample_bucket right = plain(series, bucket->start_ms, check->query);
  if (bucket->count != right.count || bucket->min != right.min || bucket->max != right.max ||
      bucket->sum - right.sum > 1e-6 || right.sum - bucket->sum > 1e-6 ||
      bucket->last != right.last)
    fail_msg("series %d, bucket %d: %d samples (%g to %g, sum %g, last %g) should be %d (%g to %g, "
             "sum %g, last %g)",
             series, (int)bucket->start_ms, (int)bucket->count, bucket->min, bucket->max,
             bucket->sum, bucket->last, (int)right.count, right.min, right.max, right.sum,
             right.last);
  check->samples += bucket->count;
  return 0;
}

static void test_against_the_plain_way(void **state) {
  (void)state;
  static const int64_t steps[] = {0, 1, 700, 1000, 5000, 60000};
  for (int round = 0; round < 300; round++) {
    char metric[16], agent[16], source[16];
    struct check check = {.metric = (int)(next_random() % METRICS), .agent = -1, .last_series = -1};
    struct label_match labels[2];
    size_t label_count = 0;
    int only = -1;
    snprintf(metric, sizeof metric, "metric_%d", check.metric);
    if (next_random() % 2) {
      check.agent = (int)(next_random() % 5);
      snprintf(agent, sizeof agent, "a\"%d", check.agent);
      labels[label_count++] = (struct label_match){slice_of("agent"), slice_of(agent)};
    }
    if (next_random() % 2) {
      only = (int)(next_random() % SERIES);
      snprintf(source, sizeof source, "s%02d", only);
      labels[label_count++] = (struct label_match){slice_of("source"), slice_of(source)};
    }
    struct sample_query query = {.metric = slice_of(metric),
                                 .labels = labels,
                                 .label_count = label_count,
                                 .from_ms = 95000 + next_random() % 45000,
                                 .step_ms = steps[next_random() % 6],
                                 .max_buckets = 100000};
    query.to_ms = query.from_ms + next_random() % 50000;
    check.query = &query;
    struct sample_page page;
    if (history_samples(history, &query, on_bucket, &check, &page, &error))
      fail_msg("the query fails: %s", error.text);
    assert_false(page.partial);
    assert_int_equal(page.resolution_ms, 0);
    int64_t samples = 0;
    for (size_t i = 0; i < stored_count; i++)
      samples += stored[i].series % METRICS == check.metric &&
                 (check.agent < 0 || stored[i].series % 5 == check.agent) &&
                 (only < 0 || stored[i].series == only) && stored[i].ts >= query.from_ms &&
                 stored[i].ts < query.to_ms;
    assert_int_equal(check.samples, samples);
  }
}

static int count_bucket(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  (void)labels, (void)bucket;
  ++*(int *)arg;
  return 0;
}

static void test_too_many_buckets_are_refused(void **state) {
  (void)state;
  struct sample_page page;
  int buckets = 0;
  struct sample_query query = {
      .metric = slice_of("metric_0"), .to_ms = INT64_MAX, .step_ms = 1000, .max_buckets = 50};
  assert_int_equal(history_samples(history, &query, count_bucket, &buckets, &page, &error),
                   BELFRY_ETOOBIG);
  assert_int_equal(buckets, 0);
  query.max_buckets = 100000;
  assert_int_equal(history_samples(history, &query, count_bucket, &buckets, &page, &error), 0);
  assert_true(buckets > 50);
}

static void test_unknown_metrics_and_labels_give_nothing(void **state) {
  (void)state;
  struct sample_page page;
  int buckets = 0;
  struct label_match label = {slice_of("agent"), slice_of("nobody")};
  struct sample_query query = {
      .metric = slice_of("no_such_metric"), .to_ms = INT64_MAX, .step_ms = 1000, .max_buckets = 50};
  assert_int_equal(history_samples(history, &query, count_bucket, &buckets, &page, &error), 0);
  query.metric = slice_of("metric_0");
  query.labels = &label;
  query.label_count = 1;
  assert_int_equal(history_samples(history, &query, count_bucket, &buckets, &page, &error), 0);
  assert_int_equal(buckets, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_the_plain_way),
      cmocka_unit_test(test_too_many_buckets_are_refused),
      cmocka_unit_test(test_unknown_metrics_and_labels_give_nothing),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
