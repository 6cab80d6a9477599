#include "watchd/reader.h"

#include "base/log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
  char *dir;               /* owned */
  struct history *history; /* owned; NULL while it is not open */
  uint64_t version;        /* of the history, when reader_changed() was asked last; 0: not known */
  bool told;               /* the log has said that it cannot be read */
};

int reader_new(const char *dir, struct reader **out) {
  struct reader *reader = calloc(1, sizeof *reader);
  char *copy = strdup(dir);
  if (!reader || !copy) {
    free(reader);
    free(copy);
    return BELFRY_ENOMEM;
  }
  reader->dir = copy;
  *out = reader;
  return BELFRY_OK;
}

void reader_free(struct reader *reader) {
  if (!reader)
    return;
  history_close(reader->history);
  free(reader->dir);
  free(reader);
}

struct history *reader_history(struct reader *reader, struct belfry_error *error) {
  if (!reader->history && history_open(reader->dir, &reader->history, error))
    reader->history = NULL;
  return reader->history;
}

void reader_lost(struct reader *reader) {
  history_close(reader->history);
  reader->history = NULL;
}

int reader_read(struct reader *reader, enum sql_statement statement, history_row_fn on_row,
                void *arg) {
  struct belfry_error error = {0};
  struct history *history = reader_history(reader, &error);
  int status =
      history ? history_read(history, statement, NULL, 0, on_row, arg, &error) : error.code;
  if (!status) {
    reader->told = false;
    return BELFRY_OK;
  }
  if (!reader->told)
    log_notice("the history in %s cannot be read yet: %s", reader->dir, error.text);
  reader->told = true;
  reader_lost(reader);
  return status;
}

bool reader_changed(struct reader *reader) {
  uint64_t version = reader->history ? history_version(reader->history) : 0;
  bool changed = version == 0 || version != reader->version;
  reader->version = version;
  return changed;
}
