/* A history in a folder of its own. */
#include "tests/unit/history/fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

void fixture_make_dir(char dir[static 64]) {
  const char *parent = getenv("TMPDIR");
  int len = snprintf(dir, 64, "%s/belfry-test.XXXXXX", parent && *parent ? parent : "/tmp");
  if (len < 0 || len >= 64 || !mkdtemp(dir))
    fail_msg("cannot make %s", dir);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
  (void)info, (void)kind, (void)place;
  return remove(path);
}

void fixture_remove_dir(const char *dir) {
  nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct history_writer *fixture_writer(const char *dir) {
  struct history_writer *writer = NULL;
  struct belfry_error error = {0};
  struct history_writer_options options = {.max_series = 100, .ballast_bytes = 65536};
  if (history_writer_open(dir, &options, &writer, &error))
    fail_msg("the history is not opened: %s", error.text);
  return writer;
}

struct history *fixture_reader(const char *dir) {
  struct history *history = NULL;
  struct belfry_error error = {0};
  if (history_open(dir, &history, &error))
    fail_msg("the history cannot be read: %s", error.text);
  return history;
}

struct event fixture_event(const char *id, const char *type, int64_t at_ms, const char *data) {
  return (struct event){.timestamp_ms = at_ms,
                        .received_ms = at_ms,
                        .severity = 1,
                        .type = slice_of(type),
                        .source = slice_of("test"),
                        .event_id = slice_of(id),
                        .data = slice_of(data),
                        .origin = HISTORY_ORIGIN_FCGI};
}

int64_t fixture_store(struct history_writer *writer, struct event event) {
  struct belfry_error error = {0};
  if (history_writer_begin_group(writer, &error) || history_writer_event(writer, &event, &error) ||
      history_writer_commit_group(writer, &error))
    fail_msg("an event is not stored: %s", error.text);
  return event.id;
}
