/*
 * What the keeper does with events: the oldest of hot.db become a block of the day's file; a day
 * that is over becomes a file that nobody writes any more.
 */
#include "history/keeper_priv.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS           INT64_C(86400000)
#define BLOCK_TEXT_BYTES ((size_t)1 << 20) /* about so much goes into a block */
#define CHECKPOINT_PAGES 1000

static int64_t day_of(int64_t ms) {
  return ms - ms % DAY_MS;
}

/* --- reading what is to be sealed --- */

struct event keeper__event_of(sqlite3_stmt *row) {
  return (struct event){.id = sqlite3_column_int64(row, 0),
                        .timestamp_ms = sqlite3_column_int64(row, 1),
                        .severity = sqlite3_column_int(row, 2),
                        .type = storage__text(row, 3),
                        .source = storage__text(row, 4),
                        .event_id = storage__text(row, 5),
                        .origin = sqlite3_column_int(row, 6),
                        .received_ms = sqlite3_column_int64(row, 7),
                        .data = storage__text(row, 8)};
}

void keeper__keep_event(struct history_keeper *keeper, const struct event *from, struct event *to) {
  struct buf *texts = &keeper->texts;
  *to = *from;
  to->type = buf_keep(texts, from->type);
  to->source = buf_keep(texts, from->source);
  to->event_id = buf_keep(texts, from->event_id);
  to->data = buf_keep(texts, from->data);
}

static int compare_hashes(const void *a, const void *b) {
  return memcmp(a, b, SEALED_HASH_BYTES);
}

int keeper__settle_events(struct history_keeper *keeper, size_t count, struct belfry_error *error) {
  int status = buf_status(&keeper->texts);
  for (size_t i = 0; i < count && !status; i++) {
    struct event *event = &keeper->events[i];
    buf_settle(&keeper->texts, &event->type);
    buf_settle(&keeper->texts, &event->source);
    buf_settle(&keeper->texts, &event->event_id);
    buf_settle(&keeper->texts, &event->data);
    status = id_hasher__make(keeper->hasher, event->source, event->event_id, keeper->hashes[i]);
  }
  if (status)
    return belfry_error_set(error, status, "out of memory while sealing events");
  qsort(keeper->hashes, count, SEALED_HASH_BYTES, compare_hashes);
  return BELFRY_OK;
}

/* Which of the oldest are sealed now: those of one day, never the newest of all. */
struct plan {
  int64_t end_ms;  /* of their day */
  int64_t last_id; /* at most to here */
};

/* Returns: whether there is enough for a block. */
static bool make_plan(const struct history_keeper *keeper, const struct hot_bounds *hot,
                      struct plan *plan) {
  int64_t day = day_of(hot->oldest_received_ms);
  *plan = (struct plan){.end_ms = day + DAY_MS, .last_id = hot->newest - 1};
  if (hot->oldest == 0 || hot->oldest >= hot->newest)
    return false;
  if (day < day_of(clock_realtime_ms(keeper->clock)))
    return true;
  plan->last_id = hot->newest - keeper->options.hot_events;
  return plan->last_id - hot->oldest + 1 >= BLOCK_EVENTS_MAX;
}

static int read_events(struct history_keeper *keeper, const struct plan *plan, size_t *count,
                       struct belfry_error *error) {
  sqlite3_stmt *statement;
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("limit", BLOCK_EVENTS_MAX)};
  int status = storage__statement(&keeper->hot, SQL_EVENTS_TO_SEAL, &statement, error);
  if (!status)
    status = storage__bind(statement, values, 1, error);
  if (status)
    return status;
  int code;
  *count = 0;
  buf_clear(&keeper->texts);
  while ((code = sqlite3_step(statement)) == SQLITE_ROW && keeper->texts.len < BLOCK_TEXT_BYTES &&
         sqlite3_column_int64(statement, 0) <= plan->last_id &&
         sqlite3_column_int64(statement, 7) < plan->end_ms) {
    struct event event = keeper__event_of(statement);
    keeper__keep_event(keeper, &event, &keeper->events[(*count)++]);
  }
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    status = storage__fail(&keeper->hot, code, "cannot read events to be sealed", error);
  sqlite3_reset(statement);
  return status;
}

/* --- sealing --- */

/* The newest file of events, or NULL. */
static const struct segment_row *newest_row(const struct history_keeper *keeper) {
  const struct segment_row *newest = NULL;
  for (size_t i = 0; i < keeper->list.count; i++)
    if (keeper->list.rows[i].kind == SEGMENT_EVENTS)
      newest = &keeper->list.rows[i];
  return newest;
}

/* Finds the file that events received at `received_ms` go into, or names a new one. Days of files
   never go back, even if a clock did: order of files is order of ids. */
static void choose_row(const struct history_keeper *keeper, int64_t received_ms,
                       struct segment_row *row) {
  const struct segment_row *newest = newest_row(keeper);
  if (newest && newest->state == SEGMENT_OPEN && newest->start_ms >= day_of(received_ms)) {
    *row = *newest;
    return;
  }
  *row = (struct segment_row){.kind = SEGMENT_EVENTS, .state = SEGMENT_OPEN};
  row->start_ms = newest && newest->start_ms > received_ms ? newest->start_ms : day_of(received_ms);
  keeper__name_next(keeper, row);
}

/* Makes a row tell of a block more. */
static void extend_row(struct segment_row *row, const struct event *events, size_t count) {
  bool first = row->last_block == 0;
  if (first)
    row->first_id = events[0].id;
  row->last_id = events[count - 1].id;
  for (size_t i = 0; i < count; i++) {
    int64_t ts = events[i].timestamp_ms;
    if ((first && i == 0) || ts < row->min_ts_ms)
      row->min_ts_ms = ts;
    if ((first && i == 0) || ts > row->max_ts_ms)
      row->max_ts_ms = ts;
  }
  row->last_block++;
  row->rows += (int64_t)count;
}

int keeper__write_block(struct history_keeper *keeper, struct open_file *file,
                        struct segment_row *row, size_t count, struct belfry_error *error) {
  struct segment *segment = &file->segment;
  int status = segment__begin(segment, error);
  if (status)
    return status;
  status = segment__forget(segment, row->last_block, error);
  if (!status)
    status = segment__put_block(segment, keeper->coder, row->last_block + 1, keeper->events, count,
                                error);
  if (status) {
    segment__rollback(segment);
    return status;
  }
  status = segment__commit(segment, error);
  if (!status)
    extend_row(row, keeper->events, count);
  if (!status && segment->wal_pages > CHECKPOINT_PAGES)
    status = segment__checkpoint(segment, error);
  return status;
}

static int seal(struct history_keeper *keeper, const struct segment_row *old, size_t count,
                struct belfry_error *error) {
  const struct event *last = &keeper->events[count - 1];
  struct history_hand_over hand_over = {.row = *old,
                                        .old_last_block = old->last_block,
                                        .now_ms = clock_realtime_ms(keeper->clock),
                                        .first_id = keeper->events[0].id,
                                        .last_id = last->id,
                                        .count = count,
                                        .received_ms = last->received_ms,
                                        .hashes = keeper->hashes[0]};
  struct open_file *file;
  memcpy(hand_over.old_file, old->file, sizeof hand_over.old_file);
  int status = keeper__file(keeper, old, &file, error);
  if (status)
    return status;
  status = keeper__write_block(keeper, file, &hand_over.row, count, error);
  if (status)
    return status;
  hand_over.row.bytes = segment__bytes(&file->segment);
  status = keeper__hand_over(keeper, &hand_over, error);
  if (!status) {
    keeper->figures.events += (int64_t)count;
    keeper->figures.blocks++;
  }
  return status;
}

static bool is_damage(int status) {
  return status == BELFRY_ECORRUPT || status == BELFRY_ENOENT;
}

int keeper__seal_events(struct history_keeper *keeper, bool *did, struct belfry_error *error) {
  struct hot_bounds hot;
  struct plan plan;
  struct segment_row row;
  struct belfry_error why = {0};
  size_t count;
  int status = keeper__hot_bounds(keeper, &hot, error);
  if (status || !make_plan(keeper, &hot, &plan))
    return status;
  status = read_events(keeper, &plan, &count, error);
  if (status || count == 0)
    return status;
  status = keeper__settle_events(keeper, count, error);
  if (status)
    return status;
  choose_row(keeper, keeper->events[0].received_ms, &row);
  status = seal(keeper, &row, count, &why);
  *did = status == BELFRY_OK;
  if (is_damage(status) && row.id != 0) { /* the next step begins another file */
    *did = true;
    return keeper__quarantine(keeper, &row, why.text, error);
  }
  return status ? belfry_error_set(error, status, "%s", why.text) : BELFRY_OK;
}

/* --- a day that is over --- */

static int finish(struct history_keeper *keeper, const struct segment_row *old,
                  struct open_file *file, struct belfry_error *error) {
  struct history_hand_over hand_over = {
      .row = *old, .old_last_block = old->last_block, .now_ms = clock_realtime_ms(keeper->clock)};
  char old_name[SEGMENT_FILE_BYTES];
  memcpy(hand_over.old_file, old->file, sizeof hand_over.old_file);
  memcpy(old_name, old->file, sizeof old_name);
  hand_over.row.state = SEGMENT_FINISHED;
  keeper__name_next(keeper, &hand_over.row);
  int status = segment__forget(&file->segment, old->last_block, error);
  if (!status)
    status = segment__copy(&file->segment, keeper->dir, &hand_over.row, error);
  if (status)
    return status;
  hand_over.row.bytes = segment__file_bytes(keeper->dir, hand_over.row.file);
  status = keeper__hand_over(keeper, &hand_over, error);
  if (status)
    return status;
  keeper->merging = 0;
  keeper__close_file(keeper, file);
  return segment__remove(keeper->dir, old_name, error);
}

static int merge_or_finish(struct history_keeper *keeper, const struct segment_row *row,
                           struct belfry_error *error) {
  struct open_file *file;
  bool more = false, first = keeper->merging != row->id;
  int status = keeper__file(keeper, row, &file, error);
  if (!status)
    status = segment__merge_words(&file->segment, first, &more, error);
  keeper->merging = status ? 0 : row->id;
  if (!status && file->segment.wal_pages > CHECKPOINT_PAGES)
    status = segment__checkpoint(&file->segment, error);
  return status || more ? status : finish(keeper, row, file, error);
}

/* The oldest file that no event of hot.db will go into any more, or NULL. */
static const struct segment_row *find_over(const struct history_keeper *keeper,
                                           const struct hot_bounds *hot) {
  for (size_t i = 0; i < keeper->list.count && hot->oldest; i++) {
    const struct segment_row *row = &keeper->list.rows[i];
    if (row->kind == SEGMENT_EVENTS && row->state == SEGMENT_OPEN &&
        row->end_ms <= hot->oldest_received_ms && row->id != keeper__rewritten(keeper))
      return row;
  }
  return NULL;
}

int keeper__finish_events(struct history_keeper *keeper, bool *did, struct belfry_error *error) {
  struct hot_bounds hot;
  struct belfry_error why = {0};
  int status = keeper__hot_bounds(keeper, &hot, error);
  const struct segment_row *over = status ? NULL : find_over(keeper, &hot);
  if (!over)
    return status;
  struct segment_row row = *over; /* the list changes with the hand-over */
  status = merge_or_finish(keeper, &row, &why);
  *did = status == BELFRY_OK;
  if (is_damage(status)) {
    *did = true;
    return keeper__quarantine(keeper, &row, why.text, error);
  }
  return status ? belfry_error_set(error, status, "%s", why.text) : BELFRY_OK;
}
