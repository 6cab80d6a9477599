/* lib/history/query: lists of events, against a list made the plain way. */
#include "tests/unit/history/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Enough that windows of time are read in each of the ways that there are: through the index, by a
 * scan, and by a scan that jumps. */
#define EVENTS 30000

static char dir[64];
static struct history_writer *writer;
static struct history *history;
static struct belfry_error error;

static int64_t stamps[EVENTS + 1];
static int severities[EVENTS + 1];
static const char *const types[] = {"log", "agent_activity", "error_occurred"};

static unsigned random_state = 7;
static unsigned next_random(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

static const char *type_of(int64_t id) {
  return types[id % 3];
}

static int setup(void **state) {
  (void)state;
  char id[16], data[64];
  fixture_make_dir(dir);
  writer = fixture_writer(dir);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (int i = 1; i <= EVENTS; i++) {
    snprintf(id, sizeof id, "e%d", i);
    snprintf(data, sizeof data, "{\"message\":\"number %d\"}", i);
    /* Mostly in order of time; some come late. */
    stamps[i] = 1000000 + i * 10 - (next_random() % 50 == 0 ? (int)(next_random() % 100000) : 0);
    if (stamps[i] < 1)
      stamps[i] = 1;
    struct event event = fixture_event(id, type_of(i), stamps[i], data);
    event.severity = severities[i] = (int)(next_random() % 6);
    assert_int_equal(history_writer_event(writer, &event, &error), 0);
    assert_int_equal(event.id, i);
  }
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

struct found {
  int64_t ids[EVENTS];
  uint32_t count;
};

static int on_event(void *arg, const struct event *event) {
  struct found *found = arg;
  char data[64], id[16];
  snprintf(id, sizeof id, "e%d", (int)event->id);
  snprintf(data, sizeof data, "{\"message\":\"number %d\"}", (int)event->id);
  if (event->timestamp_ms != stamps[event->id] || event->severity != severities[event->id] ||
      !slice_is(event->type, type_of(event->id)) || !slice_is(event->source, "test") ||
      !slice_is(event->event_id, id) || !slice_is(event->data, data) ||
      event->origin != HISTORY_ORIGIN_FCGI || event->received_ms < event->timestamp_ms)
    fail_msg("event %d is not what was stored", (int)event->id);
  found->ids[found->count++] = event->id;
  return 0;
}

static bool wanted(const struct event_query *query, int64_t id) {
  struct event event = {.id = id,
                        .timestamp_ms = stamps[id],
                        .severity = severities[id],
                        .type = slice_of(type_of(id)),
                        .source = slice_of("test")};
  char data[64];
  snprintf(data, sizeof data, "{\"message\":\"number %d\"}", (int)id);
  event.data = slice_of(data);
  return id > query->after && (!query->before || id < query->before) &&
         event_filter_match(&query->filter, &event);
}

static void check(const struct event_query *query) {
  static struct found found;
  struct event_page page;
  found.count = 0;
  error = (struct belfry_error){0};
  if (history_events(history, query, on_event, &found, &page, &error))
    fail_msg("the query fails: %s", error.text);
  assert_int_equal(page.count, found.count);
  assert_false(page.partial);
  uint32_t n = 0;
  int64_t id = query->newest_first ? EVENTS : 1, step = query->newest_first ? -1 : 1;
  int64_t last = 0;
  for (; id >= 1 && id <= EVENTS && n < query->limit; id += step) {
    if (!wanted(query, id))
      continue;
    if (n >= found.count || found.ids[n] != id)
      fail_msg("event %d is missing (from %d to %d, after %d, before %d, newest first %d)", (int)id,
               (int)query->filter.from_ms, (int)query->filter.to_ms, (int)query->after,
               (int)query->before, query->newest_first);
    last = id;
    n++;
  }
  assert_int_equal(n, found.count);
  if (page.more) {
    assert_int_equal(found.count, query->limit);
    assert_int_equal(page.scanned, last);
  } else if (query->newest_first) {
    assert_int_equal(page.scanned, query->after + 1);
  } else {
    assert_int_equal(page.scanned, query->before ? query->before - 1 : EVENTS);
  }
}

static void test_against_the_plain_way(void **state) {
  (void)state;
  for (int round = 0; round < 400; round++) {
    struct event_query query = {.limit = 1 + next_random() % 300,
                                .newest_first = next_random() % 2};
    if (next_random() % 3 == 0)
      query.limit = EVENTS;
    if (next_random() % 2)
      query.after = next_random() % EVENTS;
    if (next_random() % 2) {
      query.before = 1 + next_random() % EVENTS;
      if (query.before <= query.after)
        query.after = 0;
    }
    if (next_random() % 2)
      query.filter.from_ms = 1000000 + next_random() % (EVENTS * 10);
    if (next_random() % 2)
      query.filter.to_ms =
          (query.filter.from_ms ? query.filter.from_ms : 1000000) + next_random() % (EVENTS * 12);
    if (next_random() % 3 == 0)
      query.filter.severities = next_random() % 63 + 1;
    if (next_random() % 3 == 0) {
      query.filter.types[0] = slice_of(types[next_random() % 3]);
      query.filter.type_count = 1;
    }
    if (next_random() % 5 == 0)
      query.filter.text = slice_of("NUMBER 77");
    check(&query);
  }
}

static void test_pages_give_everything_once(void **state) {
  (void)state;
  for (int newest_first = 0; newest_first < 2; newest_first++) {
    struct event_query query = {.limit = 997, .newest_first = newest_first};
    struct event_page page;
    static struct found found;
    int64_t total = 0, sum = 0;
    do {
      found.count = 0;
      assert_int_equal(history_events(history, &query, on_event, &found, &page, &error), 0);
      for (uint32_t i = 0; i < found.count; i++)
        sum += found.ids[i];
      total += found.count;
      if (newest_first)
        query.before = page.scanned;
      else
        query.after = page.scanned;
    } while (page.more);
    assert_int_equal(total, EVENTS);
    assert_int_equal(sum, (int64_t)EVENTS * (EVENTS + 1) / 2);
  }
}

/* A follower's cursor moves past what its filter leaves out. */
static void test_following_with_a_filter_that_matches_nothing(void **state) {
  (void)state;
  static struct found found;
  struct event_page page;
  struct event_query query = {
      .limit = 10, .after = 5, .filter = {.types = {slice_of("none")}, .type_count = 1}};
  found.count = 0;
  assert_int_equal(history_events(history, &query, on_event, &found, &page, &error), 0);
  assert_int_equal(found.count, 0);
  assert_false(page.more);
  assert_int_equal(page.scanned, EVENTS);
  query.after = EVENTS;
  assert_int_equal(history_events(history, &query, on_event, &found, &page, &error), 0);
  assert_int_equal(page.scanned, EVENTS);
}

static int stop_at_third(void *arg, const struct event *event) {
  (void)event;
  return ++*(int *)arg == 3 ? 42 : 0;
}

static void test_a_callback_can_end_the_query(void **state) {
  (void)state;
  int seen = 0;
  struct event_page page;
  struct event_query query = {.limit = 10};
  assert_int_equal(history_events(history, &query, stop_at_third, &seen, &page, &error), 42);
  assert_int_equal(seen, 3);
  assert_int_equal(page.scanned, 3);
  /* And the handle is as good as before. */
  static struct found found;
  found.count = 0;
  assert_int_equal(history_events(history, &query, on_event, &found, &page, &error), 0);
  assert_int_equal(found.count, 10);
}

/* A budget that is too short gives a part, and where to go on. The clock is the system's, so
 * how far each part gets is not told; only that the parts make the whole. */
static void test_a_budget_gives_parts_that_make_the_whole(void **state) {
  (void)state;
  static struct found found;
  struct event_page page;
  struct event_query query = {
      .limit = EVENTS, .budget_ms = 1, .filter = {.text = slice_of("number 2999*")}};
  found.count = 0;
  bool was_partial;
  int parts = 0;
  do {
    assert_int_equal(history_events(history, &query, on_event, &found, &page, &error), 0);
    was_partial = page.partial;
    assert_true(!page.partial || page.more);
    assert_true(page.scanned >= query.after);
    query.after = page.scanned;
    if (page.scanned == 0)
      query.budget_ms *= 2; /* on a machine this busy a millisecond is nothing */
    parts++;
  } while (was_partial && parts < 100000);
  assert_int_equal(found.count, 11); /* 2999 and 29990 to 29999 */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_the_plain_way),
      cmocka_unit_test(test_pages_give_everything_once),
      cmocka_unit_test(test_following_with_a_filter_that_matches_nothing),
      cmocka_unit_test(test_a_callback_can_end_the_query),
      cmocka_unit_test(test_a_budget_gives_parts_that_make_the_whole),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
