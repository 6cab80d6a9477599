/*
 * lib/history/keeper: sealed history against a plain list of what was acknowledged. Events are
 * appended (some twice), sealed, days go by and are finished, the writer starts anew, files are
 * damaged; whatever is asked then is answered as the list answers it.
 */
#include "history/keeper.h"
#include "history/words.h"
#include "tests/unit/history/fixture.h"
#include "tests/unit/history/keeping.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define EVENTS 14000
#define DAY_MS INT64_C(86400000)
#define T0     (INT64_C(1795132800) * 1000 + 3600000) /* an hour into a day */

static char dir[64];
static struct history_writer *writer;
static struct history *history;
static struct history_keeper *keeper;
static struct belfry_error error;

/* --- what was acknowledged --- */

static struct stored {
  char id[24], data[160];
  int64_t timestamp_ms, received_ms;
  int severity;
  const char *type, *source;
} list[EVENTS + 1]; /* by id */
static int64_t count;

static const char *const types[] = {"log", "agent_activity", "error_occurred", "health_changed"};
static const char *const sources[] = {"web", "db", "bot-7"};
static const char *const words[] = {"alpha",    "Beta",     "foo_bar",         "a-b",
                                    "10.0.0.5", "time out", "\\u00e9t\\u00e9", "x\\ny",
                                    "gamma",    "0x1f",     "GET /a/b",        "rare"};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static unsigned random_state = 11;
static unsigned next_random(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

/* --- a clock that is set --- */

static int64_t now_ms = T0;
static const struct keeping_clock test_clock = KEEPING_CLOCK(&now_ms);

/* --- doing --- */

static struct event event_of(const struct stored *stored) {
  return (struct event){.timestamp_ms = stored->timestamp_ms,
                        .received_ms = stored->received_ms,
                        .severity = stored->severity,
                        .type = slice_of(stored->type),
                        .source = slice_of(stored->source),
                        .event_id = slice_of(stored->id),
                        .data = slice_of(stored->data),
                        .origin = HISTORY_ORIGIN_FCGI};
}

static void append_one(void) {
  struct stored *stored = &list[count + 1];
  snprintf(stored->id, sizeof stored->id, "e%d", (int)count + 1);
  const char *rare = words[next_random() % (next_random() % 50 ? COUNT(words) - 1 : COUNT(words))];
  snprintf(stored->data, sizeof stored->data,
           "{\"message\":\"%s %s number %d\",\"attributes\":{\"n\":%d,\"rare\":true}}", rare,
           words[next_random() % (COUNT(words) - 1)], (int)count + 1, next_random() % 1000);
  stored->received_ms = now_ms;
  stored->timestamp_ms = now_ms - (next_random() % 20 ? 0 : next_random() % (2 * DAY_MS));
  stored->severity = (int)(next_random() % 6);
  stored->type = types[next_random() % (next_random() % 8 ? 2 : COUNT(types))];
  stored->source = sources[next_random() % COUNT(sources)];
  struct event event = event_of(stored);
  assert_int_equal(history_writer_event(writer, &event, &error), 0);
  count++;
  assert_int_equal(event.id, count);
}

/* One of the day before at most is sent again, and known. */
static void append_again(void) {
  int64_t id = count - next_random() % 3000;
  if (id < 1 || list[id].received_ms < now_ms - DAY_MS)
    return;
  struct event event = event_of(&list[id]);
  event.received_ms = now_ms;
  assert_int_equal(history_writer_event(writer, &event, &error), 0);
  if (event.id != 0)
    fail_msg("event %d is stored twice", (int)id);
}

static void append(int64_t more) {
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (; more > 0 && count < EVENTS; more--) {
    now_ms += next_random() % 2000;
    append_one();
    if (next_random() % 20 == 0)
      append_again();
  }
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
}

static void open_keeper(void) {
  const struct history_keeper_options options = {.hot_events = 700};
  keeper = keeping_open(dir, &options, &test_clock.clock, writer);
}

static void step(int most) {
  keeping_steps(keeper, most);
}

static void start_anew(void) {
  history_keeper_close(keeper);
  history_writer_close(writer);
  writer = fixture_writer(dir);
  open_keeper();
}

/* --- asking --- */

static int64_t found[EVENTS + 1];
static int64_t found_count;

static int on_event(void *arg, const struct event *event) {
  (void)arg;
  const struct stored *stored = &list[event->id];
  if (event->timestamp_ms != stored->timestamp_ms || event->received_ms != stored->received_ms ||
      event->severity != stored->severity || !slice_is(event->type, stored->type) ||
      !slice_is(event->source, stored->source) || !slice_is(event->event_id, stored->id) ||
      !slice_is(event->data, stored->data) || event->origin != HISTORY_ORIGIN_FCGI)
    fail_msg("event %d is not what was stored", (int)event->id);
  found[found_count++] = event->id;
  return 0;
}

static bool wanted(const struct event_query *query, int64_t id) {
  struct event event = event_of(&list[id]);
  return id > query->after && (!query->before || id < query->before) &&
         event_filter_match(&query->filter, &event);
}

/* Follows the pages of a query to their end. */
static void check(struct event_query query) {
  struct event_page page = {.more = true};
  const struct event_query asked = query;
  int64_t id = query.newest_first ? count + 1 : 0, step_by = query.newest_first ? -1 : 1;
  while (page.more) {
    found_count = 0;
    if (history_events(history, &query, on_event, NULL, &page, &error))
      fail_msg("the query fails: %s", error.text);
    assert_false(page.partial);
    assert_true(found_count <= query.limit);
    for (int64_t i = 0; i < found_count; i++) {
      do
        id += step_by;
      while (id >= 1 && id <= count && !wanted(&asked, id));
      if (found[i] != id)
        fail_msg("event %d is given where %d should be (text '%.*s', newest first %d)",
                 (int)found[i], (int)id, SLICE_ARG(asked.filter.text), asked.newest_first);
    }
    if (query.newest_first)
      query.before = page.scanned;
    else
      query.after = page.scanned;
  }
  for (id += step_by; id >= 1 && id <= count; id += step_by)
    if (wanted(&asked, id))
      fail_msg("event %d is missing (text '%.*s', newest first %d)", (int)id,
               SLICE_ARG(asked.filter.text), asked.newest_first);
}

static void check_random(void) {
  static const char *const texts[] = {
      "alpha",      "ALPHA beta",     "foo_bar", "foo",          "a-b",         "10.0.0.5",
      "0.5",        "\"time out\"",   "time",    "-alpha",       "alpha -beta", "\xc3\xa9t\xc3\xa9",
      "y",          "\"x\ny\"",       "gam*",    "\"get /a/b\"", "rare",        "number 1*",
      "rare alpha", "-rare 10.0.0.*", "nowhere", "true",         "attributes",  "-"};
  struct event_query query = {.limit = 1 + next_random() % 500, .newest_first = next_random() % 2};
  if (next_random() % 3 == 0)
    query.after = next_random() % (count + 2);
  if (next_random() % 3 == 0)
    query.before = 1 + next_random() % (count + 2);
  if (next_random() % 3 == 0)
    query.filter.from_ms = T0 + (int64_t)next_random() % (now_ms - T0);
  if (next_random() % 3 == 0)
    query.filter.to_ms = T0 + (int64_t)next_random() % (now_ms - T0);
  if (next_random() % 4 == 0)
    query.filter.severities = next_random() % 63 + 1;
  if (next_random() % 4 == 0)
    query.filter.types[query.filter.type_count++] = slice_of(types[next_random() % COUNT(types)]);
  if (next_random() % 8 == 0)
    query.filter.not_types[query.filter.not_type_count++] = slice_of("agent_*");
  if (next_random() % 4 == 0)
    query.filter.sources[query.filter.source_count++] = slice_of("b*");
  if (next_random() % 2)
    query.filter.text = slice_of(texts[next_random() % COUNT(texts)]);
  check(query);
}

static void check_each_by_id(void) {
  for (int i = 0; i < 50; i++) {
    int64_t id = 1 + next_random() % count;
    check((struct event_query){.after = id - 1, .before = id + 1, .limit = 1});
  }
}

static int files(char names[][64], int most) {
  char path[96];
  int n = 0;
  snprintf(path, sizeof path, "%s/segments", dir);
  DIR *folder = opendir(path);
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder)) && n < most;)
    if (entry->d_name[0] != '.')
      snprintf(names[n++], 64, "%.63s", entry->d_name);
  closedir(folder);
  return n;
}

/* --- the tests --- */

static int setup(void **state) {
  (void)state;
  fixture_make_dir(dir);
  count = 0;
  now_ms = T0;
  writer = fixture_writer(dir);
  history = fixture_reader(dir);
  open_keeper();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  history_keeper_close(keeper);
  history_close(history);
  history_writer_close(writer);
  fixture_remove_dir(dir);
  return 0;
}

static void test_whatever_is_asked_is_answered_as_by_a_list(void **state) {
  (void)state;
  struct history_position position;
  char names[64][64];
  while (count < EVENTS) {
    append(1 + next_random() % 900);
    if (next_random() % 3)
      step((int)(next_random() % 12));
    if (next_random() % 4 == 0) {
      now_ms += DAY_MS / 3;
      step(1000);
    }
    if (next_random() % 10 == 0)
      start_anew();
    for (int i = 0; i < 25; i++)
      check_random();
  }
  step(100000);
  start_anew();
  for (int i = 0; i < 500; i++)
    check_random();
  check_each_by_id();
  assert_int_equal(history_position(history, &position, &error), 0);
  assert_int_equal(position.oldest, 1);
  assert_int_equal(position.head, count);
  /* Days that are over are files without a log. */
  int n = files(names, 64), finished = 0;
  for (int i = 0; i < n; i++)
    finished += strstr(names[i], "-2.db") != NULL;
  assert_true(finished >= 2);
  assert_true(n <= finished + 6);
}

static void test_nothing_is_sealed_before_it_has_to_be(void **state) {
  (void)state;
  struct history_keeper_figures figures;
  append(700 + 1023);
  step(10);
  history_keeper_figures(keeper, &figures);
  assert_int_equal(figures.events, 0);
  append(2);
  step(10);
  history_keeper_figures(keeper, &figures);
  assert_int_equal(figures.events, 1024);
  /* When the day is over, all but the newest. */
  now_ms += 2 * DAY_MS;
  step(10);
  history_keeper_figures(keeper, &figures);
  assert_int_equal(figures.events, count - 1);
}

static void test_orphans_are_removed_and_other_files_stay(void **state) {
  (void)state;
  static const char *const gone[] = {"events-2020-01-01-1.db", "events-2020-01-01-1.db-wal",
                                     "events-2020-01-01-1.db-shm"};
  char path[128];
  append(4000);
  step(100);
  for (size_t i = 0; i < COUNT(gone); i++) {
    snprintf(path, sizeof path, "%s/segments/%s", dir, gone[i]);
    close(open(path, O_CREAT | O_WRONLY, 0600));
  }
  snprintf(path, sizeof path, "%s/segments/notes.txt", dir);
  close(open(path, O_CREAT | O_WRONLY, 0600));
  start_anew();
  assert_int_equal(access(path, F_OK), 0);
  for (size_t i = 0; i < COUNT(gone); i++) {
    snprintf(path, sizeof path, "%s/segments/%s", dir, gone[i]);
    assert_int_not_equal(access(path, F_OK), 0);
  }
  check((struct event_query){.limit = EVENTS});
}

/* A budget that is too short gives parts that make the whole, over blocks and files. */
static void test_parts_make_the_whole(void **state) {
  (void)state;
  struct event_page page = {.more = true};
  append(9000);
  step(1000);
  for (int newest_first = 0; newest_first < 2; newest_first++) {
    struct event_query query = {.limit = EVENTS,
                                .budget_ms = 1,
                                .newest_first = newest_first,
                                .filter = {.text = slice_of("-alpha")}};
    found_count = 0;
    page.more = true;
    while (page.more) {
      assert_int_equal(history_events(history, &query, on_event, NULL, &page, &error), 0);
      if (newest_first)
        query.before = page.scanned;
      else
        query.after = page.scanned;
    }
    int64_t expected = 0;
    for (int64_t id = 1; id <= count; id++)
      expected += wanted(&(struct event_query){.filter = query.filter}, id);
    assert_int_equal(found_count, expected);
  }
}

/* A reader that is in the middle of it sees one moment. */
static void test_a_held_moment_stays(void **state) {
  (void)state;
  append(6000);
  step(3);
  int64_t then = count;
  assert_int_equal(history_begin(history, &error), 0);
  struct event_query query = {.limit = EVENTS};
  struct event_page page;
  found_count = 0;
  assert_int_equal(history_events(history, &query, on_event, NULL, &page, &error), 0);
  assert_int_equal(found_count, then);
  append(3000);
  step(1000);
  found_count = 0;
  assert_int_equal(history_events(history, &query, on_event, NULL, &page, &error), 0);
  assert_int_equal(found_count, then);
  history_end(history);
  check(query);
}

/* What is damaged is told; the rest is read. */
static void test_bits_that_flipped(void **state) {
  (void)state;
  char path[192], names[64][64];
  append(8000);
  now_ms += 2 * DAY_MS;
  step(1000);
  append(1500);
  step(1000);
  history_close(history);
  int n = files(names, 64);
  for (int i = 0; i < n; i++) {
    if (!strstr(names[i], "-2.db"))
      continue;
    snprintf(path, sizeof path, "%s/segments/%.63s", dir, names[i]);
    int fd = open(path, O_RDWR);
    struct stat info;
    fstat(fd, &info);
    for (int64_t at = 40000; at < info.st_size; at += 50000) {
      char byte;
      assert_int_equal(pread(fd, &byte, 1, at), 1);
      byte ^= 4;
      assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
  }
  history = fixture_reader(dir);
  struct event_query query = {.limit = EVENTS};
  struct event_page page = {.more = true};
  found_count = 0;
  while (page.more) {
    assert_int_equal(history_events(history, &query, on_event, NULL, &page, &error), 0);
    query.after = page.scanned;
  }
  assert_true(page.partial && page.damaged);
  assert_true(found_count < count && found_count > 0);
  assert_int_equal(found[found_count - 1], count);
}

/* A file that somebody cut off, and one that is gone. */
static void test_torn_and_missing_files(void **state) {
  (void)state;
  char path[192], names[64][64];
  struct event_page page;
  struct event_query query = {.limit = EVENTS};
  for (int gone = 0; gone < 2; gone++) {
    append(3000);
    now_ms += 2 * DAY_MS;
    step(1000);
    append(1500);
    step(1000);
    int n = files(names, 64);
    history_close(history);
    for (int i = 0; i < n; i++) {
      if (!strstr(names[i], "-2.db"))
        continue;
      snprintf(path, sizeof path, "%s/segments/%.63s", dir, names[i]);
      assert_int_equal(gone ? unlink(path) : truncate(path, 20000), 0);
    }
    history = fixture_reader(dir);
    found_count = 0;
    assert_int_equal(history_events(history, &query, on_event, NULL, &page, &error), 0);
    assert_true(page.damaged);
    assert_int_equal(found[found_count - 1], count);
    /* And the keeper goes on. */
    start_anew();
    append(2500);
    step(1000);
  }
}

/* The open file is taken away: what it held is lost, what comes is sealed into another. */
static void test_the_open_file_is_taken_away(void **state) {
  (void)state;
  char path[192], names[64][64];
  struct event_page page;
  append(5000);
  step(1000);
  history_keeper_close(keeper);
  int n = files(names, 64);
  for (int i = 0; i < n; i++) {
    snprintf(path, sizeof path, "%s/segments/%.63s", dir, names[i]);
    unlink(path);
  }
  open_keeper();
  append(3000);
  step(1000);
  found_count = 0;
  assert_int_equal(history_events(history, &(struct event_query){.limit = EVENTS}, on_event, NULL,
                                  &page, &error),
                   0);
  assert_true(page.damaged);
  assert_true(found_count > 3000);
  assert_int_equal(found[found_count - 1], count);
}

/* --- words --- */

static void test_words_are_those_of_grep(void **state) {
  (void)state;
  static const struct {
    const char *search, *message;
    bool found;
  } rows[] = {
      {"10.0.0.5", "from 10.0.0.5 port", true},
      {"10.0.0.5", "from 10.0.0.55", false},
      {"10.0.0.5", "from 110.0.0.5", false},
      {"10.0.0.5", "10.0.0.5:80", true},
      {"foo_bar", "a foo_bar b", true},
      {"foo", "a foo_bar b", false},
      {"bar", "foo-bar", true},
      {"a-b", "x a-b y", true},
      {"a-b", "x a b y", false},
      {"GET", "get /", true},
      {"/api", "GET /api/x", true},
      {"/api", "GET /apix", false},
      {"caf\xc3\xa9", "un caf\xc3\xa9 noir", true},
      {"caf", "un caf\xc3\xa9 noir", false},
      {"\"time out\"", "a time out!", true},
      {"\"time out\"", "a time outside", false},
      {"tim*", "a time", true},
      {"-time", "a time", false},
      {"-tim", "a time", true},
      {"...", "wait...", true},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char json[128];
    snprintf(json, sizeof json, "{\"message\":\"%s\"}", rows[i].message);
    if (words_match(slice_of(rows[i].search), slice_of(json)) != rows[i].found)
      fail_msg("'%s' is %s in '%s'", rows[i].search, rows[i].found ? "not found" : "found",
               rows[i].message);
  }
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_whatever_is_asked_is_answered_as_by_a_list),
      TEST(test_nothing_is_sealed_before_it_has_to_be),
      TEST(test_orphans_are_removed_and_other_files_stay),
      TEST(test_parts_make_the_whole),
      TEST(test_a_held_moment_stays),
      TEST(test_bits_that_flipped),
      TEST(test_torn_and_missing_files),
      TEST(test_the_open_file_is_taken_away),
      cmocka_unit_test(test_words_are_those_of_grep),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
