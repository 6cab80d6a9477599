/*
 * Queries for events: the sealed part. Files and blocks in which nothing can match are passed over
 * by what is known of them; the others are unpacked, and each event is compared as one of hot.db
 * is.
 */
#include "history/query_priv.h"

#include "base/clock.h"
#include "history/words.h"

#include <stdio.h>
#include <string.h>

/* A row of `block`. */
struct block_row {
  int64_t number, first_id, last_id, min_ts_ms, max_ts_ms;
  unsigned severities;
  struct slice types, sources; /* borrowed until the next step */
};

static struct block_row take_row(sqlite3_stmt *row) {
  return (struct block_row){.number = sqlite3_column_int64(row, 0),
                            .first_id = sqlite3_column_int64(row, 1),
                            .last_id = sqlite3_column_int64(row, 2),
                            .min_ts_ms = sqlite3_column_int64(row, 3),
                            .max_ts_ms = sqlite3_column_int64(row, 4),
                            .severities = (unsigned)sqlite3_column_int(row, 5),
                            .types = storage__text(row, 6),
                            .sources = storage__text(row, 7)};
}

/* Everything between these ids was looked at. */
static void pass(struct event_scan *scan, int64_t first_id, int64_t last_id) {
  if (scan->query->newest_first)
    scan->page.scanned = first_id > scan->low ? first_id : scan->low + 1;
  else
    scan->page.scanned = last_id < scan->high ? last_id : scan->high - 1;
  scan->passed = true;
}

/* Only after something was looked at, so that whoever asks again gets on. */
static bool out_of_time(const struct event_scan *scan) {
  return scan->passed && scan->history->deadline_ms &&
         clock_monotonic_ms(&clock_system) >= scan->history->deadline_ms;
}

static bool is_full(const struct event_scan *scan) {
  return scan->page.count >= scan->query->limit;
}

static bool in_time(const struct event_scan *scan, int64_t min_ts_ms, int64_t max_ts_ms) {
  return max_ts_ms >= scan->from_ms && min_ts_ms < scan->to_ms;
}

typedef bool (*wants_fn)(const struct event_filter *filter, struct slice text);

/* Whether one of the listed may match; an empty list could be anything. */
static bool any_wanted(const struct event_filter *filter, struct slice list, wants_fn wants) {
  struct slice one;
  if (list.len == 0)
    return true;
  while (slice_split(&list, '\n', &one))
    if (one.len > 0 && wants(filter, one))
      return true;
  return false;
}

static bool may_match(const struct event_scan *scan, const struct block_row *row) {
  const struct event_filter *filter = &scan->query->filter;
  return in_time(scan, row->min_ts_ms, row->max_ts_ms) &&
         (!filter->severities || (filter->severities & row->severities)) &&
         any_wanted(filter, row->types, event_filter_wants_type) &&
         any_wanted(filter, row->sources, event_filter_wants_source);
}

static int give(struct event_scan *scan, const struct event *event, int *stop) {
  if (event->id <= scan->low || event->id >= scan->high)
    return SCAN_DONE;
  if (is_full(scan))
    return SCAN_FULL;
  scan->page.scanned = event->id;
  if (!event_filter_match(&scan->query->filter, event) ||
      deletions__cover(&scan->history->deletions, event))
    return SCAN_DONE;
  scan->page.count++;
  *stop = scan->on_event(scan->arg, event);
  return *stop ? SCAN_STOPPED : SCAN_DONE;
}

static int scan_block(struct event_scan *scan, const struct segment_row *file,
                      struct segment *segment, int64_t number, int *stop) {
  struct block block;
  struct belfry_error why = {0};
  struct block_coder *coder = event_files__coder(&scan->history->event_files);
  if (!coder)
    return belfry_error_set(scan->error, BELFRY_ENOMEM, "out of memory while reading events");
  int status = segment__take_block(segment, coder, number, &block, &why);
  if (status == BELFRY_ECORRUPT) { /* the others are still good */
    event_files__tell(&scan->history->event_files, file, why.text);
    scan->page.damaged = true;
    return SCAN_DONE;
  }
  if (status)
    return belfry_error_set(scan->error, status, "%s", why.text);
  for (size_t i = 0; i < block.count && !status; i++)
    status = give(scan, &block.events[scan->query->newest_first ? block.count - 1 - i : i], stop);
  return status;
}

static int bind_blocks(struct event_scan *scan, const struct segment_row *file,
                       struct segment *segment, sqlite3_stmt **out) {
  static const enum sql_statement numbers[2][2] = {
      {SQL_BLOCKS_ASCENDING, SQL_BLOCKS_DESCENDING},
      {SQL_BLOCKS_OF_WORDS_ASCENDING, SQL_BLOCKS_OF_WORDS_DESCENDING}};
  bool by_words = scan->words.len > 0;
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("after", scan->low),
                                         HISTORY_VALUE_INTEGER("before", scan->high),
                                         HISTORY_VALUE_INTEGER("last", file->last_block),
                                         HISTORY_VALUE_TEXT("match", buf_slice(&scan->words))};
  int status = storage__statement(&segment->storage, numbers[by_words][scan->query->newest_first],
                                  out, scan->error);
  if (!status && sqlite3_stmt_busy(*out))
    status = belfry_error_set(scan->error, BELFRY_EINVAL, "a query for events is running already");
  return status ? status : storage__bind(*out, values, by_words ? 4 : 3, scan->error);
}

static int scan_blocks(struct event_scan *scan, const struct segment_row *file,
                       struct segment *segment, int *stop) {
  sqlite3_stmt *statement;
  int status = bind_blocks(scan, file, segment, &statement);
  if (status)
    return status;
  int code = SQLITE_DONE;
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct block_row row = take_row(statement);
    if (is_full(scan))
      status = SCAN_FULL;
    else if (out_of_time(scan))
      status = BELFRY_ETIMEDOUT;
    else if (may_match(scan, &row))
      status = scan_block(scan, file, segment, row.number, stop);
    if (!status)
      pass(scan, row.first_id, row.last_id);
  }
  if (!status && code != SQLITE_DONE)
    status = storage__fail(&segment->storage, code, "cannot read sealed events", scan->error);
  sqlite3_reset(statement);
  return status;
}

/* A file that is not there was replaced since this moment; but not twice. */
static int gone(struct event_scan *scan, const struct segment_row *file) {
  if (strcmp(scan->gone, file->file) == 0)
    return BELFRY_ECORRUPT;
  memcpy(scan->gone, file->file, sizeof scan->gone);
  return SCAN_GONE;
}

static int scan_file(struct event_scan *scan, const struct segment_row *file, int *stop) {
  struct segment *segment;
  struct belfry_error why = {0};
  struct belfry_error *error = scan->error;
  if (file->state == SEGMENT_QUARANTINED) {
    scan->page.damaged = true;
    return SCAN_DONE;
  }
  int status = event_files__open(&scan->history->event_files, file, &segment, &why);
  if (status == BELFRY_ENOENT)
    status = gone(scan, file);
  if (!status) {
    scan->error = &why;
    status = scan_blocks(scan, file, segment, stop);
    scan->error = error;
  }
  if (status == BELFRY_ECORRUPT) {
    event_files__tell(&scan->history->event_files, file,
                      why.text[0] ? why.text : "it is not there");
    scan->page.damaged = true;
    return SCAN_DONE;
  }
  return status < 0 && status != BELFRY_ETIMEDOUT ? belfry_error_set(error, status, "%s", why.text)
                                                  : status;
}

/* Whether the file holds events within the bounds. */
static bool is_in_bounds(const struct event_scan *scan, const struct segment_row *file) {
  return file->kind == SEGMENT_EVENTS && file->last_id > scan->low && file->first_id < scan->high;
}

int query__scan_sealed(struct event_scan *scan, int *stop) {
  const struct segment_list *list = &scan->history->event_files.list;
  int status = SCAN_DONE;
  for (size_t i = 0; i < list->count && !status; i++) {
    const struct segment_row *file =
        &list->rows[scan->query->newest_first ? list->count - 1 - i : i];
    if (!is_in_bounds(scan, file))
      continue;
    if (is_full(scan))
      status = SCAN_FULL;
    else if (out_of_time(scan))
      status = BELFRY_ETIMEDOUT;
    else if (in_time(scan, file->min_ts_ms, file->max_ts_ms))
      status = scan_file(scan, file, stop);
    if (!status)
      pass(scan, file->first_id, file->last_id);
  }
  return status;
}
