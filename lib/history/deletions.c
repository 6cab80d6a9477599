#include "history/deletions_priv.h"

#include <stdlib.h>

void deletions__init(struct deletions *deletions) {
  *deletions = (struct deletions){0};
  buf_init(&deletions->texts, 0);
}

void deletions__fini(struct deletions *deletions) {
  free(deletions->rows);
  buf_fini(&deletions->texts);
  deletions__init(deletions);
}

static int make_room(struct deletions *deletions) {
  if (deletions->count < deletions->cap)
    return BELFRY_OK;
  size_t cap = deletions->cap ? deletions->cap * 2 : 4;
  struct deletion *rows = realloc(deletions->rows, cap * sizeof *rows);
  if (!rows)
    return BELFRY_ENOMEM;
  deletions->rows = rows;
  deletions->cap = cap;
  return BELFRY_OK;
}

static int take_row(struct deletions *deletions, sqlite3_stmt *row) {
  struct slice globs = storage__text(row, 3), glob;
  int status = make_room(deletions);
  if (status)
    return status;
  struct deletion *deletion = &deletions->rows[deletions->count++];
  struct event_filter *filter = &deletion->filter;
  *deletion = (struct deletion){.id = sqlite3_column_int64(row, 0),
                                .last_id = sqlite3_column_int64(row, 1)};
  filter->types[filter->type_count++] = buf_keep(&deletions->texts, storage__text(row, 2));
  while (globs.len > 0 && filter->source_count < EVENT_FILTER_PATTERNS_MAX &&
         slice_split(&globs, '\n', &glob))
    filter->sources[filter->source_count++] = buf_keep(&deletions->texts, glob);
  filter->severities = (unsigned)sqlite3_column_int(row, 4);
  filter->from_ms = sqlite3_column_int64(row, 5);
  filter->to_ms = sqlite3_column_int64(row, 6);
  return buf_status(&deletions->texts);
}

/* All texts are there and stay where they are. */
static void settle(struct deletions *deletions) {
  for (size_t i = 0; i < deletions->count; i++) {
    struct event_filter *filter = &deletions->rows[i].filter;
    buf_settle(&deletions->texts, &filter->types[0]);
    for (size_t k = 0; k < filter->source_count; k++)
      buf_settle(&deletions->texts, &filter->sources[k]);
  }
}

int deletions__read(struct deletions *deletions, struct storage *hot, struct belfry_error *error) {
  sqlite3_stmt *statement;
  deletions->count = 0;
  buf_clear(&deletions->texts);
  int status = storage__statement(hot, SQL_DELETIONS, &statement, error);
  if (status)
    return status;
  int code = SQLITE_DONE;
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    status = take_row(deletions, statement);
    if (status)
      belfry_error_set(error, status, "out of memory while reading what was deleted");
  }
  if (!status && code != SQLITE_DONE)
    status = storage__fail(hot, code, "cannot read what was deleted", error);
  sqlite3_reset(statement);
  if (status)
    deletions->count = 0;
  settle(deletions);
  return status;
}

bool deletion__covers(const struct deletion *deletion, const struct event *event) {
  return event->id <= deletion->last_id && event_filter_match(&deletion->filter, event);
}

bool deletions__cover(const struct deletions *deletions, const struct event *event) {
  for (size_t i = 0; i < deletions->count; i++)
    if (deletion__covers(&deletions->rows[i], event))
      return true;
  return false;
}
