/*
 * Queries for events: those of hot.db, and how they and the sealed ones (query_sealed.c) make one
 * list. All sealed events are older than all of hot.db, in one moment. Every condition but the ids
 * is checked here in C, by the same function that the push daemon uses, so that a list and a push
 * never differ. The database is asked for ids in order; a window of time helps where it is the
 * narrower way:
 *
 *   - when it holds few events, their ids come from the index on `timestamp`;
 *   - else, when a long run of events outside of the window was passed, the index says between
 * which ids the window is, and the scan jumps there.
 */
#include "history/query_priv.h"

#include "history/words.h"

#include <string.h>

/* Up to so many events a window is read through the index: their ids are sorted in memory, and each
   event is then looked up on its own (about 2 us, against 0.3 us of an event passed in a scan). */
#define NARROW_EVENTS 4096
/* So many events out of the window are passed before the index is asked. */
#define PATIENCE_EVENTS 10000

static int bind_scan(struct event_scan *scan, sqlite3_stmt **out) {
  static const enum sql_statement numbers[2][2] = {
      {SQL_EVENTS_ASCENDING, SQL_EVENTS_DESCENDING},
      {SQL_EVENTS_OF_TIME_ASCENDING, SQL_EVENTS_OF_TIME_DESCENDING}};
  struct history_value values[] = {
      HISTORY_VALUE_INTEGER("after", scan->after),
      HISTORY_VALUE_INTEGER("before", scan->before),
      HISTORY_VALUE_INTEGER("from", scan->from_ms),
      HISTORY_VALUE_INTEGER("to", scan->to_ms),
  };
  return query__statement(scan->history, numbers[scan->narrow][scan->query->newest_first], values,
                          scan->narrow ? 4 : 2, out, scan->error);
}

/* Reads a row; the texts only when time and severity are right, since reading them costs most, and
   for a brief query only those that the filter, or a deletion, looks at. */
static bool row_matches(const struct event_scan *scan, sqlite3_stmt *row, struct event *event,
                        bool *in_window) {
  const struct event_query *query = scan->query;
  const struct event_filter *filter = &query->filter;
  const struct deletions *deletions = &scan->history->deletions;
  event->timestamp_ms = sqlite3_column_int64(row, 1);
  *in_window = (!filter->from_ms || event->timestamp_ms >= filter->from_ms) &&
               (!filter->to_ms || event->timestamp_ms < filter->to_ms);
  event->severity = sqlite3_column_int(row, 2);
  if (!*in_window || (filter->severities && !(filter->severities & 1u << event->severity)))
    return false;
  if (!query->brief || filter->type_count || filter->not_type_count || deletions->count)
    event->type = storage__text(row, 3);
  if (!query->brief || filter->source_count || deletions->count)
    event->source = storage__text(row, 4);
  if (deletions__cover(deletions, event))
    return false;
  if (query->brief && !filter->text.len)
    return event_filter_match(filter, event);
  event->event_id = storage__text(row, 5);
  event->origin = sqlite3_column_int(row, 6);
  event->received_ms = sqlite3_column_int64(row, 7);
  event->data = storage__text(row, 8);
  return event_filter_match(filter, event);
}

/* Handles one row. Returns: SCAN_DONE to go on, SCAN_JUMP, SCAN_STOPPED with `*stop`. */
static int take_row(struct event_scan *scan, sqlite3_stmt *row, int *stop) {
  struct event event = {.id = sqlite3_column_int64(row, 0)};
  bool in_window;
  bool wanted = row_matches(scan, row, &event, &in_window);
  scan->outside = in_window ? 0 : scan->outside + 1;
  scan->page.scanned = event.id;
  if (wanted) {
    scan->page.count++;
    *stop = scan->on_event(scan->arg, &event);
    if (*stop)
      return SCAN_STOPPED;
  }
  return !scan->jumped && scan->outside > PATIENCE_EVENTS ? SCAN_JUMP : SCAN_DONE;
}

static int run_scan(struct event_scan *scan, int *stop) {
  sqlite3_stmt *statement;
  int status = bind_scan(scan, &statement);
  if (status)
    return status;
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    if (scan->page.count >= scan->query->limit) {
      status = SCAN_FULL; /* there is at least one more to look at */
      break;
    }
    status = take_row(scan, statement, stop);
    if (status)
      break;
  }
  if (code == SQLITE_INTERRUPT)
    status = BELFRY_ETIMEDOUT;
  else if (code != SQLITE_ROW && code != SQLITE_DONE)
    status = storage__fail(&scan->history->storage, code, "cannot read events", scan->error);
  sqlite3_reset(statement);
  return status;
}

/* Steps a statement that gives one row of two integers. `*found` is false where they are NULL. */
static int one_row(struct event_scan *scan, sqlite3_stmt *statement, int64_t *first,
                   int64_t *second, bool *found) {
  int code = sqlite3_step(statement);
  int status = BELFRY_OK;
  *found = code == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL;
  if (*found) {
    *first = sqlite3_column_int64(statement, 0);
    *second = sqlite3_column_count(statement) > 1 ? sqlite3_column_int64(statement, 1) : 0;
  } else if (code == SQLITE_INTERRUPT) {
    status = BELFRY_ETIMEDOUT;
  } else if (code != SQLITE_ROW) {
    status =
        storage__fail(&scan->history->storage, code, "cannot read the index of times", scan->error);
  }
  sqlite3_reset(statement);
  return status;
}

/* Whether the window holds few events. */
static int look_at_window(struct event_scan *scan) {
  sqlite3_stmt *statement;
  int64_t count = 0, ignored;
  bool found;
  struct history_value values[] = {
      HISTORY_VALUE_INTEGER("from", scan->from_ms),
      HISTORY_VALUE_INTEGER("to", scan->to_ms),
      HISTORY_VALUE_INTEGER("most", NARROW_EVENTS + 1),
  };
  int status =
      query__statement(scan->history, SQL_EVENT_TIME_COUNT, values, 3, &statement, scan->error);
  if (!status)
    status = one_row(scan, statement, &count, &ignored, &found);
  scan->narrow = !status && count <= NARROW_EVENTS;
  return status;
}

/* Moves the bounds to where the window is. `*found` is false when nothing of it is left. */
static int jump(struct event_scan *scan, bool *found) {
  sqlite3_stmt *statement;
  int64_t first, last;
  if (scan->query->newest_first)
    scan->before = scan->page.scanned;
  else
    scan->after = scan->page.scanned;
  scan->jumped = true;
  struct history_value values[] = {
      HISTORY_VALUE_INTEGER("from", scan->from_ms),
      HISTORY_VALUE_INTEGER("to", scan->to_ms),
      HISTORY_VALUE_INTEGER("after", scan->after),
      HISTORY_VALUE_INTEGER("before", scan->before),
  };
  int status =
      query__statement(scan->history, SQL_EVENT_TIME_BOUNDS, values, 4, &statement, scan->error);
  if (!status)
    status = one_row(scan, statement, &first, &last, found);
  if (!status && *found) {
    scan->after = first - 1;
    scan->before = last + 1;
  }
  return status;
}

/* Everything within the query's bounds was looked at: says so with the bound itself. */
static int finish(struct event_scan *scan) {
  struct history_position position;
  int status = history_position(scan->history, &position, scan->error);
  if (status)
    return status;
  const struct event_query *query = scan->query;
  if (query->newest_first)
    scan->page.scanned = query->after + 1 > position.oldest ? query->after + 1 : position.oldest;
  else
    scan->page.scanned =
        query->before && query->before - 1 < position.head ? query->before - 1 : position.head;
  if (!query->newest_first && scan->page.scanned < query->after)
    scan->page.scanned = query->after;
  scan->page.more = false;
  return BELFRY_OK;
}

static int scan_hot(struct event_scan *scan, int *stop) {
  int status = BELFRY_OK;
  bool found = true;
  scan->after = scan->low;
  scan->before = scan->high;
  scan->narrow = scan->jumped = false;
  scan->outside = 0;
  if (scan->query->filter.from_ms || scan->query->filter.to_ms)
    status = look_at_window(scan);
  if (!status)
    status = run_scan(scan, stop);
  if (status == SCAN_JUMP) {
    status = jump(scan, &found);
    if (!status && found)
      status = run_scan(scan, stop);
  }
  return status;
}

static int run_query(struct event_scan *scan, int *stop) {
  int status =
      event_files__refresh(&scan->history->event_files, &scan->history->storage, scan->error);
  if (!status)
    status = deletions__read(&scan->history->deletions, &scan->history->storage, scan->error);
  if (status)
    return status;
  if (!scan->query->newest_first) {
    status = query__scan_sealed(scan, stop);
    return status ? status : scan_hot(scan, stop);
  }
  status = scan_hot(scan, stop);
  return status ? status : query__scan_sealed(scan, stop);
}

/* Begins a new moment, where the last one came to. */
static int begin_anew(struct event_scan *scan) {
  if (scan->history->depth > 1)
    return belfry_error_set(scan->error, BELFRY_EBUSY,
                            "a sealed file was replaced while it was to be read; try again");
  if (scan->query->newest_first && scan->page.scanned > 0 && scan->page.scanned < scan->high)
    scan->high = scan->page.scanned;
  if (!scan->query->newest_first && scan->page.scanned > scan->low)
    scan->low = scan->page.scanned;
  history_end(scan->history);
  int status = history_begin(scan->history, scan->error);
  if (status)
    scan->history->depth++; /* the caller ends what it began */
  return status;
}

int history_events(struct history *history, const struct event_query *query, event_fn on_event,
                   void *arg, struct event_page *page, struct belfry_error *error) {
  const struct event_filter *filter = &query->filter;
  struct event_scan scan = {
      .history = history,
      .query = query,
      .on_event = on_event,
      .arg = arg,
      .error = error,
      .low = query->after,
      .high = query->before ? query->before : INT64_MAX,
      .from_ms = filter->from_ms ? filter->from_ms : INT64_MIN,
      .to_ms = filter->to_ms ? filter->to_ms : INT64_MAX,
      .page = {.scanned = query->newest_first ? query->before : query->after, .more = true},
  };
  int stop = 0;
  buf_init(&scan.words, 0);
  words_put_fts(filter->text, &scan.words);
  int status = buf_status(&scan.words);
  if (status)
    belfry_error_set(error, status, "out of memory while searching");
  else
    status = history_begin(history, error);
  if (status) {
    buf_fini(&scan.words);
    return status;
  }
  query__limit(history, query->budget_ms);
  while ((status = run_query(&scan, &stop)) == SCAN_GONE) {
    status = begin_anew(&scan);
    if (status)
      break;
  }
  query__unlimit(history);
  switch (status) {
  case SCAN_DONE:
    status = finish(&scan);
    break;
  case BELFRY_ETIMEDOUT:
    scan.page.partial = true;
    status = BELFRY_OK;
    break;
  case SCAN_FULL:
    status = BELFRY_OK;
    break;
  case SCAN_STOPPED:
    status = stop;
    break;
  }
  scan.page.partial |= scan.page.damaged;
  history_end(history);
  buf_fini(&scan.words);
  if (page)
    *page = scan.page;
  return status;
}
