/* lib/history/chunk: samples come back to the bit, and what is damaged is noticed. */
#include "history/chunk_priv.h"
#include "tests/unit/history/blob.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define START_MS INT64_C(1795176000000)

static struct chunk_coder *coder;
static int64_t times_ms[CHUNK_SAMPLES_MAX];
static double values[CHUNK_SAMPLES_MAX];

static int setup(void **state) {
  (void)state;
  coder = chunk__coder_new();
  return coder ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  chunk__coder_free(coder);
  return 0;
}

static void check_equal(const struct chunk *chunk, size_t count) {
  assert_int_equal(chunk->count, count);
  assert_memory_equal(chunk->times_ms, times_ms, count * sizeof *times_ms);
  assert_memory_equal(chunk->values, values, count * sizeof *values);
}

/* Returns: bytes of the blob. */
static size_t round_trip(size_t count) {
  struct buf out;
  struct chunk chunk;
  struct belfry_error error = {0};
  buf_init(&out, 0);
  buf_put_text(&out, "before"); /* the checksum is of the chunk alone */
  assert_int_equal(chunk__put(coder, times_ms, values, count, &out), 0);
  buf_consume(&out, 6);
  if (chunk__take(coder, buf_slice(&out), &chunk, &error))
    fail_msg("%zu samples: %s", count, error.text);
  check_equal(&chunk, count);
  size_t len = out.len;
  buf_fini(&out);
  return len;
}

static void test_round_trips(void **state) {
  static const size_t counts[] = {1, 2, 3, 4, 23, 24, 25, 26, 1000, CHUNK_SAMPLES_MAX};
  (void)state;
  for (size_t at = 0; at < sizeof counts / sizeof *counts; at++) {
    int64_t now_ms = START_MS;
    for (size_t i = 0; i < counts[at]; i++) {
      now_ms += 1 + (int64_t)random_below(100000);
      times_ms[i] = now_ms;
      uint64_t bits = random_bits();
      memcpy(&values[i], &bits, sizeof bits);
    }
    round_trip(counts[at]);
    for (size_t i = 0; i < counts[at]; i++)
      values[i] = i % 10 == 9 ? -0.0 : (double)(i % 100) / 10;
    round_trip(counts[at]);
  }
}

static void test_times_as_far_apart_as_can_be(void **state) {
  (void)state;
  times_ms[0] = INT64_MIN;
  times_ms[1] = -1;
  times_ms[2] = 0;
  times_ms[3] = INT64_MAX;
  for (size_t count = 1; count <= 4; count++)
    round_trip(count);
  times_ms[1] = INT64_MAX;
  round_trip(2);
}

static void test_scrapes_are_small(void **state) {
  (void)state;
  int64_t walk = 5000;
  for (size_t i = 0; i < 5760; i++) {
    walk += (int64_t)random_below(11) - 5;
    times_ms[i] = START_MS + (int64_t)i * 15000;
    values[i] = (double)walk / 100;
  }
  assert_true(round_trip(5760) < 5760); /* a byte a sample is the mark */
}

static void test_times_must_rise(void **state) {
  struct buf out;
  struct chunk chunk;
  struct belfry_error error = {0};
  (void)state;
  buf_init(&out, 0);
  times_ms[0] = times_ms[1] = START_MS;
  assert_int_equal(chunk__put(coder, times_ms, values, 2, &out), 0);
  assert_int_equal(chunk__take(coder, buf_slice(&out), &chunk, &error), BELFRY_ECORRUPT);
  assert_string_equal(error.text, "a chunk of samples is not in order of time");
  buf_fini(&out);
}

static int take(void *with, struct slice blob, struct belfry_error *error) {
  struct chunk chunk;
  int status = chunk__take(with, blob, &chunk, error);
  for (size_t i = 1; i < chunk.count && !status; i++)
    assert_true(chunk.times_ms[i] > chunk.times_ms[i - 1]);
  return status;
}

static void test_damage(void **state) {
  struct buf out;
  (void)state;
  for (size_t i = 0; i < 300; i++) {
    times_ms[i] = START_MS + (int64_t)(i * 15000 + random_below(3000));
    values[i] = i % 50 == 49 ? M_PI * (double)i : (double)random_below(1000) / 8;
  }
  buf_init(&out, 0);
  for (size_t count = 1; count <= 300; count += 149) {
    buf_clear(&out);
    assert_int_equal(chunk__put(coder, times_ms, values, count, &out), 0);
    blob_check_damage(buf_slice(&out), take, coder);
    blob_check_forgeries(buf_slice(&out), take, coder, 3000);
  }
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trips),
      cmocka_unit_test(test_times_as_far_apart_as_can_be),
      cmocka_unit_test(test_scrapes_are_small),
      cmocka_unit_test(test_times_must_rise),
      cmocka_unit_test(test_damage),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
