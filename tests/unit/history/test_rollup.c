/* lib/history/rollup: buckets come back to the bit, with what they have, and what is damaged is
 * noticed. */
#include "history/rollup_priv.h"
#include "tests/unit/history/blob.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define START_MS     INT64_C(1795176000000)
#define MINUTE_MS    60000
#define BINS_EACH    16
#define ALL_PARTS    4
#define PARTS(which) ((struct rollup_parts){.increases = (which)&1, .sketches = (which)&2})

static struct rollup_coder *coder;
static struct rollup_bucket buckets[ROLLUP_BUCKETS_MAX];
static struct sketch_bin bins[ROLLUP_BINS_MAX + 1];

static int setup(void **state) {
  (void)state;
  coder = rollup__coder_new();
  return coder ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  rollup__coder_free(coder);
  return 0;
}

static double any_double(void) {
  uint64_t bits = random_bits();
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static double cents(int64_t count) {
  return (double)count / 100;
}

static void make_buckets(size_t count, double (*value)(void)) {
  int64_t start_ms = START_MS;
  for (size_t i = 0; i < count; i++) {
    start_ms += MINUTE_MS * (random_below(30) ? 1 : 5); /* with gaps */
    struct sketch_bin *mine = bins + i * BINS_EACH;
    uint32_t bin_count = (uint32_t)random_below(BINS_EACH + 1);
    for (uint32_t bin = 0; bin < bin_count; bin++)
      mine[bin] = (struct sketch_bin){.key = (int32_t)(bin * 900 + random_below(900)) - 7000,
                                      .count = 1 + (random_bits() >> random_below(64) >> 2)};
    buckets[i] = (struct rollup_bucket){
        .start_ms = start_ms,
        .count = 1 + (int64_t)random_below(8),
        .min = value(),
        .max = value(),
        .sum = value(),
        .last = value(),
        .first = value(),
        .increase = value(),
        .bins = bin_count ? mine : NULL,
        .bin_count = bin_count,
    };
  }
}

static double some_cents(void) {
  return cents((int64_t)random_below(20000) - 10000);
}

static bool same_bits(double a, double b) {
  return memcmp(&a, &b, sizeof a) == 0;
}

static void check_bucket(const struct rollup_bucket *bucket, const struct rollup_bucket *want,
                         struct rollup_parts parts) {
  assert_int_equal(bucket->start_ms, want->start_ms);
  assert_int_equal(bucket->count, want->count);
  assert_true(same_bits(bucket->min, want->min));
  assert_true(same_bits(bucket->max, want->max));
  assert_true(same_bits(bucket->sum, want->sum));
  assert_true(same_bits(bucket->last, want->last));
  assert_true(same_bits(bucket->first, parts.increases ? want->first : 0));
  assert_true(same_bits(bucket->increase, parts.increases ? want->increase : 0));
  assert_int_equal(bucket->bin_count, parts.sketches ? want->bin_count : 0);
  for (uint32_t i = 0; i < bucket->bin_count; i++) {
    assert_int_equal(bucket->bins[i].key, want->bins[i].key);
    assert_int_equal(bucket->bins[i].count, want->bins[i].count);
  }
}

/* Returns: bytes of the blob. */
static size_t round_trip(size_t count, struct rollup_parts parts) {
  struct buf out;
  struct rollup rollup;
  struct belfry_error error = {0};
  buf_init(&out, 0);
  buf_put_text(&out, "before"); /* the checksum is of the roll-up alone */
  assert_int_equal(rollup__put(coder, buckets, count, parts, &out), 0);
  buf_consume(&out, 6);
  if (rollup__take(coder, buf_slice(&out), &rollup, &error))
    fail_msg("%zu buckets: %s", count, error.text);
  assert_int_equal(rollup.count, count);
  assert_int_equal(rollup.parts.increases, parts.increases);
  assert_int_equal(rollup.parts.sketches, parts.sketches);
  for (size_t i = 0; i < count; i++)
    check_bucket(&rollup.buckets[i], &buckets[i], parts);
  size_t len = out.len;
  buf_fini(&out);
  return len;
}

static void test_round_trips(void **state) {
  static const size_t counts[] = {1, 2, 3, 23, 24, 25, 1440, ROLLUP_BUCKETS_MAX};
  (void)state;
  for (size_t at = 0; at < sizeof counts / sizeof *counts; at++)
    for (int which = 0; which < ALL_PARTS; which++) {
      make_buckets(counts[at], some_cents);
      round_trip(counts[at], PARTS(which));
      make_buckets(counts[at], any_double);
      round_trip(counts[at], PARTS(which));
    }
}

static void test_increases_need_not_be_given(void **state) {
  (void)state;
  make_buckets(1440, some_cents);
  assert_true(round_trip(1440, PARTS(0)) + 1000 < round_trip(1440, PARTS(1)));
}

static void test_extremes(void **state) {
  (void)state;
  make_buckets(3, any_double);
  buckets[0].start_ms = INT64_MIN;
  buckets[2].start_ms = INT64_MAX;
  buckets[1].count = INT64_C(1) << 53;
  buckets[0].min = -0.0;
  buckets[1].max = NAN;
  buckets[2].sum = INFINITY;
  bins[0] = (struct sketch_bin){-SKETCH_KEY_MAX, UINT64_C(1) << 62};
  bins[1] = (struct sketch_bin){SKETCH_KEY_MAX, 1};
  buckets[0].bins = bins;
  buckets[0].bin_count = 2;
  buckets[1].bin_count = 0;
  for (int which = 0; which < ALL_PARTS; which++)
    round_trip(3, PARTS(which));
}

static void test_no_bin_at_all(void **state) {
  (void)state;
  make_buckets(100, some_cents);
  for (size_t i = 0; i < 100; i++)
    buckets[i].bin_count = 0;
  round_trip(100, PARTS(2));
}

static void test_most_bins(void **state) {
  struct buf out;
  (void)state;
  buf_init(&out, 0);
  make_buckets(2, some_cents);
  for (int32_t i = 0; i <= ROLLUP_BINS_MAX; i++)
    bins[i] = (struct sketch_bin){.key = i - ROLLUP_BINS_MAX / 2, .count = 1};
  buckets[0].bins = bins + 1;
  buckets[0].bin_count = ROLLUP_BINS_MAX / 2;
  buckets[1].bins = bins + ROLLUP_BINS_MAX / 2;
  buckets[1].bin_count = ROLLUP_BINS_MAX / 2;
  round_trip(2, PARTS(2));
  buckets[0].bins = bins;
  buckets[0].bin_count++;
  assert_int_equal(rollup__put(coder, buckets, 2, PARTS(2), &out), BELFRY_ETOOBIG);
  buf_clear(&out);
  assert_int_equal(rollup__put(coder, buckets, 2, PARTS(1), &out), 0);
  buf_fini(&out);
}

/* Packs the first two buckets, which are wrong. */
static void check_refused(const char *text) {
  struct buf out;
  struct rollup rollup;
  struct belfry_error error = {0};
  buf_init(&out, 0);
  assert_int_equal(rollup__put(coder, buckets, 2, PARTS(2), &out), 0);
  assert_int_equal(rollup__take(coder, buf_slice(&out), &rollup, &error), BELFRY_ECORRUPT);
  assert_string_equal(error.text, text);
  buf_fini(&out);
}

static void make_two(void) {
  make_buckets(2, some_cents);
  bins[0] = (struct sketch_bin){.key = 1, .count = 1};
  bins[1] = (struct sketch_bin){.key = 2, .count = 1};
  for (size_t i = 0; i < 2; i++) {
    buckets[i].bins = bins;
    buckets[i].bin_count = 2;
  }
}

static void test_what_no_bucket_is(void **state) {
  (void)state;
  make_two();
  buckets[1].start_ms = buckets[0].start_ms;
  check_refused("a run of roll-ups is not in order of time");
  make_two();
  buckets[1].count = 0;
  check_refused("a run of roll-ups is not in order of time");
  make_two();
  bins[1].key = 1; /* not by key */
  check_refused("a run of roll-ups does not unpack");
  make_two();
  bins[1].key = SKETCH_KEY_MAX + 1;
  check_refused("a run of roll-ups does not unpack");
  make_two();
  bins[1].count = 0;
  check_refused("a run of roll-ups does not unpack");
  make_two();
  bins[1].count = (UINT64_C(1) << 62) + 1;
  check_refused("a run of roll-ups does not unpack");
}

static volatile uint64_t kept; /* or a compiler would leave the reading out */

static int take(void *with, struct slice blob, struct belfry_error *error) {
  struct rollup rollup;
  int status = rollup__take(with, blob, &rollup, error);
  for (size_t i = 0; !status && i < rollup.count; i++) {
    const struct rollup_bucket *bucket = &rollup.buckets[i];
    assert_true(i == 0 || bucket->start_ms > bucket[-1].start_ms);
    for (uint32_t bin = 0; bin < bucket->bin_count; bin++)
      kept += bucket->bins[bin].count;
  }
  return status;
}

static void test_damage(void **state) {
  struct buf out;
  (void)state;
  buf_init(&out, 0);
  for (int which = 0; which < ALL_PARTS; which++)
    for (size_t count = 1; count <= 31; count += 30) {
      make_buckets(count, some_cents);
      buf_clear(&out);
      assert_int_equal(rollup__put(coder, buckets, count, PARTS(which), &out), 0);
      blob_check_damage(buf_slice(&out), take, coder);
      blob_check_forgeries(buf_slice(&out), take, coder, 2000);
    }
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trips), cmocka_unit_test(test_increases_need_not_be_given),
      cmocka_unit_test(test_extremes),    cmocka_unit_test(test_no_bin_at_all),
      cmocka_unit_test(test_most_bins),   cmocka_unit_test(test_what_no_bucket_is),
      cmocka_unit_test(test_damage),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
