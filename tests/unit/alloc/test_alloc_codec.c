/* The packed blobs of lib/history out of memory: nothing is lost, and the coder goes on. */
#include "base/error.h"
#include "history/block_priv.h"
#include "history/chunk_priv.h"
#include "history/rollup_priv.h"
#include "tests/unit/alloc/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795176000000)
#define COUNT  400

static int64_t times_ms[COUNT];
static double values[COUNT];
static struct event events[COUNT];
static struct rollup_bucket buckets[COUNT];
static const struct sketch_bin bins[] = {{1000, 2}, {1100, 1}, {1200, 1}};

static void make_all(void) {
  for (int i = 0; i < COUNT; i++) {
    times_ms[i] = NOW_MS + (int64_t)i * 15000;
    values[i] = (double)(i * i % 61) / 10;
    events[i] = (struct event){.id = i + 1,
                               .timestamp_ms = NOW_MS + i,
                               .received_ms = NOW_MS + i,
                               .type = slice_of(i % 2 ? "log" : "agent_activity"),
                               .source = slice_of("nginx"),
                               .event_id = slice_of("e"),
                               .data = slice_of("{\"message\":\"GET / answered in 7 ms\"}")};
    buckets[i] = (struct rollup_bucket){.start_ms = times_ms[i],
                                        .count = 4,
                                        .min = values[i],
                                        .max = values[i] + 1,
                                        .sum = values[i] * 3,
                                        .last = values[i],
                                        .bins = bins,
                                        .bin_count = 3};
  }
}

static int chunk_round_trip(struct chunk_coder *coder) {
  struct buf blob;
  struct chunk chunk;
  buf_init(&blob, 0);
  int status = chunk__put(coder, times_ms, values, COUNT, &blob);
  if (!status)
    status = chunk__take(coder, buf_slice(&blob), &chunk, NULL);
  if (!status) {
    assert_int_equal(chunk.count, COUNT);
    assert_memory_equal(chunk.values, values, sizeof values);
  }
  buf_fini(&blob);
  return status;
}

static int try_chunk(const void *arg) {
  (void)arg;
  fail_alloc_begin();
  struct chunk_coder *coder = chunk__coder_new();
  int status = coder ? chunk_round_trip(coder) : BELFRY_ENOMEM;
  fail_alloc_end();
  if (coder)
    assert_int_equal(chunk_round_trip(coder), 0);
  chunk__coder_free(coder);
  return status;
}

static int block_round_trip(struct block_coder *coder) {
  struct buf blob;
  struct block block;
  struct belfry_error error = {0};
  buf_init(&blob, 0);
  int status = block__put(coder, events, COUNT, &blob);
  if (!status) {
    status = block__take(coder, buf_slice(&blob), &block, &error);
    assert_int_equal(status, error.code);
  }
  if (!status) {
    assert_int_equal(block.count, COUNT);
    for (int i = 0; i < COUNT; i++)
      assert_true(slice_equal(block.events[i].data, events[i].data));
  }
  buf_fini(&blob);
  return status;
}

static int try_block(const void *arg) {
  (void)arg;
  fail_alloc_begin();
  struct block_coder *coder = block__coder_new();
  int status = coder ? block_round_trip(coder) : BELFRY_ENOMEM;
  fail_alloc_end();
  if (coder)
    assert_int_equal(block_round_trip(coder), 0);
  block__coder_free(coder);
  return status;
}

static int rollup_round_trip(struct rollup_coder *coder) {
  struct buf blob;
  struct rollup rollup;
  buf_init(&blob, 0);
  int status = rollup__put(coder, buckets, COUNT, (struct rollup_parts){.sketches = true}, &blob);
  if (!status)
    status = rollup__take(coder, buf_slice(&blob), &rollup, NULL);
  if (!status) {
    assert_int_equal(rollup.count, COUNT);
    assert_int_equal(rollup.buckets[COUNT - 1].bin_count, 3);
  }
  buf_fini(&blob);
  return status;
}

static int try_rollup(const void *arg) {
  (void)arg;
  fail_alloc_begin();
  struct rollup_coder *coder = rollup__coder_new();
  int status = coder ? rollup_round_trip(coder) : BELFRY_ENOMEM;
  fail_alloc_end();
  if (coder)
    assert_int_equal(rollup_round_trip(coder), 0);
  rollup__coder_free(coder);
  return status;
}

static int try_sketch(const void *arg) {
  struct sketch sketch = {0}, sum = {0};
  int status = BELFRY_OK;
  (void)arg;
  fail_alloc_begin();
  for (int i = 1; i < COUNT && !status; i++)
    status = sketch__add(&sketch, i, 1);
  if (!status)
    status = sketch__merge(&sum, &sketch);
  fail_alloc_end();
  assert_int_equal(sketch__add(&sketch, 7, 1), 0);
  uint64_t total = 0;
  for (uint32_t i = 0; i < sketch.bin_count; i++)
    total += sketch.bins[i].count;
  assert_int_equal(total, sketch.total);
  sketch__fini(&sketch);
  sketch__fini(&sum);
  return status;
}

static void test_chunk(void **state) {
  (void)state;
  fail_alloc_each("a chunk", try_chunk, NULL);
}

static void test_block(void **state) {
  (void)state;
  fail_alloc_each("a block", try_block, NULL);
}

static void test_rollup(void **state) {
  (void)state;
  fail_alloc_each("a roll-up", try_rollup, NULL);
}

static void test_sketch(void **state) {
  (void)state;
  fail_alloc_each("a sketch", try_sketch, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_chunk),
      cmocka_unit_test(test_block),
      cmocka_unit_test(test_rollup),
      cmocka_unit_test(test_sketch),
  };
  make_all();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
