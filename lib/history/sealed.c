#include "history/sealed_priv.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rank: the place of the file among those of its kind, then the number of the chunk in it. */
#define RANK_NUMBER_BITS 40

/* --- runs --- */

void sample_run_fini(struct sample_run *run) {
  free(run->samples);
  *run = (struct sample_run){0};
}

void bucket_run_fini(struct bucket_run *run) {
  free(run->buckets);
  free(run->bins);
  *run = (struct bucket_run){0};
}

/* Makes room for one more in an owned array. */
static int reserve(void **array, size_t *cap, size_t count, size_t more, size_t size) {
  if (count + more <= *cap)
    return BELFRY_OK;
  size_t room = *cap ? *cap * 2 : 64;
  while (room < count + more)
    room *= 2;
  void *larger = realloc(*array, room * size);
  if (!larger)
    return BELFRY_ENOMEM;
  *array = larger;
  *cap = room;
  return BELFRY_OK;
}

int sample_run_add(struct sample_run *run, int64_t ts_ms, double value, uint64_t rank) {
  int status = reserve((void **)&run->samples, &run->cap, run->count, 1, sizeof *run->samples);
  if (status)
    return status;
  run->disordered |= run->count > 0 && run->samples[run->count - 1].ts_ms >= ts_ms;
  run->samples[run->count++] = (struct sealed_sample){ts_ms, value, rank};
  return BELFRY_OK;
}

static int by_time_and_rank(const void *a, const void *b) {
  const struct sealed_sample *left = a, *right = b;
  if (left->ts_ms != right->ts_ms)
    return left->ts_ms < right->ts_ms ? -1 : 1;
  return (left->rank > right->rank) - (left->rank < right->rank);
}

void sample_run_settle(struct sample_run *run) {
  if (!run->disordered)
    return;
  qsort(run->samples, run->count, sizeof *run->samples, by_time_and_rank);
  size_t kept = 0;
  for (size_t i = 0; i < run->count; i++)
    if (i + 1 == run->count || run->samples[i + 1].ts_ms != run->samples[i].ts_ms)
      run->samples[kept++] = run->samples[i];
  run->count = kept;
  run->disordered = false;
}

/* Until the run is settled, `bins` of a bucket is an offset. */
int bucket_run_add(struct bucket_run *run, const struct rollup_bucket *bucket, uint64_t rank,
                   bool sketches) {
  uint32_t bins = sketches ? bucket->bin_count : 0;
  if (reserve((void **)&run->buckets, &run->cap, run->count, 1, sizeof *run->buckets) ||
      (bins &&
       reserve((void **)&run->bins, &run->bin_cap, run->bin_count, bins, sizeof *run->bins)))
    return BELFRY_ENOMEM;
  run->disordered |=
      run->count > 0 && run->buckets[run->count - 1].bucket.start_ms >= bucket->start_ms;
  struct sealed_bucket *added = &run->buckets[run->count++];
  *added = (struct sealed_bucket){.bucket = *bucket, .rank = rank};
  added->bucket.bin_count = bins;
  added->bucket.bins = (const struct sketch_bin *)(uintptr_t)run->bin_count;
  if (bins)
    memcpy(run->bins + run->bin_count, bucket->bins, bins * sizeof *run->bins);
  run->bin_count += bins;
  return BELFRY_OK;
}

static int by_start_and_rank(const void *a, const void *b) {
  const struct sealed_bucket *left = a, *right = b;
  if (left->bucket.start_ms != right->bucket.start_ms)
    return left->bucket.start_ms < right->bucket.start_ms ? -1 : 1;
  return (left->rank > right->rank) - (left->rank < right->rank);
}

void bucket_run_settle(struct bucket_run *run) {
  size_t kept = 0;
  if (run->disordered) {
    qsort(run->buckets, run->count, sizeof *run->buckets, by_start_and_rank);
    for (size_t i = 0; i < run->count; i++)
      if (i + 1 == run->count ||
          run->buckets[i + 1].bucket.start_ms != run->buckets[i].bucket.start_ms)
        run->buckets[kept++] = run->buckets[i];
    run->count = kept;
    run->disordered = false;
  }
  for (size_t i = 0; i < run->count; i++) {
    struct rollup_bucket *bucket = &run->buckets[i].bucket;
    bucket->bins = bucket->bin_count ? run->bins + (uintptr_t)bucket->bins : NULL;
  }
}

/* --- files --- */

int sealed__init(struct sealed *sealed, const char *dir, struct belfry_error *error) {
  *sealed = (struct sealed){0};
  if (strlen(dir) >= sizeof sealed->dir)
    return belfry_error_set(error, BELFRY_EINVAL, "the history's path %.300s is too long", dir);
  strcpy(sealed->dir, dir);
  return BELFRY_OK;
}

static void close_file(struct sealed_file *file) {
  if (file->file[0])
    segment__close(&file->segment);
  file->file[0] = '\0';
  file->used = 0;
}

void sealed__fini(struct sealed *sealed) {
  for (size_t i = 0; i < SEALED_FILES_OPEN; i++)
    close_file(&sealed->files[i]);
  chunk__coder_free(sealed->chunks);
  rollup__coder_free(sealed->rollups);
  *sealed = (struct sealed){0};
}

/* The place for another file. Those that were replaced on the disk are let go, so that their room
 * is free. */
static struct sealed_file *make_place(struct sealed *sealed) {
  struct sealed_file *oldest = &sealed->files[0];
  for (size_t i = 0; i < SEALED_FILES_OPEN; i++) {
    struct sealed_file *file = &sealed->files[i];
    if (file->file[0] && segment__has_moved(&file->segment))
      close_file(file);
    if (file->used < oldest->used)
      oldest = file;
  }
  close_file(oldest);
  return oldest;
}

static int open_file(struct sealed *sealed, const struct segment_row *row, struct segment **out,
                     struct belfry_error *error) {
  sealed->uses++;
  for (size_t i = 0; i < SEALED_FILES_OPEN; i++) {
    struct sealed_file *file = &sealed->files[i];
    if (file->row_id == row->id && strcmp(file->file, row->file) == 0) {
      file->used = sealed->uses;
      *out = &file->segment;
      return BELFRY_OK;
    }
  }
  struct sealed_file *file = make_place(sealed);
  enum storage_mode mode = row->state == SEGMENT_FINISHED ? STORAGE_READS_FINISHED : STORAGE_READS;
  int status = segment__open(&file->segment, sealed->dir, row, mode, error);
  /* One that goes away while it is opened may lack what was in its log. */
  if (!status && segment__has_moved(&file->segment))
    status = belfry_error_set(error, BELFRY_ENOENT, "%s is gone", row->file);
  if (status) {
    segment__close(&file->segment);
    return status;
  }
  memcpy(file->file, row->file, sizeof file->file);
  file->row_id = row->id;
  file->used = sealed->uses;
  *out = &file->segment;
  return BELFRY_OK;
}

int sealed__list(const struct segment_list *all, enum segment_kind kind, int64_t from_ms,
                 int64_t to_ms, struct segment_list *out, struct belfry_error *error) {
  int status = BELFRY_OK;
  *out = (struct segment_list){0};
  for (size_t i = 0; i < all->count && !status; i++) {
    const struct segment_row *row = &all->rows[i];
    if (row->kind == kind && row->state != SEGMENT_QUARANTINED && row->start_ms < to_ms &&
        row->end_ms > from_ms)
      status = segment__list_add(out, row, error);
  }
  return status;
}

/* --- chunks --- */

/* What is read, and where it goes. */
struct reading {
  struct sealed *sealed;
  int64_t series_id, from_ms, to_ms;
  struct sample_run *samples; /* or NULL: */
  struct bucket_run *buckets;
  bool sketches;
  struct belfry_error *error;
};

static int take_samples(struct reading *reading, struct slice blob, uint64_t rank) {
  struct chunk chunk;
  int status = chunk__take(reading->sealed->chunks, blob, &chunk, reading->error);
  for (size_t i = 0; i < chunk.count && !status; i++)
    if (chunk.times_ms[i] >= reading->from_ms && chunk.times_ms[i] < reading->to_ms)
      status = sample_run_add(reading->samples, chunk.times_ms[i], chunk.values[i], rank);
  return status;
}

static int take_buckets(struct reading *reading, struct slice blob, uint64_t rank) {
  struct rollup rollup;
  int status = rollup__take(reading->sealed->rollups, blob, &rollup, reading->error);
  if (status)
    return status;
  bool any = false;
  for (size_t i = 0; i < rollup.count && !status; i++) {
    const struct rollup_bucket *bucket = &rollup.buckets[i];
    if (bucket->start_ms < reading->from_ms || bucket->start_ms >= reading->to_ms)
      continue;
    any = true;
    status = bucket_run_add(reading->buckets, bucket, rank, reading->sketches);
  }
  reading->buckets->lacks_increases |= any && !rollup.parts.increases;
  reading->buckets->lacks_sketches |= any && !rollup.parts.sketches;
  return status;
}

int sealed__coders(struct sealed *sealed, struct belfry_error *error) {
  if (!sealed->chunks)
    sealed->chunks = chunk__coder_new();
  if (!sealed->rollups)
    sealed->rollups = rollup__coder_new();
  return sealed->chunks && sealed->rollups
             ? BELFRY_OK
             : belfry_error_set(error, BELFRY_ENOMEM, "out of memory while reading samples");
}

static int note_damage(struct sealed *sealed, const struct segment_row *row, int status) {
  if (status == BELFRY_ECORRUPT)
    memcpy(sealed->damaged, row->file, sizeof sealed->damaged);
  return status;
}

static int read_file(struct reading *reading, const struct segment_row *row, size_t place) {
  struct segment *segment = NULL;
  sqlite3_stmt *statement = NULL;
  struct belfry_error why = {0}, *error = reading->error;
  int status = open_file(reading->sealed, row, &segment, error);
  if (!status)
    status = storage__statement(&segment->storage, SQL_CHUNKS_OF_SERIES, &statement, error);
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("series_id", reading->series_id),
                                         HISTORY_VALUE_INTEGER("from", reading->from_ms),
                                         HISTORY_VALUE_INTEGER("to", reading->to_ms),
                                         HISTORY_VALUE_INTEGER("last", row->last_block)};
  if (!status)
    status = storage__bind(statement, values, 4, error);
  if (status)
    return note_damage(reading->sealed, row, status);
  int code = SQLITE_DONE;
  reading->error = &why;
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct slice blob =
        slice_new(sqlite3_column_blob(statement, 3), (size_t)sqlite3_column_bytes(statement, 3));
    uint64_t rank =
        (uint64_t)place << RANK_NUMBER_BITS | (uint64_t)sqlite3_column_int64(statement, 2);
    status =
        reading->samples ? take_samples(reading, blob, rank) : take_buckets(reading, blob, rank);
  }
  reading->error = error;
  if (status)
    belfry_error_set(error, status, "%s: %s", row->file,
                     why.text[0] ? why.text : belfry_strerror(status));
  else if (code != SQLITE_DONE)
    status = storage__fail(&segment->storage, code, row->file, error);
  sqlite3_reset(statement);
  return note_damage(reading->sealed, row, status);
}

static int read_files(struct reading *reading, const struct segment_row *files, size_t count) {
  int status = sealed__coders(reading->sealed, reading->error);
  for (size_t i = 0; i < count && !status; i++)
    if (files[i].start_ms < reading->to_ms && files[i].end_ms > reading->from_ms &&
        files[i].last_block > 0 && files[i].state != SEGMENT_QUARANTINED)
      status = read_file(reading, &files[i], i);
  return status;
}

int sealed__samples(struct sealed *sealed, const struct segment_row *files, size_t count,
                    int64_t series_id, int64_t from_ms, int64_t to_ms, struct sample_run *run,
                    struct belfry_error *error) {
  struct reading reading = {.sealed = sealed,
                            .series_id = series_id,
                            .from_ms = from_ms,
                            .to_ms = to_ms,
                            .samples = run,
                            .error = error};
  int status = read_files(&reading, files, count);
  sample_run_settle(run);
  return status;
}

int sealed__buckets(struct sealed *sealed, const struct segment_row *files, size_t count,
                    int64_t series_id, int64_t from_ms, int64_t to_ms, bool sketches,
                    struct bucket_run *run, struct belfry_error *error) {
  struct reading reading = {.sealed = sealed,
                            .series_id = series_id,
                            .from_ms = from_ms,
                            .to_ms = to_ms,
                            .buckets = run,
                            .sketches = sketches,
                            .error = error};
  return read_files(&reading, files, count);
}

static int next_series(struct segment *segment, int64_t after, int64_t *out, bool *found,
                       struct belfry_error *error) {
  sqlite3_stmt *statement;
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("after", after)};
  int status = storage__statement(&segment->storage, SQL_CHUNK_NEXT_SERIES, &statement, error);
  if (!status)
    status = storage__bind(statement, values, 1, error);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  *found = code == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL;
  if (*found)
    *out = sqlite3_column_int64(statement, 0);
  if (code != SQLITE_ROW)
    status = storage__fail(&segment->storage, code, "cannot look for series", error);
  sqlite3_reset(statement);
  return status;
}

int sealed__next_series(struct sealed *sealed, const struct segment_row *files, size_t count,
                        int64_t *series_id, bool *more, struct belfry_error *error) {
  int64_t next = 0;
  *more = false;
  for (size_t i = 0; i < count; i++) {
    struct segment *segment = NULL;
    int64_t one = 0;
    bool found = false;
    int status = open_file(sealed, &files[i], &segment, error);
    if (!status)
      status = next_series(segment, *series_id, &one, &found, error);
    if (status)
      return note_damage(sealed, &files[i], status);
    if (found && (!*more || one < next))
      next = one;
    *more |= found;
  }
  *series_id = next;
  return BELFRY_OK;
}

static bool is_bad(const struct sealed *sealed, const char *file) {
  for (size_t i = 0; i < sealed->bad_count; i++)
    if (strcmp(sealed->bad[i], file) == 0)
      return true;
  return false;
}

bool sealed__go_without(struct sealed *sealed, const char *why) {
  if (!sealed->damaged[0] || is_bad(sealed, sealed->damaged) ||
      sealed->bad_count == SEALED_FILES_BAD)
    return false;
  log_error("a sealed file cannot be read; what asks for it is told so: %s", why);
  memcpy(sealed->bad[sealed->bad_count++], sealed->damaged, SEGMENT_FILE_BYTES);
  sealed->damaged[0] = '\0';
  return true;
}

void sealed__without_bad(const struct sealed *sealed, struct segment_list *list) {
  size_t kept = 0;
  for (size_t i = 0; i < list->count; i++)
    if (!is_bad(sealed, list->rows[i].file))
      list->rows[kept++] = list->rows[i];
  list->count = kept;
}
