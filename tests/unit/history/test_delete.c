/*
 * Deletions against a plain list: events are appended, sealed, deleted by source, severity and
 * time, days go by, the writer starts anew. From the moment of a deletion nobody is shown what it
 * is about; in the end its text is in no file any more, and what is sent again is still known.
 */
#include "history/keeper.h"
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

#define EVENTS 9000
#define DAY_MS INT64_C(86400000)
#define T0     (INT64_C(1795132800) * 1000 + 3600000) /* an hour into a day */

static char dir[64];
static struct history_writer *writer;
static struct history *history;
static struct history_keeper *keeper;
static struct belfry_error error;

static struct stored {
  char id[24], data[160];
  int64_t timestamp_ms, received_ms;
  int severity;
  const char *type, *source;
  bool deleted;
} list[EVENTS + 1]; /* by id */
static int64_t count;
static bool only_logs;

static const char *const sources[] = {"web", "db", "bot-7", "recovery:web"};

static unsigned random_state = 3;
static unsigned next_random(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

static int64_t now_ms;
static const struct keeping_clock test_clock = KEEPING_CLOCK(&now_ms);

/* --- doing --- */

static struct event event_of(int64_t id) {
  const struct stored *stored = &list[id];
  return (struct event){.id = id,
                        .timestamp_ms = stored->timestamp_ms,
                        .received_ms = stored->received_ms,
                        .severity = stored->severity,
                        .type = slice_of(stored->type),
                        .source = slice_of(stored->source),
                        .event_id = slice_of(stored->id),
                        .data = slice_of(stored->data),
                        .origin = HISTORY_ORIGIN_FCGI};
}

/* A text that is in no other event, nor in anything that is made of it. */
static void secret_of(int64_t id, char text[static 24]) {
  snprintf(text, 24, "secret-%06d-x", (int)id);
}

static void append(int64_t more) {
  char secret[24];
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (; more > 0 && count < EVENTS; more--) {
    struct stored *stored = &list[++count];
    now_ms += next_random() % 3000;
    secret_of(count, secret);
    snprintf(stored->id, sizeof stored->id, "e%d", (int)count);
    snprintf(stored->data, sizeof stored->data, "{\"message\":\"%s and %u words beside it\"}",
             secret, next_random());
    stored->received_ms = now_ms;
    stored->timestamp_ms = now_ms - (next_random() % 10 ? 0 : next_random() % DAY_MS);
    stored->severity = (int)(next_random() % 6);
    stored->type = only_logs || next_random() % 4 ? "log" : "agent_activity";
    stored->source = sources[next_random() % 4];
    struct event event = event_of(count);
    assert_int_equal(history_writer_event(writer, &event, &error), 0);
    assert_int_equal(event.id, count);
  }
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
}

static int mutate(enum history_origin origin, const char *globs, int64_t severities,
                  int64_t from_ms, int64_t to_ms, int64_t *changed) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("sources", slice_of(globs)),
      HISTORY_VALUE_INTEGER("severities", severities), HISTORY_VALUE_INTEGER("from", from_ms),
      HISTORY_VALUE_INTEGER("to", to_ms), HISTORY_VALUE_INTEGER("now", now_ms)};
  return history_writer_mutate(writer, slice_of("deletion_insert"), origin, values, 5, changed,
                               &error);
}

/* Deletes, in the history and in the list. */
static void delete_some(const char *globs, int64_t severities, int64_t from_ms, int64_t to_ms) {
  int64_t changed = 0;
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  assert_int_equal(mutate(HISTORY_ORIGIN_FCGI, globs, severities, from_ms, to_ms, &changed), 0);
  assert_int_equal(changed, 1);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  for (int64_t id = 1; id <= count; id++) {
    struct slice rest = slice_of(globs), glob;
    bool source = rest.len == 0;
    while (!source && slice_split(&rest, '\n', &glob))
      source = slice_glob(glob, slice_of(list[id].source));
    if (strcmp(list[id].type, "log") == 0 && source &&
        (!severities || severities & 1 << list[id].severity) && list[id].timestamp_ms >= from_ms &&
        (!to_ms || list[id].timestamp_ms < to_ms))
      list[id].deleted = true;
  }
}

static void delete_at_random(void) {
  static const char *const globs[] = {"", "web", "db\nbot-*", "recovery:*", "nobody"};
  int64_t from_ms = next_random() % 2 ? 0 : T0 + (int64_t)next_random() % (now_ms - T0 + 1);
  int64_t to_ms = next_random() % 2 ? 0 : T0 + (int64_t)next_random() % (now_ms - T0 + 1);
  delete_some(globs[next_random() % 5], next_random() % 2 ? next_random() % 64 : 0, from_ms, to_ms);
}

static void open_keeper(void) {
  const struct history_keeper_options options = {.hot_events = 500};
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

static int64_t last_id; /* given, in the order of the query */
static bool brief;

static bool wanted(const struct event_query *query, int64_t id) {
  struct event event = event_of(id);
  return !list[id].deleted && event_filter_match(&query->filter, &event);
}

static int on_event(void *arg, const struct event *event) {
  const struct event_query *query = arg;
  int64_t id = last_id, by = query->newest_first ? -1 : 1;
  do
    id += by;
  while (id >= 1 && id <= count && !wanted(query, id));
  if (event->id != id)
    fail_msg("event %d is given where %d should be", (int)event->id, (int)id);
  if (!brief && !slice_is(event->data, list[id].data))
    fail_msg("event %d is not what was stored", (int)id);
  last_id = id;
  return 0;
}

static void check(struct event_query query) {
  struct event_page page;
  query.limit = EVENTS;
  brief = query.brief;
  last_id = query.newest_first ? count + 1 : 0;
  if (history_events(history, &query, on_event, &query, &page, &error))
    fail_msg("the query fails: %s", error.text);
  assert_false(page.partial || page.more);
  int64_t by = query.newest_first ? -1 : 1;
  for (int64_t id = last_id + by; id >= 1 && id <= count; id += by)
    if (wanted(&query, id))
      fail_msg("event %d is missing", (int)id);
}

static void check_all(void) {
  for (int i = 0; i < 4; i++)
    check((struct event_query){.newest_first = i & 1, .brief = i & 2});
  check((struct event_query){.filter = {.text = slice_of("words secret*")}});
  check((struct event_query){.filter = {.sources = {slice_of("w*")}, .source_count = 1}});
  check((struct event_query){.filter = {.severities = 9, .from_ms = T0 + DAY_MS}, .brief = true});
}

/* --- what is on the disk --- */

static bool file_holds(const char *path, const char *text) {
  int fd = open(path, O_RDONLY);
  struct stat info;
  assert_true(fd >= 0 && fstat(fd, &info) == 0);
  char *bytes = malloc((size_t)info.st_size + 1);
  assert_int_equal(read(fd, bytes, (size_t)info.st_size), info.st_size);
  bool found = memmem(bytes, (size_t)info.st_size, text, strlen(text)) != NULL;
  free(bytes);
  close(fd);
  return found;
}

/* How many of the deleted texts stand in hot.db or its log as they are. */
static int left_in_clear(void) {
  char path[96], secret[24];
  int left = 0;
  for (int wal = 0; wal < 2; wal++) {
    snprintf(path, sizeof path, "%s/hot.db%s", dir, wal ? "-wal" : "");
    for (int64_t id = 1; id <= count; id++) {
      secret_of(id, secret);
      left += list[id].deleted && file_holds(path, secret);
    }
  }
  return left;
}

static int64_t pending(void) {
  struct history_keeper_figures figures;
  history_keeper_figures(keeper, &figures);
  return figures.deletions;
}

/* --- the tests --- */

static int setup(void **state) {
  (void)state;
  fixture_make_dir(dir);
  memset(list, 0, sizeof list);
  count = 0;
  only_logs = false;
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

static void test_nobody_is_shown_what_was_deleted(void **state) {
  (void)state;
  struct history_position before, after;
  while (count < EVENTS) {
    append(1 + next_random() % 900);
    if (next_random() % 3)
      step((int)(next_random() % 12));
    assert_int_equal(history_position(history, &before, &error), 0);
    if (next_random() % 2) {
      delete_at_random();
      assert_int_equal(history_position(history, &after, &error), 0);
      assert_int_equal(after.deletion, before.deletion + 1);
    }
    check_all();
    step((int)(next_random() % 30));
    check_all();
    if (next_random() % 5 == 0) {
      now_ms += DAY_MS / 2;
      step(1000);
      check_all();
    }
    if (next_random() % 6 == 0)
      start_anew();
  }
  append(1);
  step(100000);
  check_all();
  step(1); /* looks at what is left */
  assert_int_equal(pending(), 0);
  start_anew();
  check_all();
}

static void test_the_text_is_gone_and_the_ids_are_known(void **state) {
  (void)state;
  append(6000);
  step(1000);
  now_ms += 2 * DAY_MS;
  append(600);
  step(1000);
  delete_some("web\nrecovery:*", 0, 0, 0);
  int64_t gone = 0;
  for (int64_t id = 1; id <= count; id++)
    gone += list[id].deleted;
  assert_true(left_in_clear() > 0);
  step(100000);
  step(1);
  assert_int_equal(pending(), 0);
  struct history_keeper_figures figures;
  history_keeper_figures(keeper, &figures);
  assert_int_equal(figures.deleted, gone);
  assert_int_equal(left_in_clear(), 0);
  /* Sealed blocks are compressed: what they hold is seen by reading them without the tombstone,
     which is forgotten. */
  check_all();
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (int64_t id = 1; id <= count; id++) {
    struct event event = event_of(id);
    if (list[id].received_ms < now_ms - DAY_MS)
      continue;
    assert_int_equal(history_writer_event(writer, &event, &error), 0);
    if (event.id)
      fail_msg("event %d is stored again", (int)id);
  }
  history_writer_abandon_group(writer);
}

static int sealed_files(void) {
  char path[96];
  int files = 0;
  snprintf(path, sizeof path, "%s/segments", dir);
  DIR *folder = opendir(path);
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder));)
    files += strncmp(entry->d_name, "events-", 7) == 0 && strstr(entry->d_name, ".db") &&
             !strstr(entry->d_name, "-wal") && !strstr(entry->d_name, "-shm");
  closedir(folder);
  return files;
}

/* A file of which nothing stays goes as a whole. */
static void test_a_day_of_nothing_else(void **state) {
  (void)state;
  only_logs = true;
  append(3000);
  now_ms += 2 * DAY_MS;
  append(3);
  step(1000);
  assert_int_equal(sealed_files(), 1);
  delete_some("", 0, 0, now_ms - DAY_MS);
  step(100000);
  assert_int_equal(sealed_files(), 0);
  check_all();
}

static void test_only_the_api_may_and_only_so_many(void **state) {
  (void)state;
  int64_t changed = 0;
  append(10);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  assert_int_equal(mutate(HISTORY_ORIGIN_WATCHD, "", 0, 0, 0, &changed), BELFRY_EDENIED);
  for (int i = 0; i < 64; i++) {
    assert_int_equal(mutate(HISTORY_ORIGIN_FCGI, "nobody", 0, 0, 0, &changed), 0);
    assert_int_equal(changed, 1);
  }
  assert_int_equal(mutate(HISTORY_ORIGIN_FCGI, "nobody", 0, 0, 0, &changed), 0);
  assert_int_equal(changed, 0);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  step(100000);
  step(1);
  assert_int_equal(pending(), 0);
  check_all();
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_nobody_is_shown_what_was_deleted),
      TEST(test_the_text_is_gone_and_the_ids_are_known),
      TEST(test_a_day_of_nothing_else),
      TEST(test_only_the_api_may_and_only_so_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
