/*
 * The read-only view of the history, opened when it is there and reopened after a failure.
 */
#ifndef BELFRY_WATCHD_READER_H
#define BELFRY_WATCHD_READER_H

#include "base/error.h"
#include "history/query.h"

#include <stdbool.h>

struct reader;

/* Takes: `dir` copied. Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with reader_free(). */
int reader_new(const char *dir, struct reader **out) BELFRY_MUST_CHECK;
void reader_free(struct reader *reader);

/* Runs a statement without parameters. Returns: as history_read; BELFRY_EBUSY while there is no
 * history to read. The log says once why. */
int reader_read(struct reader *reader, enum sql_statement statement, history_row_fn on_row,
                void *arg) BELFRY_MUST_CHECK;

/* Returns: borrowed until the next call of any of these; NULL, with `error` set, while there is
 * none to read. */
struct history *reader_history(struct reader *reader, struct belfry_error *error);

/* What reader_history() gave could not be read: it is opened anew. */
void reader_lost(struct reader *reader);

/* Whether something was committed since it was asked last; also when that cannot be told. */
bool reader_changed(struct reader *reader);

#endif
