/*
 * What the parts of the reader share: the handle, and the time a query may take.
 */
#ifndef BELFRY_HISTORY_QUERY_PRIV_H
#define BELFRY_HISTORY_QUERY_PRIV_H

#include "history/query.h"
#include "history/sealed_priv.h"
#include "history/storage_priv.h"

struct history {
  struct storage storage;
  struct sealed sealed;
  sqlite3_stmt *begin, *end, *version; /* words of control, prepared once */
  int depth;                           /* of history_begin */
  int64_t deadline_ms;                 /* on the monotonic clock; 0 for none */
  int64_t looked_ms;                   /* when it was last seen to be the one in its folder */
};

/* From here on statements are interrupted (SQLITE_INTERRUPT) when `budget_ms` are over; 0: never.
 */
void query__limit(struct history *history, int64_t budget_ms);
void query__unlimit(struct history *history);

/* Gives a statement with its values bound. */
int query__statement(struct history *history, enum sql_statement number,
                     const struct history_value *values, size_t count, sqlite3_stmt **out,
                     struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
