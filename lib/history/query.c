/*
 * The reader's handle, and reads by numbered statement. Events and samples have files of their own.
 */
#include "history/query_priv.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define READ_BUDGET_MS  10000 /* of a numbered statement: none is meant to take long */
#define LOOK_MS         250
#define COLUMNS_MAX     32
#define STEPS_PER_CHECK 4000 /* of SQLite's machine, about half a millisecond */

/* --- opening --- */

static int prepare(struct history *history, const char *words, sqlite3_stmt **out,
                   struct belfry_error *error) {
  int code =
      sqlite3_prepare_v3(history->storage.db, words, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
  return code == SQLITE_OK ? BELFRY_OK : storage__fail(&history->storage, code, words, error);
}

static int check_schema(struct history *history, const char *dir, struct belfry_error *error) {
  int version = 0;
  struct belfry_error why = {0};
  int status = storage__schema(&history->storage, &version, &why);
  /* Without the writer there may be no log to read yet; it makes one when it starts. */
  if (status == BELFRY_EIO && sqlite3_errcode(history->storage.db) == SQLITE_CANTOPEN)
    return belfry_error_set(error, BELFRY_EBUSY, "the history in %s cannot be opened yet: %.200s",
                            dir, why.text);
  if (status)
    return belfry_error_set(error, status, "%s", why.text);
  if (version > SQL_SCHEMA_VERSION)
    return belfry_error_set(
        error, BELFRY_EVERSION,
        "the history in %s has schema %d, made by a newer Belfry; this one knows "
        "schemas up to %d",
        dir, version, SQL_SCHEMA_VERSION);
  if (version < SQL_SCHEMA_VERSION)
    return belfry_error_set(error, BELFRY_EBUSY,
                            "the history in %s is being made or migrated (schema %d of %d)", dir,
                            version, SQL_SCHEMA_VERSION);
  return BELFRY_OK;
}

int history_open(const char *dir, struct history **out, struct belfry_error *error) {
  struct history *history = calloc(1, sizeof *history);
  if (!history)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while opening the history");
  deletions__init(&history->deletions);
  int status = sealed__init(&history->sealed, dir, error);
  if (!status)
    status = storage__open(&history->storage, dir, STORAGE_READS, error);
  if (!status)
    status = check_schema(history, dir, error);
  if (!status)
    status = event_files__init(&history->event_files, dir, error);
  if (!status)
    status = prepare(history, "BEGIN", &history->begin, error);
  if (!status)
    status = prepare(history, "COMMIT", &history->end, error);
  if (!status)
    status = prepare(history, "PRAGMA data_version", &history->version, error);
  if (status) {
    history_close(history);
    return status;
  }
  *out = history;
  return BELFRY_OK;
}

void history_close(struct history *history) {
  if (!history)
    return;
  event_files__fini(&history->event_files);
  sqlite3_finalize(history->begin);
  sqlite3_finalize(history->end);
  sqlite3_finalize(history->version);
  sealed__fini(&history->sealed);
  deletions__fini(&history->deletions);
  storage__close(&history->storage);
  free(history);
}

/* --- the time a query may take --- */

static int past_deadline(void *arg) {
  const struct history *history = arg;
  return clock_monotonic_ms(&clock_system) >= history->deadline_ms;
}

void query__limit(struct history *history, int64_t budget_ms) {
  if (budget_ms <= 0)
    return;
  history->deadline_ms = clock_monotonic_ms(&clock_system) + budget_ms;
  sqlite3_progress_handler(history->storage.db, STEPS_PER_CHECK, past_deadline, history);
}

void query__unlimit(struct history *history) {
  history->deadline_ms = 0;
  sqlite3_progress_handler(history->storage.db, 0, NULL, NULL);
}

/* --- one moment over several calls --- */

/* Now and then looks whether this is still the history of the folder. */
static int look(struct history *history, struct belfry_error *error) {
  int64_t now_ms = clock_monotonic_ms(&clock_system);
  if (now_ms - history->looked_ms < LOOK_MS)
    return BELFRY_OK;
  if (storage__has_moved(&history->storage))
    return belfry_error_set(error, BELFRY_EBUSY,
                            "the history was removed or replaced: it has to be opened again");
  history->looked_ms = now_ms;
  return BELFRY_OK;
}

int history_begin(struct history *history, struct belfry_error *error) {
  if (history->depth == 0) {
    int status = look(history, error);
    if (status)
      return status;
    int code = sqlite3_step(history->begin);
    sqlite3_reset(history->begin);
    if (code != SQLITE_DONE)
      return storage__fail(&history->storage, code, "cannot begin to read", error);
  }
  history->depth++;
  return BELFRY_OK;
}

void history_end(struct history *history) {
  if (--history->depth > 0)
    return;
  sqlite3_step(history->end);
  sqlite3_reset(history->end);
}

/* --- reading --- */

uint64_t history_version(struct history *history) {
  uint64_t version = storage__commits(&history->storage);
  if (version)
    return version;
  if (sqlite3_step(history->version) == SQLITE_ROW)
    version = (uint64_t)sqlite3_column_int64(history->version, 0);
  sqlite3_reset(history->version);
  return version;
}

int history_position(struct history *history, struct history_position *out,
                     struct belfry_error *error) {
  int status = history_begin(history, error);
  if (status)
    return status;
  status = storage__position(&history->storage, out, NULL, error);
  history_end(history);
  return status;
}

int query__statement(struct history *history, enum sql_statement number,
                     const struct history_value *values, size_t count, sqlite3_stmt **out,
                     struct belfry_error *error) {
  int status = storage__statement(&history->storage, number, out, error);
  if (!status && sqlite3_stmt_busy(*out))
    status = belfry_error_set(error, BELFRY_EINVAL, "the query %s is running already",
                              sql_sources[number].name);
  return status ? status : storage__bind(*out, values, count, error);
}

static void take_columns(sqlite3_stmt *statement, struct history_value *values, int count) {
  for (int i = 0; i < count; i++) {
    values[i] = (struct history_value){.name = ""};
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_INTEGER:
      values[i].kind = HISTORY_INTEGER;
      values[i].integer = sqlite3_column_int64(statement, i);
      values[i].real = (double)values[i].integer;
      break;
    case SQLITE_FLOAT:
      values[i].kind = HISTORY_REAL;
      values[i].real = sqlite3_column_double(statement, i);
      break;
    case SQLITE_NULL:
      values[i].kind = HISTORY_NULL;
      break;
    default:
      values[i].kind = HISTORY_TEXT;
      values[i].text = storage__text(statement, i);
    }
  }
}

int history_read(struct history *history, enum sql_statement statement,
                 const struct history_value *params, size_t param_count, history_row_fn on_row,
                 void *arg, struct belfry_error *error) {
  struct history_value values[COLUMNS_MAX];
  sqlite3_stmt *prepared;
  const char *name = sql_sources[statement].name;
  if (sql_sources[statement].kind != SQL_READ)
    return belfry_error_set(error, BELFRY_EINVAL, "the statement %s is not for readers", name);
  int status = history->depth == 0 ? look(history, error) : BELFRY_OK;
  if (!status)
    status = query__statement(history, statement, params, param_count, &prepared, error);
  if (status)
    return status;
  int columns = sqlite3_column_count(prepared);
  if (columns > COLUMNS_MAX)
    return belfry_error_set(error, BELFRY_ETOOBIG, "the statement %s has over %d columns", name,
                            COLUMNS_MAX);
  int code = SQLITE_DONE;
  bool outermost = history->deadline_ms == 0;
  if (outermost)
    query__limit(history, READ_BUDGET_MS);
  while (!status && (code = sqlite3_step(prepared)) == SQLITE_ROW) {
    take_columns(prepared, values, columns);
    status = on_row(arg, values, (size_t)columns);
  }
  if (!status && code != SQLITE_DONE)
    status = storage__fail(&history->storage, code, name, error);
  sqlite3_reset(prepared);
  if (outermost)
    query__unlimit(history);
  return status;
}
