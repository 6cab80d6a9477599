#include "stored.h"

#include "model/event_type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

void stored_must(int status, const struct belfry_error *error) {
  if (status)
    fail_msg("%s: %s", belfry_strerror(status), error->text);
}

int stored_set_up(void **state) {
  static struct stored stored;
  struct belfry_error error = {0};
  stored = (struct stored){.dir = "/tmp/belfry-test-model.XXXXXX"};
  assert_non_null(mkdtemp(stored.dir));
  stored_must(history_writer_open(stored.dir, &(struct history_writer_options){.max_series = 100},
                                  &stored.writer, &error),
              &error);
  stored_must(history_open(stored.dir, &stored.history, &error), &error);
  *state = &stored;
  return 0;
}

int stored_tear_down(void **state) {
  struct stored *stored = *state;
  static const char *const files[] = {"hot.db", "hot.db-wal", "hot.db-shm", "history.lock",
                                      "ballast"};
  history_close(stored->history);
  history_writer_close(stored->writer);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", stored->dir, files[i]);
    unlink(path);
  }
  return rmdir(stored->dir);
}

void stored_begin(struct stored *stored) {
  struct belfry_error error = {0};
  stored_must(history_writer_begin_group(stored->writer, &error), &error);
}

void stored_commit(struct stored *stored) {
  struct belfry_error error = {0};
  stored_must(history_writer_commit_group(stored->writer, &error), &error);
}

void stored_put(struct stored *stored, const char *type, const char *source, int64_t timestamp_ms,
                const char *data) {
  static unsigned serial;
  char id[16];
  struct belfry_error error = {0};
  snprintf(id, sizeof id, "e%u", serial++);
  struct event event = {.type = slice_of(type),
                        .source = slice_of(source),
                        .event_id = slice_of(id),
                        .data = slice_of(data),
                        .timestamp_ms = timestamp_ms,
                        .received_ms = STORED_NOW_MS};
  enum sql_statement statements[EVENT_PROJECTIONS_MAX];
  size_t count = event_type_projections(event.type, statements);
  stored_must(history_writer_event(stored->writer, &event, &error), &error);
  for (size_t i = 0; i < count; i++)
    stored_must(history_writer_project(stored->writer, statements[i], &event, &error), &error);
}

void stored_event(struct stored *stored, const char *type, const char *data) {
  stored_begin(stored);
  stored_put(stored, type, "test", STORED_NOW_MS, data);
  stored_commit(stored);
}
