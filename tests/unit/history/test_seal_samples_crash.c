/*
 * Sealing samples under kill -9: a child appends samples, also late ones and corrections, has them
 * sealed, swept and rewritten by the real writer and keeper, and dies at one of the calls by which
 * it changes its files. Afterwards every group that was acknowledged is there, a group is there as
 * a whole or not at all, every tier says the same, and the work goes on, to be killed again.
 */
#include "history/keeper.h"
#include "tests/unit/history/dying.h"
#include "tests/unit/history/fixture.h"
#include "tests/unit/history/keeping.h"
#include "tests/unit/sanitized.h"

#include <math.h>
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

#define ROUNDS        (SANITIZED ? 32 : 160)
#define ROUNDS_OF_ONE 8 /* with one history */
#define SERIES        4
#define MINUTE        INT64_C(60000)
#define HOUR          (60 * MINUTE)
#define DAY           (24 * HOUR)
#define T0            (INT64_C(1795132800000) + 22 * HOUR)
#define GROUP_MS      (5 * MINUTE) /* of what comes in time with one group */
#define GROUPS_MAX    4000

/* What survives the child. */
static struct shared {
  int64_t acknowledged; /* groups of which the commit returned; at most one more was begun */
} * shared;

static char dir[64];
static struct history_writer *writer;
static struct history_keeper *keeper;
static struct belfry_error error;

static unsigned random_state = 9;
static unsigned next_random(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

/* Time is how many groups there are. */
static int64_t groups;
static int64_t clock_realtime(const struct clock *clock) {
  (void)clock;
  return (T0 + groups * GROUP_MS) * 1000;
}
static int64_t clock_steps(const struct clock *clock) {
  static int64_t us;
  (void)clock;
  return us += 3000;
}
static const struct clock test_clock = {clock_realtime, clock_steps};

/* --- the groups: each follows from its number --- */

struct one {
  int series;
  int64_t ts;
  double value;
};

static size_t make_group(int64_t number, struct one *out) {
  unsigned before = random_state;
  size_t count = 0;
  random_state = (unsigned)number * 2654435761u;
  int64_t from = T0 + number * GROUP_MS;
  for (int64_t ts = from; ts < from + GROUP_MS; ts += 15000)
    for (int s = 0; s < SERIES; s++)
      out[count++] = (struct one){s, ts, (double)(next_random() % 10000) / 100};
  for (int i = 0; i < 10 && next_random() % 2; i++) { /* late, and mostly in place of another */
    int64_t ts = T0 + (int64_t)(next_random() % (unsigned)(number * 20 + 1)) * 15000;
    out[count++] = (struct one){(int)(next_random() % SERIES), ts + (next_random() % 3 == 0),
                                (double)(next_random() % 10000) / 100};
  }
  out[count++] = (struct one){SERIES, from, (double)number}; /* tells that the group is there */
  random_state = before;
  return count;
}

static int store(const struct one *one) {
  char labels[32];
  snprintf(labels, sizeof labels, "{\"n\":\"%d\"}", one->series);
  const struct sample sample = {.metric = slice_of(one->series < SERIES ? "wait_ms" : "mark"),
                                .labels = slice_of(labels),
                                .timestamp_ms = one->ts,
                                .value = one->value};
  return history_writer_sample(writer, &sample, &error);
}

/* --- the work --- */

static void open_all(void) {
  const struct history_keeper_options options = {.hot_events = 300, .hot_samples_ms = 10 * MINUTE};
  writer = fixture_writer(dir);
  keeper = keeping_open(dir, &options, &test_clock, writer);
}

static void close_all(void) {
  history_keeper_close(keeper);
  history_writer_close(writer);
}

static int append(void) {
  struct one group[200];
  size_t count = make_group(groups, group);
  int status = history_writer_begin_group(writer, &error);
  for (size_t i = 0; i < count && !status; i++)
    status = store(&group[i]);
  if (status) {
    history_writer_abandon_group(writer);
    return status;
  }
  status = history_writer_commit_group(writer, &error);
  if (!status)
    shared->acknowledged = ++groups;
  return status;
}

static void work_until_killed(int64_t calls, enum dying_fault how, unsigned seed) {
  random_state = seed;
  groups = shared->acknowledged;
  dying_calls_left = calls;
  dying_fault = how;
  open_all();
  while (groups < GROUPS_MAX) {
    if (append() || (next_random() % 2 && keeping_all(keeper, &error)))
      _exit(3);
    if (next_random() % 20 == 0)
      (void)!history_writer_checkpoint(writer, true, NULL);
    if (next_random() % 30 == 0) {
      close_all();
      open_all();
    }
  }
  _exit(4);
}

/* --- afterwards --- */

static int on_mark(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  (void)labels;
  int64_t *marks = arg;
  if (bucket->last != (double)*marks)
    fail_msg("group %d is there where %d should be", (int)bucket->last, (int)*marks);
  ++*marks;
  return 0;
}

/* Finds out which groups there are: all that were acknowledged, and at most one more. */
static void find_groups(struct history *history) {
  struct sample_page page;
  const struct sample_query query = {
      .metric = slice_of("mark"), .to_ms = INT64_MAX, .max_buckets = UINT32_MAX};
  int64_t marks = 0;
  if (history_samples(history, &query, on_mark, &marks, &page, &error))
    fail_msg("the history is not read: %s", error.text);
  if (marks < shared->acknowledged || marks > shared->acknowledged + 1)
    fail_msg("%d groups are there; %d were acknowledged", (int)marks, (int)shared->acknowledged);
  groups = shared->acknowledged = marks;
}

static struct one *list; /* by series and time, each moment once */
static size_t list_count;

static int compare(const void *a, const void *b) {
  const struct one *left = a, *right = b;
  if (left->series != right->series)
    return left->series - right->series;
  return (left->ts > right->ts) - (left->ts < right->ts);
}

static void make_list(void) {
  list_count = 0;
  for (int64_t g = 0; g < groups; g++)
    list_count += make_group(g, list + list_count);
  /* In order of arrival, of which qsort knows nothing: their place decides. */
  for (size_t i = 0; i < list_count; i++)
    list[i].ts = list[i].ts * 1000000 + (int64_t)i;
  qsort(list, list_count, sizeof *list, compare);
  size_t kept = 0;
  for (size_t i = 0; i < list_count; i++) {
    struct one one = list[i];
    one.ts /= 1000000;
    if (kept > 0 && list[kept - 1].series == one.series && list[kept - 1].ts == one.ts)
      kept--;
    list[kept++] = one;
  }
  list_count = kept;
}

struct check {
  const struct sample_query *query;
  size_t at; /* in the list */
};

static int on_bucket(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct check *check = arg;
  int64_t count = 0, end = bucket->start_ms + check->query->step_ms;
  double min = INFINITY, max = -INFINITY, sum = 0, last = 0;
  int series = labels.data[6] - '0';
  while (check->at < list_count && list[check->at].series == series &&
         list[check->at].ts < bucket->start_ms)
    fail_msg("a sample of series %d is not there", series);
  for (; check->at < list_count && list[check->at].series == series && list[check->at].ts < end;
       check->at++) {
    last = list[check->at].value;
    min = last < min ? last : min;
    max = last > max ? last : max;
    sum += last;
    count++;
  }
  if (bucket->count != count || bucket->min != min || bucket->max != max || bucket->last != last ||
      fabs(bucket->sum - sum) > 1e-6)
    fail_msg("series %d at %lld by %lld: %d samples (%g to %g, last %g) should be %d (%g to %g, "
             "last %g)",
             series, (long long)bucket->start_ms, (long long)check->query->step_ms,
             (int)bucket->count, bucket->min, bucket->max, bucket->last, (int)count, min, max,
             last);
  return 0;
}

static void check_all(void) {
  static const int64_t steps[] = {15000, MINUTE, HOUR};
  struct history *history = fixture_reader(dir);
  struct sample_page page;
  find_groups(history);
  make_list();
  for (int i = 0; i < 3; i++) {
    const struct sample_query query = {.metric = slice_of("wait_ms"),
                                       .to_ms = T0 + 400 * DAY,
                                       .step_ms = steps[i],
                                       .max_buckets = UINT32_MAX};
    struct check check = {.query = &query};
    if (history_samples(history, &query, on_bucket, &check, &page, &error))
      fail_msg("the history is not read: %s", error.text);
    assert_true(check.at == list_count || list[check.at].series == SERIES);
  }
  history_close(history);
}

static void begin_history(void) {
  fixture_make_dir(dir);
  *shared = (struct shared){0};
  groups = 0;
}

static void test_kills(void **state) {
  (void)state;
  for (int round = 0; round < ROUNDS; round++) {
    if (round % ROUNDS_OF_ONE == 0)
      begin_history();
    int64_t calls = 1 + next_random() % (next_random() % 4 ? 600 : 3000);
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
    groups = shared->acknowledged;
    open_all();
    check_all();
    if (keeping_all(keeper, &error))
      fail_msg("round %d: sealing does not go on: %s", round, error.text);
    check_all();
    close_all();
    if (round % ROUNDS_OF_ONE == ROUNDS_OF_ONE - 1)
      fixture_remove_dir(dir);
  }
}

/* Nothing is sealed while there is no room, nothing is lost, and then it goes on. */
static void test_a_full_disk(void **state) {
  (void)state;
  begin_history();
  open_all();
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 12; i++)
      assert_int_equal(append(), 0);
    dying_disk_full = true;
    error = (struct belfry_error){0};
    int status = keeping_all(keeper, &error);
    dying_disk_full = false;
    assert_int_equal(status, BELFRY_EFULL);
    error = (struct belfry_error){0};
    check_all();
    if (keeping_all(keeper, &error))
      fail_msg("sealing does not go on: %s", error.text);
    check_all();
  }
  close_all();
  fixture_remove_dir(dir);
}

int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  list = calloc(GROUPS_MAX * 120, sizeof *list);
  if (shared == MAP_FAILED || !list)
    return 99;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kills),
      cmocka_unit_test(test_a_full_disk),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  free(list);
  return failed;
}
