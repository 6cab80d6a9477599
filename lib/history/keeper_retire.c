/*
 * Retention: which sealed file is given up, by its age or because all of them together take too
 * much of the disk, and giving it up. A file goes as a whole: its row first, then itself.
 *
 * What is not sealed and finished never goes, nor do samples that are not rolled up yet. Within a
 * kind the oldest goes first, so that what is left has no hole.
 */
#include "history/keeper_priv.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_MS        INT64_C(86400000)
#define GROWTH_DAYS   7
#define DISK_CHECK_MS 10000 /* hot.db grows in between, but not far */

static int64_t keep_ms(const struct history_retention *retention, enum segment_kind kind) {
  switch (kind) {
  case SEGMENT_EVENTS:
    return retention->events_ms;
  case SEGMENT_SAMPLES:
    return retention->samples_ms;
  case SEGMENT_MINUTES:
    return retention->minutes_ms;
  default:
    return retention->hours_ms;
  }
}

static bool is_over(const struct history_retention *retention, const struct segment_row *row,
                    int64_t now_ms) {
  int64_t keep = keep_ms(retention, row->kind);
  return keep > 0 && row->end_ms <= now_ms - keep;
}

/* Roll-ups outlive samples: those of a day are made before the day goes. They may have gone
 * themselves, if they are kept for a shorter time. */
static bool is_rolled_up(const struct segment_list *list, const struct history_retention *retention,
                         const struct segment_row *samples, int64_t now_ms) {
  struct segment_row minutes = *samples;
  minutes.kind = SEGMENT_MINUTES;
  if (is_over(retention, &minutes, now_ms))
    return true;
  for (size_t i = 0; i < list->count; i++)
    if (list->rows[i].kind == SEGMENT_MINUTES && list->rows[i].start_ms == samples->start_ms)
      return true;
  return false;
}

/* Samples of long ago that come now (an import) come in many batches, and each makes the roll-ups
 * of its day anew from all samples of it: so those wait until nothing has come for a day. */
static bool is_settled(const struct segment_row *row, int64_t now_ms) {
  return row->kind != SEGMENT_SAMPLES || row->changed_ms <= now_ms - DAY_MS;
}

static bool may_go(const struct segment_list *list, const struct history_retention *retention,
                   const struct segment_row *row, int64_t now_ms) {
  if (row->state == SEGMENT_OPEN)
    return false;
  return row->kind != SEGMENT_SAMPLES || row->state == SEGMENT_QUARANTINED ||
         is_rolled_up(list, retention, row, now_ms);
}

/* When the disk is short, raw days go first, then minutes, then hours; of one sort the oldest. */
static int rank(enum segment_kind kind) {
  return kind == SEGMENT_MINUTES ? 1 : kind == SEGMENT_HOURS ? 2 : 0;
}

static bool goes_before(const struct segment_row *a, const struct segment_row *b) {
  if (rank(a->kind) != rank(b->kind))
    return rank(a->kind) < rank(b->kind);
  return a->end_ms != b->end_ms ? a->end_ms < b->end_ms : a->id < b->id;
}

/* Whether an older file of its kind stays for now: then it stays too, or there would be a hole. */
static bool is_oldest(const struct segment_list *list, const struct segment_row *row) {
  for (size_t i = 0; i < list->count; i++)
    if (list->rows[i].kind == row->kind && list->rows[i].end_ms < row->end_ms &&
        list->rows[i].state != SEGMENT_QUARANTINED)
      return false;
  return true;
}

const struct segment_row *keeper__choose_retired(const struct segment_list *list,
                                                 const struct history_retention *retention,
                                                 int64_t hot_bytes, int64_t now_ms) {
  const struct segment_row *chosen = NULL;
  int64_t bytes = hot_bytes;
  for (size_t i = 0; i < list->count; i++)
    bytes += list->rows[i].bytes;
  bool full = retention->disk_bytes > 0 && bytes > retention->disk_bytes;
  for (size_t i = 0; i < list->count; i++) {
    const struct segment_row *row = &list->rows[i];
    bool old = is_over(retention, row, now_ms) && is_settled(row, now_ms);
    if ((full || old) && may_go(list, retention, row, now_ms) && is_oldest(list, row) &&
        (!chosen || goes_before(row, chosen)))
      chosen = row;
  }
  return chosen;
}

static int64_t hot_bytes(const struct history_keeper *keeper) {
  static const char *const names[] = {STORAGE_DATABASE, STORAGE_DATABASE "-wal"};
  char path[PATH_MAX + 32];
  struct stat status;
  int64_t bytes = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", keeper->dir, names[i]);
    bytes += stat(path, &status) == 0 ? (int64_t)status.st_size : 0;
  }
  return bytes;
}

int keeper__retire(struct history_keeper *keeper, bool *did, struct belfry_error *error) {
  int64_t now_ms = clock_realtime_ms(keeper->clock);
  if (now_ms >= keeper->hot_looked_ms + DISK_CHECK_MS || now_ms < keeper->hot_looked_ms) {
    keeper->hot_bytes = hot_bytes(keeper);
    keeper->hot_looked_ms = now_ms;
  }
  const struct history_retention *retention = &keeper->options.retention;
  const struct segment_row *chosen =
      keeper__choose_retired(&keeper->list, retention, keeper->hot_bytes, now_ms);
  if (!chosen || !keeper__samples_idle(keeper)) /* whose work may be about that very file */
    return BELFRY_OK;
  struct history_hand_over hand_over = {
      .row = *chosen, .old_last_block = chosen->last_block, .now_ms = now_ms, .remove = true};
  const struct segment_row gone = *chosen; /* the list is read anew below */
  memcpy(hand_over.old_file, chosen->file, sizeof hand_over.old_file);
  int status = keeper__hand_over(keeper, &hand_over, error);
  if (status)
    return status;
  *did = true;
  keeper->figures.retired_files++;
  keeper->figures.retired_bytes += gone.bytes;
  log_info("%s is given up: %s", gone.file,
           is_over(retention, &gone, now_ms) ? "it is older than retention says"
                                             : "the history is larger than retention.disk");
  return segment__remove(keeper->dir, gone.file, error);
}

/* How far back each kind goes, and how much a day has come to lately. */
void keeper__measure(const struct segment_list *list, int64_t now_ms,
                     struct history_keeper_figures *figures) {
  int64_t bytes = 0, from_ms = now_ms - GROWTH_DAYS * DAY_MS, oldest_ms = now_ms;
  memset(figures->oldest_ms, 0, sizeof figures->oldest_ms);
  for (size_t i = 0; i < list->count; i++) {
    const struct segment_row *row = &list->rows[i];
    if (row->state == SEGMENT_QUARANTINED)
      continue;
    int64_t *oldest = &figures->oldest_ms[row->kind];
    *oldest = *oldest && *oldest < row->start_ms ? *oldest : row->start_ms;
    if (row->kind == SEGMENT_HOURS || row->end_ms <= from_ms)
      continue; /* a month's file says little of a week */
    bytes += row->bytes;
    oldest_ms = row->start_ms < oldest_ms ? row->start_ms : oldest_ms;
  }
  oldest_ms = oldest_ms > from_ms ? oldest_ms : from_ms;
  int64_t span_ms = now_ms - oldest_ms;
  figures->growth_bytes_per_day =
      bytes == 0
          ? 0
          : (int64_t)((double)bytes * DAY_MS / (double)(span_ms > DAY_MS ? span_ms : DAY_MS));
}
