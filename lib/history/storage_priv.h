/*
 * What the reader and the writer share below: one SQLite connection with Belfry's settings, its
 * prepared statements by number, values bound by name, errors as ours. Only lib/history sees this.
 */
#ifndef BELFRY_HISTORY_STORAGE_PRIV_H
#define BELFRY_HISTORY_STORAGE_PRIV_H

#include "base/error.h"
#include "history/event.h"
#include "history/statements.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORAGE_DATABASE   "hot.db"
#define STORAGE_LOCK       "history.lock"
#define STORAGE_BALLAST    "ballast"

#define STORAGE_PAGE_BYTES 4096

/* STORAGE_READS_FINISHED: a file that nobody will ever write again. */
enum storage_mode { STORAGE_READS, STORAGE_READS_FINISHED, STORAGE_WRITES };

struct storage {
  sqlite3 *db;
  sqlite3_stmt *statements[SQL_STATEMENT_COUNT]; /* prepared when first used; owned */
};

/* Opens `dir`/hot.db. Returns: 0; BELFRY_EBUSY when a reader finds none. Ended by storage__close()
 * in every case. */
int storage__open(struct storage *storage, const char *dir, enum storage_mode mode,
                  struct belfry_error *error) BELFRY_MUST_CHECK;
void storage__close(struct storage *storage);

/* Opens any other database of the history; one that is made has pages of `page_bytes`. Returns: 0;
 * BELFRY_ENOENT when a reader finds none. Ended by storage__close() in every case. */
int storage__open_file(struct storage *storage, const char *path, enum storage_mode mode,
                       int page_bytes, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Returns: the schema's number (0: none yet) in `*version`. */
int storage__schema(struct storage *storage, int *version,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* Runs words of control: BEGIN, COMMIT, PRAGMA ... and migrations. */
int storage__exec(struct storage *storage, const char *sql, const char *doing,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* Gives the prepared statement, with its last bindings; `*out` is borrowed from the storage. */
int storage__statement(struct storage *storage, enum sql_statement statement, sqlite3_stmt **out,
                       struct belfry_error *error) BELFRY_MUST_CHECK;

/* Binds every parameter of a statement by name. A value that no parameter is named for, or a
 * parameter without a value, is BELFRY_EINVAL. Texts must live until the statement is reset. */
int storage__bind(sqlite3_stmt *statement, const struct history_value *values, size_t count,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* The statement's name, for errors. */
const char *storage__name(const sqlite3_stmt *statement, const struct storage *storage);

/* Runs a statement that returns no row and resets it. `*changed` (may be NULL) rows. */
int storage__run(struct storage *storage, sqlite3_stmt *statement, int64_t *changed,
                 struct belfry_error *error) BELFRY_MUST_CHECK;

/* Whether the database that is open is no longer the one in its folder: removed, or replaced by a
 * restore. What is written to it then would be lost, what is read is the past. */
bool storage__has_moved(struct storage *storage);

/* Returns: a number that changes with every commit to the database, by whomever; 0 when it cannot
 * be told so cheaply. It is of what was committed before the call, at least. No system call, no
 * lock. */
uint64_t storage__commits(struct storage *storage);

/* Makes an error of what the last call on the connection said. */
int storage__fail(const struct storage *storage, int code, const char *doing,
                  struct belfry_error *error);

/* A column's text, borrowed until the next step. Empty when memory ran out: the next step says so.
 */
static inline struct slice storage__text(sqlite3_stmt *statement, int column) {
  const char *text = (const char *)sqlite3_column_text(statement, column);
  return (struct slice){text ? text : "",
                        text ? (size_t)sqlite3_column_bytes(statement, column) : 0};
}

/* Reads the position and, where wanted, when the newest event was stored. */
int storage__position(struct storage *storage, struct history_position *out, int64_t *received_ms,
                      struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
