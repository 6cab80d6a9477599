/*
 * The keeper's work on samples: sealing a window of time for all series at once (samples, minutes
 * and hours in one hand-over, so that the tiers never disagree), sealing late samples, sweeping
 * what is sealed, and rewriting what is over so that a series has one chunk a day.
 *
 * A piece of work goes over several steps: the rows are read once, then as many series are packed
 * as fit in a step, and the last step hands over. Until then nobody sees what was written; what a
 * crash leaves is forgotten when the file is opened again.
 */
#include "history/bucket_priv.h"
#include "history/keeper_priv.h"
#include "history/planes_priv.h"
#include "history/sample_marks_priv.h"
#include "history/sealed_priv.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_MS        (30 * MINUTE_MS)
#define WINDOW_ROWS      400000 /* a window with more is made shorter, down to a minute */
#define LATE_ROWS        200000
#define LATE_MANY        20000 /* so many late samples do not wait for others */
#define LATE_WAIT_MS     10000
#define SWEEP_ROWS       1000
#define STEP_US          30000
#define IDLE_MS          600000 /* a span that is over is rewritten when nothing came so long */
#define MONTH_CHUNKS_MAX 48     /* hand-overs to a month that goes on, before it is rewritten */
#define CHECKPOINT_PAGES 1000
#define NEW_RANK         UINT64_MAX

enum sample_job { JOB_NONE, JOB_WINDOW, JOB_LATE, JOB_REWRITE };

enum { SAMPLES, MINUTES, HOURS, KINDS };
static const enum segment_kind kinds[KINDS] = {SEGMENT_SAMPLES, SEGMENT_MINUTES, SEGMENT_HOURS};

struct sample_row {
  int64_t day_ms, series_id, ts_ms;
  int64_t seq; /* of a late one */
  double value;
};

/* A file that is being written. */
struct target {
  struct open_file *file; /* NULL: none; borrowed from the keeper */
  size_t change;          /* its place among the changes */
};

struct sample_keeper {
  struct history_keeper *keeper;
  struct sealed sealed; /* to read what is there already */
  enum sample_job job;
  struct sample_marks marks;
  struct sample_row *rows; /* owned; by day, series and time */
  size_t count, cap, at;
  int64_t late_upto;
  int64_t late_seen_ms; /* when there was none the last time */
  struct target targets[KINDS];
  struct segment_change *changes; /* owned */
  size_t change_count, change_cap;
  /* Of a rewrite. */
  struct segment_row *old; /* owned; the files that become one */
  size_t old_count;
  int64_t series_id;
  /* Scratch. */
  struct sample_run run;
  struct bucket_run minutes, hours, wider;
  struct sketch sketch;
  int64_t *times_ms;
  double *values;
  struct rollup_bucket *buckets;
  struct buf blob;
};

static int out_of_memory(struct belfry_error *error) {
  return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while sealing samples");
}

void keeper__samples_free(struct sample_keeper *all) {
  if (!all)
    return;
  sealed__fini(&all->sealed);
  free(all->rows);
  free(all->changes);
  free(all->old);
  sample_run_fini(&all->run);
  bucket_run_fini(&all->minutes);
  bucket_run_fini(&all->hours);
  bucket_run_fini(&all->wider);
  sketch__fini(&all->sketch);
  free(all->times_ms);
  free(all->values);
  free(all->buckets);
  buf_fini(&all->blob);
  free(all);
}

static int make(struct history_keeper *keeper, struct belfry_error *error) {
  struct sample_keeper *all = calloc(1, sizeof *all);
  if (!all)
    return out_of_memory(error);
  keeper->samples = all;
  all->keeper = keeper;
  buf_init(&all->blob, 0);
  all->times_ms = malloc(CHUNK_SAMPLES_MAX * sizeof *all->times_ms);
  all->values = malloc(CHUNK_SAMPLES_MAX * sizeof *all->values);
  all->buckets = malloc(ROLLUP_BUCKETS_MAX * sizeof *all->buckets);
  int status = sealed__init(&all->sealed, keeper->dir, error);
  if (!status)
    status = sealed__coders(&all->sealed, error);
  if (!status && (!all->times_ms || !all->values || !all->buckets))
    status = out_of_memory(error);
  if (status) {
    keeper__samples_free(all);
    keeper->samples = NULL;
  }
  return status;
}

/* --- files --- */

/* The files of a kind: they lie together in the list. */
static const struct segment_row *files_of(const struct sample_keeper *all, enum segment_kind kind,
                                          size_t *count) {
  const struct segment_list *list = &all->keeper->list;
  size_t first = 0;
  while (first < list->count && list->rows[first].kind != kind)
    first++;
  for (*count = 0; first + *count < list->count && list->rows[first + *count].kind == kind;)
    ++*count;
  return list->rows ? list->rows + first : NULL;
}

/* What was written so far becomes durable. */
static int commit_targets(struct sample_keeper *all, struct belfry_error *error) {
  int status = BELFRY_OK;
  for (int i = 0; i < KINDS && !status; i++) {
    struct target *target = &all->targets[i];
    if (!target->file)
      continue;
    if (!sqlite3_get_autocommit(target->file->segment.storage.db))
      status = segment__commit(&target->file->segment, error);
    if (!status && target->file->segment.wal_pages > CHECKPOINT_PAGES)
      status = segment__checkpoint(&target->file->segment, error);
    all->changes[target->change].row.bytes = segment__bytes(&target->file->segment);
  }
  return status;
}

/* Forgets what is being done. What was written of it has numbers that nobody knows, and is
 * forgotten when the file is written to again. */
static void give_up(struct sample_keeper *all) {
  for (int i = 0; i < KINDS; i++) {
    if (all->targets[i].file)
      segment__rollback(&all->targets[i].file->segment);
    all->targets[i] = (struct target){0};
  }
  all->change_count = 0;
  all->count = all->at = 0;
  all->job = JOB_NONE;
}

/* Remembers which file it was that is damaged, or gone. */
static int note_damage(struct sample_keeper *all, const struct segment_row *row, int status) {
  if (status == BELFRY_ECORRUPT || status == BELFRY_ENOENT)
    memcpy(all->sealed.damaged, row->file, sizeof all->sealed.damaged);
  return status;
}

static int add_change(struct sample_keeper *all, const struct segment_change *change,
                      struct belfry_error *error) {
  if (all->change_count == all->change_cap) {
    size_t cap = all->change_cap ? all->change_cap * 2 : 8;
    struct segment_change *changes = realloc(all->changes, cap * sizeof *changes);
    if (!changes)
      return out_of_memory(error);
    all->changes = changes;
    all->change_cap = cap;
  }
  all->changes[all->change_count++] = *change;
  return BELFRY_OK;
}

/* The file that samples of a time go into now: the last of its span, unless that is finished. */
static void choose_file(struct sample_keeper *all, enum segment_kind kind, int64_t ts_ms,
                        struct segment_change *out) {
  size_t count;
  struct segment_row span = {0};
  const struct segment_row *files = files_of(all, kind, &count), *last = NULL;
  segment__name(kind, ts_ms, 1, &span);
  for (size_t i = 0; i < count; i++)
    if (files[i].start_ms == span.start_ms)
      last = &files[i];
  if (last && last->state == SEGMENT_OPEN) {
    *out = (struct segment_change){
        .what = SEGMENT_CHANGED, .row = *last, .old_last_block = last->last_block};
    memcpy(out->old_file, last->file, sizeof out->old_file);
  } else {
    *out = (struct segment_change){.what = SEGMENT_ADDED, .row = span};
    out->row.state = SEGMENT_OPEN;
    keeper__name_next(all->keeper, &out->row);
    out->row.min_ts_ms = out->row.max_ts_ms = ts_ms;
  }
  out->row.last_block++;
}

static int open_target(struct sample_keeper *all, int i, int64_t ts_ms,
                       struct belfry_error *error) {
  struct target *target = &all->targets[i];
  if (target->file) {
    const struct segment_row *row = &all->changes[target->change].row;
    if (ts_ms >= row->start_ms && ts_ms < row->end_ms)
      return sqlite3_get_autocommit(target->file->segment.storage.db)
                 ? segment__begin(&target->file->segment, error)
                 : BELFRY_OK;
    int status = commit_targets(all, error);
    if (status)
      return status;
    *target = (struct target){0};
  }
  struct segment_change change;
  choose_file(all, kinds[i], ts_ms, &change);
  struct segment_row known = change.row;
  known.last_block--;
  struct open_file *file;
  int status = keeper__file(all->keeper, &known, &file, error);
  if (!status)
    status = segment__begin(&file->segment, error);
  if (!status)
    status = segment__forget(&file->segment, known.last_block, error);
  if (!status)
    status = add_change(all, &change, error);
  if (!status)
    *target = (struct target){.file = file, .change = all->change_count - 1};
  return note_damage(all, &known, status);
}

static int put_chunk(struct sample_keeper *all, int i, int64_t series_id, int64_t start_ms,
                     int64_t end_ms, size_t count, struct belfry_error *error) {
  int status = open_target(all, i, start_ms, error);
  if (status)
    return status;
  struct target *target = &all->targets[i];
  struct segment_row *row = &all->changes[target->change].row;
  if (row->rows == 0 || start_ms < row->min_ts_ms)
    row->min_ts_ms = start_ms;
  if (row->rows == 0 || end_ms > row->max_ts_ms)
    row->max_ts_ms = end_ms;
  row->rows += (int64_t)count;
  status = segment__put_chunk(&target->file->segment, series_id, row->last_block, start_ms, end_ms,
                              count, buf_slice(&all->blob), error);
  return note_damage(all, row, status);
}

/* --- packing --- */

static int put_samples(struct sample_keeper *all, int64_t series_id,
                       const struct sealed_sample *samples, size_t count,
                       struct belfry_error *error) {
  int status = BELFRY_OK;
  for (size_t done = 0, some; done < count && !status; done += some) {
    some = count - done < CHUNK_SAMPLES_MAX ? count - done : CHUNK_SAMPLES_MAX;
    for (size_t i = 0; i < some; i++) {
      all->times_ms[i] = samples[done + i].ts_ms;
      all->values[i] = samples[done + i].value;
    }
    buf_clear(&all->blob);
    if (chunk__put(all->sealed.chunks, all->times_ms, all->values, some, &all->blob))
      return out_of_memory(error);
    status =
        put_chunk(all, SAMPLES, series_id, all->times_ms[0], all->times_ms[some - 1], some, error);
  }
  return status;
}

/* Buckets whose sketches are too many for one chunk go into two. */
static int put_buckets(struct sample_keeper *all, int i, int64_t series_id,
                       const struct sealed_bucket *buckets, size_t count, struct rollup_parts parts,
                       struct belfry_error *error) {
  if (count == 0)
    return BELFRY_OK;
  int status = count > ROLLUP_BUCKETS_MAX ? BELFRY_ETOOBIG : BELFRY_OK;
  for (size_t n = 0; n < count && !status; n++)
    all->buckets[n] = buckets[n].bucket;
  buf_clear(&all->blob);
  if (!status)
    status = rollup__put(all->sealed.rollups, all->buckets, count, parts, &all->blob);
  if (status == BELFRY_ETOOBIG && count > 1) {
    status = put_buckets(all, i, series_id, buckets, count / 2, parts, error);
    return status ? status
                  : put_buckets(all, i, series_id, buckets + count / 2, count - count / 2, parts,
                                error);
  }
  if (status)
    return belfry_error_set(error, status, "cannot pack roll-ups: %s", belfry_strerror(status));
  return put_chunk(all, i, series_id, buckets[0].bucket.start_ms,
                   buckets[count - 1].bucket.start_ms, count, error);
}

static void clear_buckets(struct bucket_run *run) {
  run->count = run->bin_count = 0;
  run->disordered = run->lacks_increases = run->lacks_sketches = false;
}

/* Adds what is in all->sketch with a bucket. */
static int add_bucket(struct sample_keeper *all, struct bucket_run *run,
                      struct rollup_bucket *bucket, struct rollup_parts parts,
                      struct belfry_error *error) {
  bucket->bins = all->sketch.bins;
  bucket->bin_count = parts.sketches ? all->sketch.bin_count : 0;
  return bucket_run_add(run, bucket, NEW_RANK, parts.sketches) ? out_of_memory(error) : BELFRY_OK;
}

/* Minutes out of samples: of those that hold a new one. */
static int make_minutes(struct sample_keeper *all, const struct sample_run *samples,
                        struct rollup_parts parts, struct belfry_error *error) {
  int status = BELFRY_OK;
  clear_buckets(&all->minutes);
  for (size_t i = 0, end; i < samples->count && !status; i = end) {
    struct rollup_bucket minute =
        bucket__empty(bucket__floor(samples->samples[i].ts_ms, MINUTE_MS));
    bool touched = false;
    sketch__clear(&all->sketch);
    for (end = i; end < samples->count &&
                  samples->samples[end].ts_ms < minute.start_ms + MINUTE_MS && !status;
         end++) {
      const struct sealed_sample *sample = &samples->samples[end];
      touched |= sample->rank == NEW_RANK;
      bucket__add(&minute, sample->value);
      if (end - i < CHUNK_SAMPLES_MAX)
        all->values[end - i] = sample->value;
      if (parts.sketches && sketch__add(&all->sketch, sample->value, 1))
        status = out_of_memory(error);
    }
    if (status || !touched)
      continue;
    bucket__round(&minute,
                  end - i <= CHUNK_SAMPLES_MAX ? planes__exponent(all->values, end - i) : -1);
    status = add_bucket(all, &all->minutes, &minute, parts, error);
  }
  bucket_run_settle(&all->minutes);
  return status;
}

/* Hours out of minutes: of those that hold a new one. */
static int make_hours(struct sample_keeper *all, const struct bucket_run *minutes,
                      struct rollup_parts parts, struct belfry_error *error) {
  int status = BELFRY_OK;
  clear_buckets(&all->hours);
  for (size_t i = 0, end; i < minutes->count && !status; i = end) {
    struct rollup_bucket hour =
        bucket__empty(bucket__floor(minutes->buckets[i].bucket.start_ms, HOUR_MS));
    bool touched = false;
    sketch__clear(&all->sketch);
    for (end = i; end < minutes->count &&
                  minutes->buckets[end].bucket.start_ms < hour.start_ms + HOUR_MS && !status;
         end++) {
      const struct rollup_bucket *minute = &minutes->buckets[end].bucket;
      touched |= minutes->buckets[end].rank == NEW_RANK;
      bucket__append(&hour, minute);
      all->values[end - i] = minute->sum;
      for (uint32_t bin = 0; bin < minute->bin_count && parts.sketches && !status; bin++)
        status = sketch__add_bin(&all->sketch, minute->bins[bin].key, minute->bins[bin].count);
    }
    if (status)
      return belfry_error_set(error, status, "cannot add up sketches: %s", belfry_strerror(status));
    if (!touched)
      continue;
    bucket__round(&hour, planes__exponent(all->values, end - i));
    status = add_bucket(all, &all->hours, &hour, parts, error);
  }
  bucket_run_settle(&all->hours);
  return status;
}

/* The minutes of all hours that are touched, those that were sealed before included. */
static int widen_minutes(struct sample_keeper *all, int64_t series_id, struct rollup_parts parts,
                         struct belfry_error *error) {
  size_t count;
  const struct bucket_run *minutes = &all->minutes;
  const struct segment_row *files = files_of(all, SEGMENT_MINUTES, &count);
  int64_t from = bucket__floor(minutes->buckets[0].bucket.start_ms, HOUR_MS);
  int64_t to =
      bucket__floor(minutes->buckets[minutes->count - 1].bucket.start_ms, HOUR_MS) + HOUR_MS;
  clear_buckets(&all->wider);
  int status = BELFRY_OK;
  if (all->job == JOB_LATE || all->marks.sealed_ms > from)
    status = sealed__buckets(&all->sealed, files, count, series_id, from, to, parts.sketches,
                             &all->wider, error);
  for (size_t i = 0; i < minutes->count && !status; i++)
    if (bucket_run_add(&all->wider, &minutes->buckets[i].bucket, NEW_RANK, parts.sketches))
      status = out_of_memory(error);
  bucket_run_settle(&all->wider);
  return status;
}

static bool matches_any(struct slice patterns, struct slice metric) {
  struct slice one;
  while (patterns.len > 0 && slice_split(&patterns, ',', &one))
    if (slice_glob(slice_trim(one), metric))
      return true;
  return false;
}

static int find_parts(struct sample_keeper *all, int64_t series_id, struct rollup_parts *out,
                      struct belfry_error *error) {
  sqlite3_stmt *statement;
  struct storage *hot = &all->keeper->hot;
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("id", series_id)};
  int status = storage__statement(hot, SQL_SERIES_METRIC, &statement, error);
  if (!status)
    status = storage__bind(statement, values, 1, error);
  if (status)
    return status;
  *out = (struct rollup_parts){0};
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) {
    struct slice metric = storage__text(statement, 0);
    *out = bucket__parts_of(metric);
    out->sketches |= matches_any(slice_of(all->keeper->options.quantiles), metric);
  } else if (code != SQLITE_DONE) {
    status = storage__fail(hot, code, "cannot read a series", error);
  }
  sqlite3_reset(statement);
  return status;
}

/* --- late samples of which the earlier ones are gone --- */

static size_t first_from(const struct sample_run *run, int64_t ts_ms) {
  size_t low = 0, high = run->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (run->samples[middle].ts_ms < ts_ms)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Whether the minute was rolled up from more samples than are kept: those were retired, and from
 * what is left it would be rolled up wrongly. */
static bool is_retired(const struct bucket_run *minutes, const struct sample_run *kept,
                       int64_t minute_ms) {
  for (size_t i = 0; i < minutes->count; i++) {
    const struct rollup_bucket *bucket = &minutes->buckets[i].bucket;
    if (bucket->start_ms == minute_ms)
      return bucket->count >
             (int64_t)(first_from(kept, minute_ms + MINUTE_MS) - first_from(kept, minute_ms));
  }
  return false;
}

/* Puts the new samples into the run, but for those that come too late even for that. */
static int take_late(struct sample_keeper *all, const struct sample_row *rows, size_t count,
                     struct belfry_error *error) {
  int64_t from_ms = bucket__floor(rows[0].ts_ms, MINUTE_MS);
  int64_t to_ms = bucket__floor(rows[count - 1].ts_ms, MINUTE_MS) + MINUTE_MS, minute_ms = -1;
  struct sample_run kept = {0};
  struct bucket_run minutes = {0};
  bool retired = false;
  size_t files;
  const struct segment_row *of = files_of(all, SEGMENT_SAMPLES, &files);
  int status =
      sealed__samples(&all->sealed, of, files, rows[0].series_id, from_ms, to_ms, &kept, error);
  of = files_of(all, SEGMENT_MINUTES, &files);
  if (!status)
    status = sealed__buckets(&all->sealed, of, files, rows[0].series_id, from_ms, to_ms, false,
                             &minutes, error);
  if (!status)
    bucket_run_settle(&minutes);
  for (size_t i = 0; i < count && !status; i++) {
    int64_t of_ms = bucket__floor(rows[i].ts_ms, MINUTE_MS);
    if (i == 0 || of_ms != minute_ms)
      retired = is_retired(&minutes, &kept, of_ms);
    minute_ms = of_ms;
    if (retired)
      all->keeper->figures.samples_too_late++;
    else if (sample_run_add(&all->run, rows[i].ts_ms, rows[i].value, NEW_RANK))
      status = out_of_memory(error);
  }
  sample_run_fini(&kept);
  bucket_run_fini(&minutes);
  return status;
}

/* Packs the rows of one series and day: its samples, their minutes and their hours. */
static int pack(struct sample_keeper *all, const struct sample_row *rows, size_t count,
                struct belfry_error *error) {
  int64_t series_id = rows[0].series_id;
  struct rollup_parts parts;
  struct sample_run *run = &all->run;
  run->count = 0;
  run->disordered = false;
  int status = find_parts(all, series_id, &parts, error);
  if (!status && all->job == JOB_LATE)
    status = take_late(all, rows, count, error);
  for (size_t i = 0; all->job != JOB_LATE && i < count && !status; i++)
    if (sample_run_add(run, rows[i].ts_ms, rows[i].value, NEW_RANK))
      status = out_of_memory(error);
  if (status || run->count == 0)
    return status;
  status = put_samples(all, series_id, run->samples, run->count, error);
  if (!status && all->job == JOB_LATE) {
    size_t files;
    const struct segment_row *of = files_of(all, SEGMENT_SAMPLES, &files);
    status =
        sealed__samples(&all->sealed, of, files, series_id, bucket__floor(rows[0].ts_ms, MINUTE_MS),
                        bucket__floor(rows[count - 1].ts_ms, MINUTE_MS) + MINUTE_MS, run, error);
  }
  if (!status)
    status = make_minutes(all, run, parts, error);
  if (!status)
    status = put_buckets(all, MINUTES, series_id, all->minutes.buckets, all->minutes.count, parts,
                         error);
  if (!status)
    status = widen_minutes(all, series_id, parts, error);
  parts.sketches &= !all->wider.lacks_sketches; /* part of the values would be worse than none */
  parts.increases &= !all->wider.lacks_increases;
  if (!status)
    status = make_hours(all, &all->wider, parts, error);
  return status ? status
                : put_buckets(all, HOURS, series_id, all->hours.buckets, all->hours.count, parts,
                              error);
}

/* --- rows --- */

static int add_row(struct sample_keeper *all, const struct sample_row *row,
                   struct belfry_error *error) {
  if (all->count == all->cap) {
    size_t cap = all->cap ? all->cap * 2 : 4096;
    struct sample_row *rows = realloc(all->rows, cap * sizeof *rows);
    if (!rows)
      return out_of_memory(error);
    all->rows = rows;
    all->cap = cap;
  }
  all->rows[all->count++] = *row;
  return BELFRY_OK;
}

static int compare_rows(const void *a, const void *b) {
  const struct sample_row *left = a, *right = b;
  if (left->day_ms != right->day_ms)
    return left->day_ms < right->day_ms ? -1 : 1;
  if (left->series_id != right->series_id)
    return left->series_id < right->series_id ? -1 : 1;
  if (left->ts_ms != right->ts_ms)
    return left->ts_ms < right->ts_ms ? -1 : 1;
  return (left->seq > right->seq) - (left->seq < right->seq);
}

/* By day, series and time; of several for one moment the newest. */
static void sort_rows(struct sample_keeper *all) {
  size_t kept = 0;
  if (all->count > 0)
    qsort(all->rows, all->count, sizeof *all->rows, compare_rows);
  for (size_t i = 0; i < all->count; i++)
    if (i + 1 == all->count || all->rows[i + 1].ts_ms != all->rows[i].ts_ms ||
        all->rows[i + 1].series_id != all->rows[i].series_id)
      all->rows[kept++] = all->rows[i];
  all->count = kept;
}

/* Columns: [seq,] ts, series_id, value. */
static int read_rows(struct sample_keeper *all, enum sql_statement number,
                     const struct history_value *values, size_t value_count,
                     struct belfry_error *error) {
  sqlite3_stmt *statement;
  struct storage *hot = &all->keeper->hot;
  int column = number == SQL_LATE_SAMPLES_FROM;
  int status = storage__statement(hot, number, &statement, error);
  if (!status)
    status = storage__bind(statement, values, value_count, error);
  if (status)
    return status;
  int code = SQLITE_DONE;
  all->count = all->at = 0;
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct sample_row row = {.seq = column ? sqlite3_column_int64(statement, 0) : 0,
                             .ts_ms = sqlite3_column_int64(statement, column),
                             .series_id = sqlite3_column_int64(statement, column + 1),
                             .value = sqlite3_column_double(statement, column + 2)};
    row.day_ms = bucket__floor(row.ts_ms, DAY_MS);
    if (column)
      all->late_upto = row.seq;
    status = add_row(all, &row, error);
  }
  if (!status && code != SQLITE_DONE)
    status = storage__fail(hot, code, "cannot read the samples that are to be sealed", error);
  sqlite3_reset(statement);
  sort_rows(all);
  return status;
}

/* --- handing over --- */

static int hand_over(struct sample_keeper *all, struct sample_hand_over *samples,
                     struct belfry_error *error) {
  samples->now_ms = clock_realtime_ms(all->keeper->clock);
  const struct history_hand_over hand_over = {.samples = samples, .now_ms = samples->now_ms};
  return keeper__hand_over(all->keeper, &hand_over, error);
}

static int64_t step_end_us(const struct sample_keeper *all) {
  return clock_monotonic_us(all->keeper->clock) + STEP_US;
}

static bool is_over(const struct sample_keeper *all, int64_t end_us) {
  return clock_monotonic_us(all->keeper->clock) >= end_us;
}

/* Packs some series more; hands over after the last. */
static int go_on_packing(struct sample_keeper *all, struct belfry_error *error) {
  int64_t end_us = step_end_us(all);
  int status = BELFRY_OK;
  do {
    size_t count = 0;
    const struct sample_row *first = all->rows ? all->rows + all->at : NULL;
    while (all->at + count < all->count && first[count].series_id == first->series_id &&
           first[count].day_ms == first->day_ms)
      count++;
    if (count > 0)
      status = pack(all, first, count, error);
    all->at += count;
  } while (!status && all->at < all->count && !is_over(all, end_us));
  if (!status)
    status = commit_targets(all, error);
  if (status || all->at < all->count)
    return status;
  struct sample_hand_over done = {.changes = all->changes, .change_count = all->change_count};
  if (all->job == JOB_WINDOW)
    done.sealed_ms = all->marks.closed_ms;
  else
    done.late_sealed = all->late_upto;
  status = hand_over(all, &done, error);
  if (status)
    return status;
  memset(all->targets, 0, sizeof all->targets);
  all->keeper->figures.samples += (int64_t)all->count;
  all->change_count = 0;
  all->count = all->at = 0;
  all->job = JOB_NONE;
  return BELFRY_OK;
}

static int begin_window(struct sample_keeper *all, struct belfry_error *error) {
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("from", all->marks.sealed_ms),
                                         HISTORY_VALUE_INTEGER("to", all->marks.closed_ms)};
  all->job = JOB_WINDOW;
  return read_rows(all, SQL_SAMPLES_BETWEEN, values, 2, error);
}

static int begin_late(struct sample_keeper *all, struct belfry_error *error) {
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("after", all->marks.late_sealed),
                                         HISTORY_VALUE_INTEGER("limit", LATE_ROWS)};
  all->job = JOB_LATE;
  all->late_upto = all->marks.late_sealed;
  return read_rows(all, SQL_LATE_SAMPLES_FROM, values, 2, error);
}

/* --- what there is to do --- */

static int has_unswept(struct sample_keeper *all, bool *out, struct belfry_error *error) {
  sqlite3_stmt *statement;
  struct storage *hot = &all->keeper->hot;
  const struct history_value values[] = {
      HISTORY_VALUE_INTEGER("sealed", all->marks.sealed_ms),
      HISTORY_VALUE_INTEGER("late_sealed", all->marks.late_sealed)};
  int status = storage__statement(hot, SQL_SAMPLE_SWEPT, &statement, error);
  if (!status)
    status = storage__bind(statement, values, 2, error);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW)
    *out = sqlite3_column_int(statement, 0);
  else
    status = storage__fail(hot, code, "cannot look for samples to be swept", error);
  sqlite3_reset(statement);
  return status;
}

/* Where the next window ends; 0: there is none yet. */
static int next_window(struct sample_keeper *all, int64_t now_ms, int64_t *out,
                       struct belfry_error *error) {
  sqlite3_stmt *statement;
  struct storage *hot = &all->keeper->hot;
  const struct history_value values[] = {
      HISTORY_VALUE_INTEGER("from", all->marks.sealed_ms),
      HISTORY_VALUE_INTEGER("to", now_ms - all->keeper->options.hot_samples_ms),
      HISTORY_VALUE_INTEGER("offset", WINDOW_ROWS)};
  *out = 0;
  int status = storage__statement(hot, SQL_SAMPLE_FIRST, &statement, error);
  if (!status)
    status = storage__bind(statement, values, 3, error);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  if (code != SQLITE_ROW) {
    status = storage__fail(hot, code, "cannot look for samples to be sealed", error);
  } else if (sqlite3_column_type(statement, 0) != SQLITE_NULL) {
    int64_t first = sqlite3_column_int64(statement, 0);
    int64_t end = bucket__floor(first, WINDOW_MS) + WINDOW_MS;
    if (sqlite3_column_type(statement, 1) != SQLITE_NULL) {
      int64_t full = bucket__floor(sqlite3_column_int64(statement, 1), MINUTE_MS);
      int64_t shortest = bucket__floor(first, MINUTE_MS) + MINUTE_MS;
      end = full < end ? full : end;
      end = shortest > end ? shortest : end;
    }
    if (end <= now_ms - all->keeper->options.hot_samples_ms)
      *out = end;
  }
  sqlite3_reset(statement);
  return status;
}

/* Whether late samples have waited long enough. */
static bool late_is_due(struct sample_keeper *all, int64_t now_ms) {
  int64_t waiting = all->marks.late_last - all->marks.late_sealed;
  if (waiting <= 0)
    all->late_seen_ms = now_ms;
  int64_t waited_ms = now_ms - all->late_seen_ms;
  return waiting >= LATE_MANY || (waiting > 0 && (waited_ms >= LATE_WAIT_MS || waited_ms < 0));
}

/* --- rewriting --- */

static bool is_due(const struct sample_keeper *all, const struct segment_row *files, size_t count,
                   int64_t now_ms) {
  bool open = false;
  int64_t numbers = 0;
  for (size_t i = 0; i < count; i++) {
    if (now_ms - files[i].changed_ms < IDLE_MS && now_ms >= files[i].changed_ms &&
        files[i].end_ms <= all->marks.sealed_ms)
      return false;
    open |= files[i].state == SEGMENT_OPEN;
    numbers += files[i].last_block;
  }
  if (files[0].end_ms <= all->marks.sealed_ms)
    return open || count > 1;
  return files[0].kind == SEGMENT_HOURS && numbers > MONTH_CHUNKS_MAX;
}

/* The first span whose files are to become one; the quarantined stay as they are. */
static int find_rewrite(struct sample_keeper *all, int64_t now_ms, struct belfry_error *error) {
  for (int kind = 0; kind < KINDS; kind++) {
    size_t count, kept = 0;
    const struct segment_row *files = files_of(all, kinds[kind], &count);
    free(all->old);
    all->old = malloc((count + 1) * sizeof *all->old);
    all->old_count = 0;
    if (!all->old)
      return out_of_memory(error);
    for (size_t i = 0; i < count; i++) {
      if (files[i].state != SEGMENT_QUARANTINED)
        all->old[kept++] = files[i];
      bool last = i + 1 == count || files[i + 1].start_ms != files[i].start_ms;
      if (last && kept > 0 && is_due(all, all->old, kept, now_ms)) {
        all->old_count = kept;
        return BELFRY_OK;
      }
      kept = last ? 0 : kept;
    }
  }
  return BELFRY_OK;
}

static int kind_place(enum segment_kind kind) {
  return kind == SEGMENT_SAMPLES ? SAMPLES : kind == SEGMENT_MINUTES ? MINUTES : HOURS;
}

static int begin_rewrite(struct sample_keeper *all, struct belfry_error *error) {
  int i = kind_place(all->old[0].kind);
  struct segment_change change = {
      .what = SEGMENT_CHANGED, .row = all->old[0], .old_last_block = all->old[0].last_block};
  memcpy(change.old_file, all->old[0].file, sizeof change.old_file);
  keeper__name_next(all->keeper, &change.row);
  change.row.state = change.row.end_ms <= all->marks.sealed_ms ? SEGMENT_FINISHED : SEGMENT_OPEN;
  change.row.rows = change.row.last_block = 0;
  all->job = JOB_REWRITE;
  all->series_id = INT64_MIN;
  struct open_file *file;
  int status = keeper__file(all->keeper, &change.row, &file, error);
  if (!status) /* of a rewrite that was given up */
    status = segment__forget(&file->segment, 0, error);
  change.row.last_block = 1;
  if (!status)
    status = add_change(all, &change, error);
  if (!status)
    all->targets[i] = (struct target){.file = file, .change = all->change_count - 1};
  for (size_t n = 1; n < all->old_count && !status; n++) {
    change = (struct segment_change){.what = SEGMENT_REMOVED, .row = all->old[n]};
    status = add_change(all, &change, error);
  }
  return status;
}

static int rewrite_series(struct sample_keeper *all, int64_t series_id,
                          struct belfry_error *error) {
  enum segment_kind kind = all->old[0].kind;
  int64_t from = all->old[0].start_ms, to = all->old[0].end_ms;
  if (kind == SEGMENT_SAMPLES) {
    all->run.count = 0;
    all->run.disordered = false;
    int status = sealed__samples(&all->sealed, all->old, all->old_count, series_id, from, to,
                                 &all->run, error);
    return status ? status : put_samples(all, series_id, all->run.samples, all->run.count, error);
  }
  clear_buckets(&all->wider);
  int status = sealed__buckets(&all->sealed, all->old, all->old_count, series_id, from, to, true,
                               &all->wider, error);
  bucket_run_settle(&all->wider);
  const struct rollup_parts parts = {.increases = !all->wider.lacks_increases,
                                     .sketches = !all->wider.lacks_sketches};
  return status ? status
                : put_buckets(all, kind_place(kind), series_id, all->wider.buckets,
                              all->wider.count, parts, error);
}

/* A finished file has no journal any more. */
static int close_rewritten(struct sample_keeper *all, struct target *target,
                           struct belfry_error *error) {
  struct segment_row *row = &all->changes[target->change].row;
  int status = BELFRY_OK;
  target->file = NULL;
  if (row->state == SEGMENT_FINISHED) {
    keeper__drop_file(all->keeper, row->file);
    status = segment__finish(all->keeper->dir, row->file, error);
    row->bytes = segment__file_bytes(all->keeper->dir, row->file);
  }
  return status;
}

static int end_rewrite(struct sample_keeper *all, struct belfry_error *error) {
  int status = close_rewritten(all, &all->targets[kind_place(all->old[0].kind)], error);
  if (status)
    return status;
  struct sample_hand_over done = {.changes = all->changes, .change_count = all->change_count};
  status = hand_over(all, &done, error);
  if (status)
    return status;
  all->change_count = 0;
  all->job = JOB_NONE;
  for (size_t i = 0; i < all->old_count && !status; i++) {
    keeper__drop_file(all->keeper, all->old[i].file);
    status = segment__remove(all->keeper->dir, all->old[i].file, error);
  }
  return status;
}

static int go_on_rewriting(struct sample_keeper *all, struct belfry_error *error) {
  int64_t end_us = step_end_us(all);
  int status = BELFRY_OK;
  bool more = true;
  do {
    status =
        sealed__next_series(&all->sealed, all->old, all->old_count, &all->series_id, &more, error);
    if (!status && more)
      status = rewrite_series(all, all->series_id, error);
  } while (!status && more && !is_over(all, end_us));
  if (!status)
    status = commit_targets(all, error);
  return status || more ? status : end_rewrite(all, error);
}

/* --- a step --- */

static int begin_something(struct sample_keeper *all, bool *did, struct belfry_error *error) {
  int64_t now_ms = clock_realtime_ms(all->keeper->clock), window_end = 0;
  bool unswept = false;
  int status = sample_marks_read(&all->keeper->hot, &all->marks, error);
  if (!status)
    status = has_unswept(all, &unswept, error);
  *did = true;
  if (status)
    return status;
  if (unswept)
    return hand_over(all, &(struct sample_hand_over){.sweep = SWEEP_ROWS}, error);
  if (all->marks.closed_ms > all->marks.sealed_ms)
    return begin_window(all, error);
  if (late_is_due(all, now_ms))
    return begin_late(all, error);
  status = next_window(all, now_ms, &window_end, error);
  if (status)
    return status;
  if (window_end)
    return hand_over(all, &(struct sample_hand_over){.closed_ms = window_end}, error);
  status = find_rewrite(all, now_ms, error);
  if (!status && all->old_count > 0)
    return begin_rewrite(all, error);
  *did = false;
  return status;
}

/* A file that is damaged is not read any more; what is left goes on without it. */
static int quarantine(struct sample_keeper *all, int status, const char *why,
                      struct belfry_error *error) {
  const struct segment_list *list = &all->keeper->list;
  for (size_t i = 0; i < list->count; i++)
    if (all->sealed.damaged[0] && strcmp(list->rows[i].file, all->sealed.damaged) == 0) {
      struct segment_row row = list->rows[i];
      all->sealed.damaged[0] = '\0';
      return keeper__quarantine(all->keeper, &row, why, error);
    }
  return belfry_error_set(error, status, "%s", why);
}

bool keeper__samples_idle(const struct history_keeper *keeper) {
  return !keeper->samples || keeper->samples->job == JOB_NONE;
}

int keeper__samples(struct history_keeper *keeper, bool *did, struct belfry_error *error) {
  struct belfry_error why = {0};
  int status = keeper->samples ? BELFRY_OK : make(keeper, error);
  if (status)
    return status;
  struct sample_keeper *all = keeper->samples;
  *did = true;
  all->sealed.damaged[0] = '\0';
  switch (all->job) {
  case JOB_NONE:
    status = begin_something(all, did, &why);
    break;
  case JOB_WINDOW:
  case JOB_LATE:
    status = go_on_packing(all, &why);
    break;
  case JOB_REWRITE:
    status = go_on_rewriting(all, &why);
    break;
  }
  if (!status)
    return BELFRY_OK;
  give_up(all);
  return quarantine(all, status, why.text[0] ? why.text : belfry_strerror(status), error);
}
