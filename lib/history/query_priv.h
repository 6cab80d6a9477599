/*
 * What the parts of the reader share: the handle, and the time a query may take.
 */
#ifndef BELFRY_HISTORY_QUERY_PRIV_H
#define BELFRY_HISTORY_QUERY_PRIV_H

#include "base/buf.h"
#include "history/deletions_priv.h"
#include "history/event_files_priv.h"
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
  struct event_files event_files;
  struct deletions deletions; /* as of the moment of the query that runs */
};

/* A query for events that is running. */
struct event_scan {
  struct history *history;
  const struct event_query *query;
  event_fn on_event;
  void *arg;
  struct belfry_error *error;
  int64_t low, high; /* bounds that are left, both exclusive */
  int64_t from_ms, to_ms;
  struct event_page page;
  /* Among sealed events. */
  struct buf words;              /* what the index of words is asked for; empty: nothing */
  bool passed;                   /* something was looked at */
  char gone[SEGMENT_FILE_BYTES]; /* the file that was not there */
  /* In hot.db. */
  int64_t after, before; /* bounds that are left there */
  bool narrow;           /* the statements by time are in use */
  bool jumped;           /* the index was asked for bounds */
  uint32_t outside;      /* events outside of the window in a row */
};

/* How a scan went on, beside the errors. */
enum { SCAN_DONE = 0, SCAN_JUMP = 1, SCAN_FULL = 2, SCAN_STOPPED = 3, SCAN_GONE = 4 };

/* Looks through the sealed events within the bounds. SCAN_GONE: a file was replaced meanwhile; a
 * new moment has to be begun. */
int query__scan_sealed(struct event_scan *scan, int *stop) BELFRY_MUST_CHECK;

/* From here on statements are interrupted (SQLITE_INTERRUPT) when `budget_ms` are over; 0: never.
 */
void query__limit(struct history *history, int64_t budget_ms);
void query__unlimit(struct history *history);

/* Gives a statement with its values bound. */
int query__statement(struct history *history, enum sql_statement number,
                     const struct history_value *values, size_t count, sqlite3_stmt **out,
                     struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
