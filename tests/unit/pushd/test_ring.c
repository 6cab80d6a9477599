/* pushd/ring, batch and subscription: what stays in the ring, what is found in it and in which
 * form, who wants it. */
#include "pushd/batch.h"
#include "pushd/figures.h"
#include "pushd/ring.h"
#include "pushd/subscription.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct encoder encoder = {.epoch = "0123456789abcdef"};

static void put(struct ring *ring, int64_t id, const char *type, int severity, const char *source) {
  const struct event event = {.id = id,
                              .severity = severity,
                              .type = slice_of(type),
                              .source = slice_of(source),
                              .event_id = slice_of("e"),
                              .data = slice_of("{\"n\":1}")};
  assert_int_equal(ring_put(ring, &event), 0);
}

static void test_keeps_the_newest_by_count(void **state) {
  (void)state;
  struct ring ring;
  assert_int_equal(ring_init(&ring, 4, SIZE_MAX), 0);
  ring_reset(&ring, 10);
  assert_true(ring_holds(&ring, 10) && !ring_holds(&ring, 9));
  for (int64_t id = 12; id <= 20; id += 2) /* ids with holes */
    put(&ring, id, "a", 1, "s");
  assert_int_equal(ring.next - ring.first, 4);
  assert_int_equal(ring.before, 12);
  assert_int_equal(ring.head, 20);
  assert_true(ring_holds(&ring, 12) && !ring_holds(&ring, 11));
  assert_int_equal(ring_at(&ring, ring_find(&ring, 12))->id, 14);
  assert_int_equal(ring_at(&ring, ring_find(&ring, 13))->id, 14);
  assert_int_equal(ring_at(&ring, ring_find(&ring, 14))->id, 16);
  assert_int_equal(ring_find(&ring, 20), ring.next);
  assert_int_equal(ring_find(&ring, 99), ring.next);
  ring_fini(&ring);
}

static void test_keeps_within_its_bytes(void **state) {
  (void)state;
  struct ring ring;
  assert_int_equal(ring_init(&ring, 1000, 1000), 0);
  for (int64_t id = 1; id <= 100; id++) {
    put(&ring, id, "a", 1, "s");
    assert_true(ring.bytes <= 1000);
  }
  assert_true(ring.next - ring.first >= 4 && ring.next - ring.first < 10);
  assert_int_equal(ring_at(&ring, ring.next - 1)->id, 100);
  ring_fini(&ring);
}

/* What is being written to a slow client survives the ring's going on. */
static void test_a_referenced_frame_outlives_its_place(void **state) {
  (void)state;
  struct ring ring;
  assert_int_equal(ring_init(&ring, 2, SIZE_MAX), 0);
  put(&ring, 1, "first", 1, "s");
  struct frame *held = frame_ref(ring_frame(&ring, &encoder, 0, REPRESENTATION_SSE));
  for (int64_t id = 2; id < 10; id++)
    put(&ring, id, "later", 1, "s");
  char text[1024];
  snprintf(text, sizeof text, "%.*s", (int)held->len, held->data);
  assert_ptr_equal(strstr(text, "id: 0123456789abcdef-1\ndata: {\"event\":\"first\","), text);
  assert_string_equal(text + held->len - 2, "\n\n");
  frame_unref(held);
  ring_fini(&ring);
}

static void test_frames_are_made_once(void **state) {
  (void)state;
  struct ring ring;
  assert_int_equal(ring_init(&ring, 2, SIZE_MAX), 0);
  put(&ring, 7, "agent_activity", 1, "s");
  struct frame *named = ring_frame(&ring, &encoder, 0, REPRESENTATION_SSE_NAMED);
  assert_ptr_equal(named, ring_frame(&ring, &encoder, 0, REPRESENTATION_SSE_NAMED));
  const char want[] = "id: 0123456789abcdef-7\nevent: agent_activity\ndata: {";
  assert_memory_equal(named->data, want, sizeof want - 1);
  struct frame *ws = ring_frame(&ring, &encoder, 0, REPRESENTATION_WS);
  assert_int_equal((uint8_t)ws->data[0], 0x81);
  ring_fini(&ring);
}

/* Compressed once for all; what would not become smaller is the plain frame itself. Either way the
   ring knows what it holds. */
static void test_deflated_frames(void **state) {
  (void)state;
  struct ring ring;
  struct figures figures = {0};
  struct encoder deflating;
  assert_int_equal(encoder_init(&deflating, "0123456789abcdef", &figures), 0);
  assert_int_equal(ring_init(&ring, 2, SIZE_MAX), 0);
  put(&ring, 1, "t", 1, "s");
  put(&ring, 2, "a_longer_type_so_that_compression_pays", 1, "a_longer_type_so_that_it_pays");
  size_t bytes = ring.bytes;
  struct frame *tiny = ring_frame(&ring, &deflating, 0, REPRESENTATION_WS);
  assert_true(tiny->len < 200);
  assert_ptr_equal(ring_frame(&ring, &deflating, 0, REPRESENTATION_WS_DEFLATE), tiny);
  struct frame *plain = ring_frame(&ring, &deflating, 1, REPRESENTATION_WS);
  struct frame *small = ring_frame(&ring, &deflating, 1, REPRESENTATION_WS_DEFLATE);
  assert_ptr_equal(ring_frame(&ring, &deflating, 1, REPRESENTATION_WS_DEFLATE), small);
  assert_int_equal((uint8_t)small->data[0], 0xc1);
  assert_true(small->len < plain->len - plain->len / 8);
  assert_int_equal(ring.bytes, bytes + small->len);
  assert_int_equal(figures.deflate_messages, 1);
  assert_true(figures.deflate_output_bytes < figures.deflate_input_bytes);
  ring_reset(&ring, 2);
  assert_int_equal(ring.bytes, 0);
  ring_fini(&ring);
  encoder_fini(&deflating);
}

/* A batch has both forms; one of a single event is the event's own frame. */
static void test_deflated_batches(void **state) {
  (void)state;
  static struct audiences audiences;
  struct ring ring;
  struct figures figures = {0};
  struct encoder deflating;
  struct batch batch = {0};
  assert_int_equal(encoder_init(&deflating, "0123456789abcdef", &figures), 0);
  assert_int_equal(ring_init(&ring, 8, SIZE_MAX), 0);
  struct audience_texts texts = {0};
  struct audience *audience = NULL;
  struct model_problem problem;
  assert_int_equal(audience_get(&audiences, &texts, &audience, &problem), 0);
  put(&ring, 1, "a_longer_type_so_that_compression_pays", 1, "a_longer_type_so_that_it_pays");
  assert_non_null(batch_get(&batch, &audiences, &deflating, audience, &ring, 0, true));
  assert_ptr_equal(batch_frame(&batch, &deflating, REPRESENTATION_WS),
                   ring_frame(&ring, &deflating, 0, REPRESENTATION_WS));
  assert_ptr_equal(batch_frame(&batch, &deflating, REPRESENTATION_WS_DEFLATE),
                   ring_frame(&ring, &deflating, 0, REPRESENTATION_WS_DEFLATE));
  assert_int_equal(figures.deflate_messages, 1);
  for (int64_t id = 2; id <= 5; id++)
    put(&ring, id, "more", 1, "s");
  assert_non_null(batch_get(&batch, &audiences, &deflating, audience, &ring, 0, true));
  assert_int_equal(batch.count, 5);
  struct frame *plain = batch_frame(&batch, &deflating, REPRESENTATION_WS);
  struct frame *small = batch_frame(&batch, &deflating, REPRESENTATION_WS_DEFLATE);
  assert_true(small->len < plain->len / 2);
  assert_ptr_equal(batch_frame(&batch, &deflating, REPRESENTATION_WS_DEFLATE), small);
  assert_int_equal(figures.deflate_messages, 2);
  batch_fini(&batch, &audiences);
  audience_release(&audiences, audience);
  ring_fini(&ring);
  encoder_fini(&deflating);
}

static struct audience *get(struct audiences *audiences, struct audience_texts texts) {
  struct audience *audience = NULL;
  struct model_problem problem;
  assert_int_equal(audience_get(audiences, &texts, &audience, &problem), 0);
  return audience;
}

/* The verdicts' bits must say the same as the conditions themselves, in a ring that turns, for
   audiences that look seldom and at any place. */
static void test_verdicts_agree_with_conditions(void **state) {
  (void)state;
  static struct audiences audiences;
  struct audience *all[] = {
      get(&audiences, (struct audience_texts){0}),
      get(&audiences, (struct audience_texts){.events = slice_of("a*,log")}),
      get(&audiences, (struct audience_texts){.except = slice_of("log")}),
      get(&audiences, (struct audience_texts){.min_severity = slice_of("error")}),
      get(&audiences, (struct audience_texts){.sources = slice_of("web-?")}),
      get(&audiences,
          (struct audience_texts){.only_type = slice_of("log"), .only_source = slice_of("web-1")}),
      get(&audiences, (struct audience_texts){.nothing = true}),
  };
  static const char *const types[] = {"agent_activity", "log", "error_occurred"};
  struct ring ring;
  assert_int_equal(ring_init(&ring, 100, SIZE_MAX), 0);
  srand(1);
  for (int64_t id = 1; id <= 3000; id++) {
    char source[16];
    snprintf(source, sizeof source, "web-%d", rand() % 12);
    put(&ring, id, types[rand() % 3], rand() % 6, source);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
      if (rand() % 50)
        continue;
      uint64_t from = ring.first + (uint64_t)rand() % (ring.next - ring.first + 1), got;
      assert_int_equal(audience_next(all[i], &ring, from, &got), 0);
      uint64_t want = from;
      for (; want < ring.next; want++) {
        struct event view = ring_event_view(ring_at(&ring, want));
        if (audience_wants(all[i], &view))
          break;
      }
      if (got != want)
        fail_msg("audience %zu at id %lld: from %llu found %llu instead of %llu", i, (long long)id,
                 (unsigned long long)from, (unsigned long long)got, (unsigned long long)want);
    }
  }
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    audience_release(&audiences, all[i]);
  ring_fini(&ring);
}

static void test_same_conditions_share_an_audience(void **state) {
  (void)state;
  static struct audiences audiences;
  struct audience *one = get(&audiences, (struct audience_texts){.events = slice_of("a,b")});
  struct audience *same = get(&audiences, (struct audience_texts){.events = slice_of("a,b")});
  struct audience *other = get(&audiences, (struct audience_texts){.sources = slice_of("a,b")});
  assert_ptr_equal(one, same);
  assert_ptr_not_equal(one, other);
  struct audience *wrong = NULL;
  struct model_problem problem = {0};
  const struct audience_texts texts = {.min_severity = slice_of("loud")};
  assert_int_equal(audience_get(&audiences, &texts, &wrong, &problem), BELFRY_EINVAL);
  assert_string_equal(problem.pointer, "min_severity");
  audience_release(&audiences, one);
  audience_release(&audiences, same);
  audience_release(&audiences, other);
  for (size_t i = 0; i < AUDIENCE_BUCKETS; i++)
    assert_null(audiences.buckets[i]);
}

static void test_unsubscribing_takes_patterns_out(void **state) {
  (void)state;
  static struct audiences audiences;
  struct audience_texts texts;
  struct buf scratch;
  buf_init(&scratch, 0);
  struct audience *from = get(
      &audiences, (struct audience_texts){.events = slice_of("a,b,c*"), .except = slice_of("log")});
  audience_without(from, slice_of("b, cat"), &scratch, &texts);
  assert_true(slice_is(texts.events, "a,c*"));
  assert_true(slice_is(texts.except, "log,b,cat"));
  assert_false(texts.nothing);
  audience_without(from, slice_of("a,b,c*"), &scratch, &texts);
  assert_true(texts.nothing);
  audience_release(&audiences, from);
  buf_fini(&scratch);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_keeps_the_newest_by_count),
      cmocka_unit_test(test_keeps_within_its_bytes),
      cmocka_unit_test(test_a_referenced_frame_outlives_its_place),
      cmocka_unit_test(test_frames_are_made_once),
      cmocka_unit_test(test_deflated_frames),
      cmocka_unit_test(test_deflated_batches),
      cmocka_unit_test(test_verdicts_agree_with_conditions),
      cmocka_unit_test(test_same_conditions_share_an_audience),
      cmocka_unit_test(test_unsubscribing_takes_patterns_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
