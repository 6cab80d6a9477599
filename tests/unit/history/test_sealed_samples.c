/*
 * Samples over their whole life: appended in time, late, twice; sealed, swept, rewritten; the
 * writer and the keeper end and begin again in the middle. Whatever was done, every query answers
 * what a plain list of the samples answers.
 */
#include "history/keeper.h"
#include "tests/unit/history/fixture.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SERIES   6
#define MINUTE   INT64_C(60000)
#define HOUR     (60 * MINUTE)
#define DAY      (24 * HOUR)
#define START    (INT64_C(1795132800000) + 20 * HOUR) /* 2026-11-20, so that days change soon */
#define HOT_MS   (10 * MINUTE)
#define LIST_MAX 400000

static char dir[64];
static struct history_writer *writer;
static struct history_keeper *keeper;
static struct history *history;
static struct belfry_error error;

static uint64_t random_state;
static unsigned below(unsigned bound) {
  random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(random_state >> 33) % bound;
}

/* --- time --- */

static int64_t now_ms;
static int64_t steps_us; /* so that pieces of work end at odd places */
static int64_t realtime_us(const struct clock *clock) {
  (void)clock;
  return now_ms * 1000;
}
static int64_t monotonic_us(const struct clock *clock) {
  (void)clock;
  return steps_us += 4000;
}
static const struct clock test_clock = {realtime_us, monotonic_us};

/* --- the plain list --- */

struct stored {
  int64_t ts;
  double value;
};

static struct stored lists[SERIES][LIST_MAX / SERIES]; /* by time */
static size_t counts[SERIES];

static void remember(int series, int64_t ts, double value) {
  struct stored *list = lists[series];
  size_t low = 0, high = counts[series];
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (list[middle].ts < ts)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == counts[series] || list[low].ts != ts) {
    assert_true(counts[series] < LIST_MAX / SERIES);
    memmove(list + low + 1, list + low, (counts[series] - low) * sizeof *list);
    counts[series]++;
  }
  list[low] = (struct stored){ts, value};
}

/* --- what is written --- */

static const char *metric_of(int series) {
  return series % 2 ? "jobs_total" : "reply_ms";
}

static void labels_of(int series, char out[64]) {
  snprintf(out, 64, "{\"host\":\"h%d\",\"zone\":\"z%d\"}", series / 2, series / 4);
}

static double counters[SERIES];

static double next_value(int series) {
  if (series % 2 == 0)
    return (double)below(1000) / (below(50) ? 10 : 3);
  counters[series] = below(200) ? counters[series] + below(20) : 0;
  return counters[series];
}

static void store(int series, int64_t ts, double value) {
  char labels[64];
  labels_of(series, labels);
  struct sample sample = {.metric = slice_of(metric_of(series)),
                          .labels = slice_of(labels),
                          .timestamp_ms = ts,
                          .value = value};
  if (history_writer_sample(writer, &sample, &error))
    fail_msg("a sample is not stored: %s", error.text);
  remember(series, ts, value);
}

/* --- the keeper's other side --- */

static int hand_over_fails; /* in how many hand-overs from now; -1: never */

static int hand_over(void *arg, const struct history_hand_over *hand_over,
                     struct belfry_error *why) {
  (void)arg;
  if (hand_over_fails >= 0 && hand_over_fails-- == 0)
    return belfry_error_set(why, BELFRY_EBUSY, "this one is lost");
  return history_writer_take_over(writer, hand_over, why);
}

static void open_keeper(void) {
  static const struct history_keeper_options options = {
      .hot_events = 1000, .hot_samples_ms = HOT_MS, .quantiles = ""};
  if (history_keeper_open(dir, &options, &test_clock, hand_over, NULL, &keeper, &error))
    fail_msg("the keeper does not open: %s", error.text);
}

static void open_all(void) {
  writer = fixture_writer(dir);
  open_keeper();
  history = fixture_reader(dir);
}

static void close_all(void) {
  history_keeper_close(keeper);
  history_writer_close(writer);
  history_close(history);
}

static void keep(unsigned steps) {
  bool more = true;
  for (unsigned i = 0; i < steps && more; i++) {
    struct belfry_error why = {0};
    if (history_keeper_step(keeper, &more, &why) && why.code != BELFRY_EBUSY)
      fail_msg("the keeper fails: %s", why.text);
    more |= why.code != 0;
  }
}

/* --- what is asked --- */

struct question {
  struct sample_query query;
  int metric; /* of the even or the odd series */
  int host;   /* -1: any */
  bool by_zone, by_all;
};

struct figures {
  int64_t count;
  double min, max, sum, size, last, increase;
};

static bool in_group(const struct question *question, int series, struct slice labels) {
  char text[64];
  if (series % 2 != question->metric || (question->host >= 0 && series / 2 != question->host))
    return false;
  if (question->by_all)
    return slice_is(labels, "{}");
  if (question->by_zone)
    snprintf(text, sizeof text, "{\"zone\":\"z%d\"}", series / 4);
  else
    labels_of(series, text);
  return slice_is(labels, text);
}

static double values[LIST_MAX];

/* What the samples of one group and bucket come to; their values are left in `values`. */
static struct figures plain(const struct question *question, struct slice labels, int64_t start) {
  const struct sample_query *query = &question->query;
  struct figures all = {0};
  int64_t back = query->step_ms > 5 * MINUTE ? query->step_ms : 5 * MINUTE;
  for (int s = 0; s < SERIES; s++) {
    if (!in_group(question, s, labels))
      continue;
    const struct stored *before = NULL;
    for (size_t i = 0; i < counts[s]; i++) {
      const struct stored *one = &lists[s][i];
      if (one->ts < query->from_ms - back || one->ts >= query->to_ms)
        continue;
      int64_t at = query->step_ms ? one->ts - one->ts % query->step_ms : one->ts;
      if (one->ts >= query->from_ms && at == start) {
        all.min = all.count == 0 || one->value < all.min ? one->value : all.min;
        all.max = all.count == 0 || one->value > all.max ? one->value : all.max;
        all.sum += one->value;
        all.size += fabs(one->value);
        all.last = one->value;
        if (before)
          all.increase += one->value >= before->value ? one->value - before->value : one->value;
        values[all.count++] = one->value;
      }
      before = one;
    }
  }
  return all;
}

static int by_value(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

struct check {
  const struct question *question;
  int64_t samples;
  int64_t last_start;
  char last_labels[64];
};

static int on_bucket(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct check *check = arg;
  const struct sample_query *query = &check->question->query;
  struct figures want = plain(check->question, labels, bucket->start_ms);
  bool same = slice_is(labels, check->last_labels);
  assert_true(!same || bucket->start_ms > check->last_start);
  snprintf(check->last_labels, sizeof check->last_labels, "%.*s", SLICE_ARG(labels));
  check->last_start = bucket->start_ms;
  check->samples += bucket->count;
  bool right = bucket->count == want.count && bucket->min == want.min && bucket->max == want.max &&
               bucket->last == want.last && fabs(bucket->sum - want.sum) <= 1e-9 * want.size &&
               (!query->increases || fabs(bucket->increase - want.increase) <=
                                         (check->question->metric ? 0 : 1e-9 * want.size));
  if (!right)
    fail_msg("%.*s at %lld, step %lld, from %lld to %lld: %lld samples (%.17g to %.17g, sum %.17g, "
             "last %.17g, increase %.17g) should be %lld (%.17g to %.17g, sum %.17g, last %.17g, "
             "increase %.17g)",
             SLICE_ARG(labels), (long long)bucket->start_ms, (long long)query->step_ms,
             (long long)query->from_ms, (long long)query->to_ms, (long long)bucket->count,
             bucket->min, bucket->max, bucket->sum, bucket->last, bucket->increase,
             (long long)want.count, want.min, want.max, want.sum, want.last, want.increase);
  if (!query->quantiles)
    return 0;
  static const double parts[] = {0, 0.5, 0.9, 0.99, 1};
  qsort(values, (size_t)want.count, sizeof *values, by_value);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    double exact = values[(size_t)(parts[i] * (double)(want.count - 1))];
    double got = history_bucket_quantile(bucket, parts[i]);
    if (!(fabs(got - exact) <= 0.0101 * fabs(exact) + 1e-9))
      fail_msg("the quantile %g of %lld samples is %g and not about %g", parts[i],
               (long long)want.count, got, exact);
  }
  return 0;
}

static int64_t resolutions[3]; /* how often each was read */

static void ask(void) {
  static const int64_t steps[] = {0, 15000, MINUTE, 5 * MINUTE, HOUR, 6 * HOUR, DAY, 90 * MINUTE};
  static const struct slice zone = {"zone", 4};
  char host[8];
  struct label_match label;
  struct sample_page page;
  struct question question = {.metric = (int)below(2), .host = below(3) ? -1 : (int)below(3)};
  struct sample_query *query = &question.query;
  *query = (struct sample_query){.metric = slice_of(metric_of(question.metric)),
                                 .step_ms = steps[below(8)],
                                 .increases = below(2),
                                 .quantiles = below(3) == 0,
                                 .max_buckets = UINT32_MAX};
  int64_t span = (int64_t)below(below(2) ? 4 : 72) * HOUR + below((unsigned)HOUR);
  query->from_ms = START + below((unsigned)((now_ms - START) / 1000) + 1) * INT64_C(1000) - HOUR;
  if (below(5) == 0)
    query->from_ms -= (int64_t)below(45) * DAY;
  if (below(5) == 0)
    span += (int64_t)below(45) * DAY;
  if (below(3) == 0)
    query->from_ms -= query->from_ms % HOUR;
  if (query->step_ms == 0 && span > 4 * HOUR)
    span = 4 * HOUR;
  query->to_ms = query->from_ms + span;
  if (question.host >= 0) {
    snprintf(host, sizeof host, "h%d", question.host);
    label = (struct label_match){slice_of("host"), slice_of(host)};
    query->labels = &label;
    query->label_count = 1;
  }
  question.by_all = below(4) == 0;
  question.by_zone = !question.by_all && below(3) == 0;
  if (question.by_all || question.by_zone) {
    query->by = &zone;
    query->by_count = question.by_zone;
  }
  struct check check = {.question = &question};
  if (history_samples(history, query, on_bucket, &check, &page, &error))
    fail_msg("a query fails: %s", error.text);
  assert_false(page.partial);
  assert_true(page.resolution_ms == 0 || query->step_ms % page.resolution_ms == 0);
  resolutions[page.resolution_ms == 0 ? 0 : page.resolution_ms == MINUTE ? 1 : 2]++;
  int64_t samples = 0;
  for (int s = 0; s < SERIES; s++)
    for (size_t i = 0; i < counts[s]; i++)
      samples += s % 2 == question.metric && (question.host < 0 || s / 2 == question.host) &&
                 lists[s][i].ts >= query->from_ms && lists[s][i].ts < query->to_ms;
  if (check.samples != samples)
    fail_msg("%lld samples should be %lld (step %lld, from %lld to %lld)", (long long)check.samples,
             (long long)samples, (long long)query->step_ms, (long long)query->from_ms,
             (long long)query->to_ms);
}

/* --- what happens --- */

static void let_time_pass(void) {
  int64_t until = now_ms + (below(20) ? 1 + below((unsigned)(40 * MINUTE)) : 5 * HOUR);
  bool scrapes = below(2), gap = below(8) == 0;
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (; now_ms < until; now_ms += scrapes ? 15000 : 1 + below(30000))
    for (int s = 0; s < SERIES && !gap; s++)
      if (scrapes ? below(30) : below(3) == 0)
        store(s, now_ms - (scrapes ? 0 : below(5000)), next_value(s));
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
}

static void store_late(void) {
  unsigned count = 1 + below(below(4) ? 5 : 400);
  int64_t from = START + below((unsigned)((now_ms - START) / 1000) + 1) * INT64_C(1000);
  unsigned span = 1 + below((unsigned)(3 * HOUR));
  if (below(6) == 0) /* of days, or months, of which there is nothing else */
    from -= (int64_t)below(40) * DAY;
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (unsigned i = 0; i < count; i++) {
    int series = (int)below(SERIES);
    int64_t ts = from + below(span);
    if (counts[series] > 0 && below(3) == 0) /* in place of one that is there */
      ts = lists[series][below((unsigned)counts[series])].ts;
    if (ts <= now_ms)
      store(series, ts, next_value(series));
  }
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
}

static void do_something(void) {
  switch (below(12)) {
  case 0:
  case 1:
  case 2:
    let_time_pass();
    break;
  case 3:
  case 4:
    store_late();
    break;
  case 5:
  case 6:
    keep(1 + below(8));
    break;
  case 7:
    keep(100000);
    break;
  case 8: /* the keeper dies in the middle of something */
    hand_over_fails = (int)below(6);
    keep(1 + below(30));
    history_keeper_close(keeper);
    hand_over_fails = -1;
    open_keeper();
    break;
  case 9: /* a hand-over fails, and the keeper goes on */
    hand_over_fails = (int)below(6);
    keep(40);
    hand_over_fails = -1;
    break;
  case 10:
    if (below(3) == 0) {
      close_all();
      open_all();
    }
    break;
  default:
    history_close(history);
    history = fixture_reader(dir);
  }
}

static void begin(uint64_t seed) {
  random_state = seed;
  memset(counts, 0, sizeof counts);
  memset(counters, 0, sizeof counters);
  now_ms = START;
  hand_over_fails = -1;
  fixture_make_dir(dir);
  open_all();
}

static void end(void) {
  close_all();
  fixture_remove_dir(dir);
}

static void test_every_query_answers_what_a_list_answers(void **state) {
  (void)state;
  const char *given = getenv("BELFRY_TEST_SEED");
  uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
  memset(resolutions, 0, sizeof resolutions);
  for (int round = 0; round < 4; round++) {
    begin(seed + (uint64_t)round);
    for (int i = 0; i < 250 && now_ms < START + 4 * DAY; i++) {
      do_something();
      if (now_ms > START + 1000)
        for (int n = 0; n < 4; n++)
          ask();
    }
    end();
  }
  for (int i = 0; i < 3; i++)
    if (resolutions[i] < 20)
      fail_msg("tier %d was read %lld times only", i, (long long)resolutions[i]);
}

/* How many sealed files there are, and how many of them are finished. */
static int count_files(bool finished) {
  char path[128];
  int count = 0;
  snprintf(path, sizeof path, "%s/segments", dir);
  DIR *folder = opendir(path);
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder));) {
    char log[400];
    size_t len = strlen(entry->d_name);
    if (len < 3 || strcmp(entry->d_name + len - 3, ".db") != 0)
      continue;
    snprintf(log, sizeof log, "%s/%s-wal", path, entry->d_name);
    count += (access(log, F_OK) < 0) == finished;
  }
  closedir(folder);
  return count;
}

/* A finished file has no write-ahead log. */
static void test_what_is_over_is_one_file_a_day(void **state) {
  (void)state;
  begin(77);
  for (int day = 0; day < 3; day++)
    for (int hour = 0; hour < 24; hour++) {
      assert_int_equal(history_writer_begin_group(writer, &error), 0);
      for (int i = 0; i < 60; i++, now_ms += MINUTE)
        for (int s = 0; s < SERIES; s++)
          store(s, now_ms, next_value(s));
      assert_int_equal(history_writer_commit_group(writer, &error), 0);
      keep(100000);
    }
  for (int i = 0; i < 200; i++)
    ask();
  assert_int_equal(count_files(true), 2 * 3);  /* samples and minutes of three days */
  assert_int_equal(count_files(false), 2 + 1); /* of the fourth, and hours of the month */
  end();
}

static int count_samples(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  (void)labels;
  *(int64_t *)arg += bucket->count;
  return 0;
}

/* The minutes stand in for samples that cannot be read, and the answer says so. */
static void test_a_damaged_file_is_left_out(void **state) {
  (void)state;
  begin(5);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (int i = 0; i < 4 * 60; i++, now_ms += MINUTE)
    store(0, now_ms, next_value(0));
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  now_ms += DAY;
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  store(0, now_ms, 1);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  now_ms += DAY;
  keep(100000);
  now_ms += HOUR;
  keep(100000);
  char path[128];
  snprintf(path, sizeof path, "%s/segments/samples-2026-11-20-2.db", dir);
  FILE *file = fopen(path, "r+");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  for (long at = 1024, end = ftell(file); at < end; at++) {
    fseek(file, at, SEEK_SET);
    fputc(0x5a, file);
  }
  fclose(file);
  struct sample_page page;
  const struct sample_query query = {.metric = slice_of(metric_of(0)),
                                     .from_ms = START,
                                     .to_ms = now_ms,
                                     .step_ms = 15000,
                                     .max_buckets = UINT32_MAX};
  for (int i = 0; i < 2; i++) {
    int64_t samples = 0;
    if (history_samples(history, &query, count_samples, &samples, &page, &error))
      fail_msg("%s", error.text);
    assert_int_equal(samples, 4 * 60 + 1);
    assert_true(page.damaged);
    assert_int_equal(page.resolution_ms, MINUTE);
  }
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_query_answers_what_a_list_answers),
      cmocka_unit_test(test_what_is_over_is_one_file_a_day),
      cmocka_unit_test(test_a_damaged_file_is_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
