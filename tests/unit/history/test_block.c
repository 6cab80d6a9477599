/* lib/history/block: events come back byte for byte, and what is damaged is noticed. */
#include "history/block_priv.h"
#include "tests/unit/history/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795176000000)

static struct block_coder *coder;
static struct event events[BLOCK_EVENTS_MAX];
static char texts[4][BLOCK_EVENTS_MAX][160];

static int setup(void **state) {
  (void)state;
  coder = block__coder_new();
  return coder ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  block__coder_free(coder);
  return 0;
}

static void check_event(const struct event *event, const struct event *want) {
  assert_int_equal(event->id, want->id);
  assert_int_equal(event->timestamp_ms, want->timestamp_ms);
  assert_int_equal(event->received_ms, want->received_ms);
  assert_int_equal(event->severity, want->severity);
  assert_int_equal(event->origin, want->origin);
  assert_true(slice_equal(event->type, want->type));
  assert_true(slice_equal(event->source, want->source));
  assert_true(slice_equal(event->event_id, want->event_id));
  assert_true(slice_equal(event->data, want->data));
}

/* Returns: bytes of the blob. */
static size_t round_trip(size_t count) {
  struct buf out;
  struct block block;
  struct belfry_error error = {0};
  buf_init(&out, 0);
  buf_put_text(&out, "before"); /* the checksum is of the block alone */
  assert_int_equal(block__put(coder, events, count, &out), 0);
  size_t len = out.len - 6;
  char *blob = malloc(len);
  assert_non_null(blob);
  memcpy(blob, out.data + 6, len);
  buf_fini(&out);
  if (block__take(coder, slice_new(blob, len), &block, &error))
    fail_msg("%zu events: %s", count, error.text);
  /* The events do not need the blob (which a query gives back before it shows them). */
  memset(blob, 0xee, len);
  free(blob);
  assert_int_equal(block.count, count);
  for (size_t i = 0; i < count; i++)
    check_event(&block.events[i], &events[i]);
  return len;
}

static struct slice print(size_t field, size_t i, const char *format, ...) BELFRY_PRINTF(3, 4);
static struct slice print(size_t field, size_t i, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(texts[field][i], sizeof texts[field][i], format, args);
  va_end(args);
  return slice_of(texts[field][i]);
}

/* As a service logs: few types and sources, many like texts. */
static void make_log(size_t count) {
  for (size_t i = 0; i < count; i++)
    events[i] = (struct event){
        .id = 1000000 + (int64_t)i,
        .timestamp_ms = NOW_MS + (int64_t)(i * 10 + random_below(8)),
        .received_ms = NOW_MS + (int64_t)(i * 10 + 20),
        .severity = i % 17 ? 1 : 4,
        .origin = HISTORY_ORIGIN_WATCHD,
        .type = slice_of("log"),
        .source = i % 3 ? slice_of("nginx") : slice_of("sshd"),
        .event_id = print(2, i, "%016llx", (unsigned long long)random_bits()),
        .data = print(3, i, "{\"message\":\"GET /page/%zu answered in %llu ms\"}", i % 40,
                      (unsigned long long)random_below(90)),
    };
}

static void test_logs(void **state) {
  static const size_t counts[] = {1, 2, 3, 23, 24, 25, 128, BLOCK_EVENTS_MAX};
  (void)state;
  for (size_t at = 0; at < sizeof counts / sizeof *counts; at++) {
    make_log(counts[at]);
    round_trip(counts[at]);
  }
}

static void test_extreme_numbers(void **state) {
  (void)state;
  make_log(4);
  events[0].id = INT64_MIN;
  events[1].id = 0;
  events[2].id = 1;
  events[3].id = INT64_MAX;
  events[0].timestamp_ms = INT64_MAX;
  events[1].timestamp_ms = INT64_MIN;
  events[2].received_ms = INT64_MIN;
  events[3].received_ms = INT64_MAX;
  events[0].severity = BLOCK_SMALL_MAX;
  events[1].origin = BLOCK_SMALL_MAX;
  for (size_t count = 1; count <= 4; count++)
    round_trip(count);
}

static void test_every_event_of_its_own_type_and_source(void **state) {
  (void)state;
  make_log(BLOCK_EVENTS_MAX);
  for (size_t i = 0; i < BLOCK_EVENTS_MAX; i++) {
    events[i].type = print(0, i, "type_%zu", i);
    events[i].source = print(1, i, "source-%zu-%0100zu", i, i);
  }
  round_trip(BLOCK_EVENTS_MAX);
}

static void test_empty_texts(void **state) {
  (void)state;
  make_log(BLOCK_EVENTS_MAX);
  for (size_t i = 0; i < BLOCK_EVENTS_MAX; i++)
    events[i].type = events[i].source = events[i].event_id = events[i].data = slice_new(NULL, 0);
  round_trip(1);
  round_trip(BLOCK_EVENTS_MAX);
  events[500].data = slice_of("{}");
  round_trip(BLOCK_EVENTS_MAX);
}

static void test_every_byte(void **state) {
  static char bytes[256 * 3];
  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (char)i;
  make_log(256);
  for (size_t i = 0; i < 256; i++) {
    events[i].type = slice_new(bytes + i, 1);
    events[i].source = slice_new(bytes + i, 128);
    events[i].event_id = slice_new(bytes + i, i);
    events[i].data = slice_new(bytes + i, 512);
  }
  round_trip(256);
}

/* Huge ones, and one that nothing makes smaller. */
static void test_huge_texts(void **state) {
  size_t len = 4 << 20;
  char *noise = malloc(len);
  (void)state;
  assert_non_null(noise);
  for (size_t i = 0; i < len; i += 8) {
    uint64_t bits = random_bits();
    memcpy(noise + i, &bits, sizeof bits);
  }
  make_log(3);
  events[1].data = slice_new(noise, len);
  round_trip(3);
  memset(noise, 'x', len);
  assert_true(round_trip(3) < 4096);
  free(noise);
}

static void test_too_much_text(void **state) {
  struct buf out;
  size_t len = BLOCK_BYTES_MAX / 2 + 1;
  char *text = malloc(len);
  (void)state;
  assert_non_null(text);
  memset(text, 'x', len);
  make_log(2);
  events[0].data = events[1].data = slice_new(text, len);
  buf_init(&out, 0);
  assert_int_equal(block__put(coder, events, 2, &out), BELFRY_ETOOBIG);
  buf_fini(&out);
  free(text);
  make_log(2); /* and the coder goes on */
  round_trip(2);
}

static void test_logs_are_small(void **state) {
  (void)state;
  make_log(BLOCK_EVENTS_MAX);
  size_t raw = 0;
  for (size_t i = 0; i < BLOCK_EVENTS_MAX; i++) {
    /* An id made up from the time costs what is random in it; here it is made up by counting. */
    events[i].event_id = print(2, i, "id-%zu", i);
    raw += events[i].data.len;
  }
  assert_true(round_trip(BLOCK_EVENTS_MAX) < raw / 4);
}

static void test_ids_must_rise(void **state) {
  struct buf out;
  struct block block;
  struct belfry_error error = {0};
  (void)state;
  buf_init(&out, 0);
  make_log(2);
  events[1].id = events[0].id;
  assert_int_equal(block__put(coder, events, 2, &out), 0);
  assert_int_equal(block__take(coder, buf_slice(&out), &block, &error), BELFRY_ECORRUPT);
  assert_string_equal(error.text, "a block of events is not in order of id");
  buf_fini(&out);
}

/* A severity is a bit of a mask elsewhere: one that no mask has is not let in. */
static void test_numbers_that_no_event_has(void **state) {
  static const int wrong[] = {-1, BLOCK_SMALL_MAX + 1, INT32_MIN, INT32_MAX};
  struct buf out;
  struct block block;
  (void)state;
  buf_init(&out, 0);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    make_log(2);
    events[1].severity = wrong[i];
    buf_clear(&out);
    assert_int_equal(block__put(coder, events, 2, &out), 0);
    assert_int_equal(block__take(coder, buf_slice(&out), &block, NULL), BELFRY_ECORRUPT);
  }
  buf_fini(&out);
}

static unsigned sum(struct slice text) {
  unsigned total = 0;
  for (size_t i = 0; i < text.len; i++)
    total += (unsigned char)text.data[i];
  return total;
}

static volatile unsigned kept; /* or a compiler would leave the reading out */

static int take(void *with, struct slice blob, struct belfry_error *error) {
  struct block block;
  int status = block__take(with, blob, &block, error);
  for (size_t i = 0; !status && i < block.count; i++) {
    const struct event *event = &block.events[i];
    assert_true(i == 0 || event->id > event[-1].id);
    assert_in_range(event->severity, 0, BLOCK_SMALL_MAX);
    assert_in_range(event->origin, 0, BLOCK_SMALL_MAX);
    kept += sum(event->type) + sum(event->source) + sum(event->event_id) + sum(event->data);
  }
  return status;
}

static void test_damage(void **state) {
  struct buf out;
  (void)state;
  buf_init(&out, 0);
  for (size_t count = 1; count <= 61; count += 30) {
    make_log(count);
    buf_clear(&out);
    assert_int_equal(block__put(coder, events, count, &out), 0);
    blob_check_damage(buf_slice(&out), take, coder);
    blob_check_forgeries(buf_slice(&out), take, coder, 3000);
  }
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_logs),
      cmocka_unit_test(test_extreme_numbers),
      cmocka_unit_test(test_every_event_of_its_own_type_and_source),
      cmocka_unit_test(test_empty_texts),
      cmocka_unit_test(test_every_byte),
      cmocka_unit_test(test_huge_texts),
      cmocka_unit_test(test_too_much_text),
      cmocka_unit_test(test_logs_are_small),
      cmocka_unit_test(test_ids_must_rise),
      cmocka_unit_test(test_numbers_that_no_event_has),
      cmocka_unit_test(test_damage),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
