/*
 * Whether a history is as it should be: hot.db, and each sealed file against what hot.db says of
 * it. Quick: that the files are there, can be read and hold as many blocks as they should. Full:
 * every page and every block, and that the index of words names the words of each block.
 */
#include "history/backup.h"

#include "base/clock.h"
#include "base/fd.h"
#include "history/block_priv.h"
#include "history/chunk_priv.h"
#include "history/lock_priv.h"
#include "history/mend_priv.h"
#include "history/rollup_priv.h"
#include "history/segment_priv.h"
#include "history/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TERM_BYTES_MAX 32768 /* FTS5 cuts longer words off */
#define BATCH_BLOCKS   8192
#define BATCH_WORDS    ((size_t)1 << 21)

/* The words of some blocks, by their hashes, until they are compared with the index. */
struct word_block {
  int64_t number;
  size_t start, count;
};
struct word_batch {
  uint64_t *hashes; /* owned; of each block sorted */
  size_t count, cap;
  struct word_block blocks[BATCH_BLOCKS];
  size_t block_count;
};

struct check {
  const char *dir;
  const struct history_check_options *options;
  history_problem_fn on_problem;
  void *arg;
  struct history_check_counts *counts;
  struct block_coder *blocks;
  struct chunk_coder *chunks;
  struct rollup_coder *rollups;
  struct word_batch words;
};

/* Returns: `status` when the check cannot go on (memory), else BELFRY_ECORRUPT. */
static int found(struct belfry_error *why, int status, const char *text) {
  return belfry_error_set(why, status == BELFRY_ENOMEM ? status : BELFRY_ECORRUPT, "%s", text);
}

/* --- the pages of a database --- */

static int check_pages(struct storage *storage, bool full, struct belfry_error *why) {
  sqlite3_stmt *statement = NULL;
  const char *sql = full ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)";
  int status = BELFRY_OK;
  int code = sqlite3_prepare_v2(storage->db, sql, -1, &statement, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_step(statement);
  if (code != SQLITE_ROW)
    status = storage__fail(storage, code, "cannot be read", why);
  else if (!slice_is(storage__text(statement, 0), "ok"))
    status = belfry_error_set(why, BELFRY_ECORRUPT, "%.*s", SLICE_ARG(storage__text(statement, 0)));
  sqlite3_finalize(statement);
  return status;
}

/* Prepares, and binds the last good number. */
static int start_statement(struct segment *segment, enum sql_statement number, int64_t last,
                           sqlite3_stmt **out, struct belfry_error *why) {
  int status = storage__statement(&segment->storage, number, out, why);
  return status ? status
                : storage__bind(*out, (struct history_value[]){HISTORY_VALUE_INTEGER("last", last)},
                                1, why);
}

static struct slice blob_of(sqlite3_stmt *statement, int column) {
  const char *data = sqlite3_column_blob(statement, column);
  return slice_new(data, data ? (size_t)sqlite3_column_bytes(statement, column) : 0);
}

/* --- the words of events --- */

static uint64_t hash_word(const char *text, size_t len) {
  uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
  for (size_t i = 0; i < len && i < TERM_BYTES_MAX; i++) {
    char c = text[i];
    hash = (hash ^ (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c)) * UINT64_C(1099511628211);
  }
  return hash;
}

static int add_hash(struct check *check, uint64_t hash) {
  struct word_batch *batch = &check->words;
  if (batch->count == batch->cap) {
    size_t cap = batch->cap ? batch->cap * 2 : 4096;
    uint64_t *hashes = realloc(batch->hashes, cap * sizeof *hashes);
    if (!hashes)
      return BELFRY_ENOMEM;
    batch->hashes = hashes;
    batch->cap = cap;
  }
  batch->hashes[batch->count++] = hash;
  return BELFRY_OK;
}

static int compare_hashes(const void *a, const void *b) {
  uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
  return (left > right) - (left < right);
}

static int add_words(struct check *check, struct slice json, struct buf *scratch) {
  struct words_walk walk;
  struct slice value, word;
  int status = BELFRY_OK;
  words_walk_start(&walk, json, scratch);
  while (!status && words_walk_next(&walk, &value))
    while (!status && words_next(&value, &word))
      status = add_hash(check, hash_word(word.data, word.len));
  return status ? status : buf_status(scratch);
}

/* Adds the distinct words of a block, in order of their hashes. */
static int add_block(struct check *check, int64_t number, const struct block *block) {
  struct word_batch *batch = &check->words;
  struct buf scratch;
  int status = BELFRY_OK;
  buf_init(&scratch, 0);
  size_t start = batch->count, kept = start;
  for (size_t i = 0; i < block->count && !status; i++)
    status = add_words(check, block->events[i].data, &scratch);
  buf_fini(&scratch);
  if (batch->count > start)
    qsort(batch->hashes + start, batch->count - start, sizeof *batch->hashes, compare_hashes);
  for (size_t i = start; i < batch->count; i++)
    if (i == start || batch->hashes[i] != batch->hashes[kept - 1])
      batch->hashes[kept++] = batch->hashes[i];
  batch->count = kept;
  batch->blocks[batch->block_count++] = (struct word_block){number, start, kept - start};
  return status;
}

static int compare_numbers(const void *a, const void *b) {
  int64_t left = ((const struct word_block *)a)->number;
  int64_t right = ((const struct word_block *)b)->number;
  return (left > right) - (left < right);
}

/* Where the word is among those of the block; NULL: it is not there, or not of this batch. */
static const uint64_t *find_word(const struct word_batch *batch, int64_t number, uint64_t hash) {
  const struct word_block wanted = {.number = number};
  const struct word_block *block =
      bsearch(&wanted, batch->blocks, batch->block_count, sizeof *batch->blocks, compare_numbers);
  return block && block->count > 0 ? bsearch(&hash, batch->hashes + block->start, block->count,
                                             sizeof *batch->hashes, compare_hashes)
                                   : NULL;
}

/* Marks the words of the batch that the index names. It may name others: those of a block that
 * was never handed over stay in it. */
static int mark_indexed(struct segment *segment, const struct word_batch *batch, uint8_t *seen,
                        struct belfry_error *why) {
  sqlite3_stmt *statement;
  int code, status = storage__statement(&segment->storage, SQL_CHECK_WORDS, &statement, why);
  if (status)
    return status;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct slice term = storage__text(statement, 0);
    const uint64_t *word =
        find_word(batch, sqlite3_column_int64(statement, 1), hash_word(term.data, term.len));
    if (word)
      seen[word - batch->hashes] = 1;
  }
  if (code != SQLITE_DONE)
    status = storage__fail(&segment->storage, code, "the index of words cannot be read", why);
  sqlite3_reset(statement);
  return status;
}

/* Compares what was gathered with the index, and begins anew. */
static int check_words(struct check *check, struct segment *segment, struct belfry_error *why) {
  struct word_batch *batch = &check->words;
  uint8_t *seen = calloc(batch->count + 1, sizeof *seen);
  int status = seen ? mark_indexed(segment, batch, seen, why) : BELFRY_ENOMEM;
  for (size_t i = 0; i < batch->block_count && !status; i++)
    if (memchr(seen + batch->blocks[i].start, 0, batch->blocks[i].count))
      status = belfry_error_set(why, BELFRY_ECORRUPT,
                                "block %" PRId64 ": the index lacks some of its words",
                                batch->blocks[i].number);
  free(seen);
  batch->count = batch->block_count = 0;
  return status;
}

/* --- blocks of events --- */

static int check_block(struct check *check, sqlite3_stmt *statement, int64_t after,
                       struct block *block, struct belfry_error *why) {
  struct belfry_error unpacking = {0};
  int status = block__take(check->blocks, blob_of(statement, 7), block, &unpacking);
  if (status)
    return found(why, status, unpacking.text);
  int64_t min_ts = INT64_MAX, max_ts = INT64_MIN, severities = 0;
  for (size_t i = 0; i < block->count; i++) {
    const struct event *event = &block->events[i];
    min_ts = event->timestamp_ms < min_ts ? event->timestamp_ms : min_ts;
    max_ts = event->timestamp_ms > max_ts ? event->timestamp_ms : max_ts;
    severities |= INT64_C(1) << event->severity;
  }
  if (block->events[0].id <= after || block->events[0].id != sqlite3_column_int64(statement, 1) ||
      block->events[block->count - 1].id != sqlite3_column_int64(statement, 2) ||
      (int64_t)block->count != sqlite3_column_int64(statement, 3) ||
      min_ts != sqlite3_column_int64(statement, 4) ||
      max_ts != sqlite3_column_int64(statement, 5) ||
      severities != sqlite3_column_int64(statement, 6))
    return found(why, BELFRY_ECORRUPT, "does not hold what its row says");
  check->counts->events += (int64_t)block->count;
  return BELFRY_OK;
}

static int check_block_row(struct check *check, struct segment *segment, sqlite3_stmt *statement,
                           int64_t *after, struct belfry_error *why) {
  struct block block;
  struct belfry_error what = {0};
  struct word_batch *batch = &check->words;
  int64_t number = sqlite3_column_int64(statement, 0);
  int status = check_block(check, statement, *after, &block, &what);
  if (status)
    return belfry_error_set(why, status, "block %" PRId64 ": %s", number, what.text);
  *after = block.events[block.count - 1].id;
  check->counts->blocks++;
  status = add_block(check, number, &block);
  return status || (batch->block_count < BATCH_BLOCKS && batch->count < BATCH_WORDS)
             ? status
             : check_words(check, segment, why);
}

static int check_blocks(struct check *check, struct segment *segment, const struct segment_row *row,
                        struct belfry_error *why) {
  sqlite3_stmt *statement;
  int64_t after = 0;
  check->words.count = check->words.block_count = 0;
  int status = storage__exec(&segment->storage,
                             "PRAGMA query_only = OFF; CREATE VIRTUAL TABLE temp.check_word USING "
                             "fts5vocab('main', 'word', 'instance')",
                             "the index of words cannot be read", why);
  if (!status)
    status = start_statement(segment, SQL_CHECK_BLOCKS, row->last_block, &statement, why);
  if (status)
    return status;
  int code = SQLITE_DONE;
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW)
    status = check_block_row(check, segment, statement, &after, why);
  if (!status && code != SQLITE_DONE)
    status = storage__fail(&segment->storage, code, "cannot be read", why);
  sqlite3_reset(statement);
  return status ? status : check_words(check, segment, why);
}

/* --- chunks of samples and of roll-ups --- */

static int check_times(sqlite3_stmt *statement, int64_t first_ms, int64_t last_ms, size_t count,
                       struct belfry_error *why) {
  return first_ms == sqlite3_column_int64(statement, 1) &&
                 last_ms == sqlite3_column_int64(statement, 2) &&
                 (int64_t)count == sqlite3_column_int64(statement, 3)
             ? BELFRY_OK
             : found(why, BELFRY_ECORRUPT, "does not hold what its row says");
}

static int check_chunk(struct check *check, enum segment_kind kind, sqlite3_stmt *statement,
                       struct belfry_error *why) {
  struct chunk chunk;
  struct rollup rollup;
  if (kind == SEGMENT_SAMPLES) {
    int status = chunk__take(check->chunks, blob_of(statement, 4), &chunk, why);
    if (status)
      return status;
    check->counts->samples += (int64_t)chunk.count;
    return check_times(statement, chunk.times_ms[0], chunk.times_ms[chunk.count - 1], chunk.count,
                       why);
  }
  int status = rollup__take(check->rollups, blob_of(statement, 4), &rollup, why);
  if (status)
    return status;
  check->counts->buckets += (int64_t)rollup.count;
  return check_times(statement, rollup.buckets[0].start_ms,
                     rollup.buckets[rollup.count - 1].start_ms, rollup.count, why);
}

static int check_chunks(struct check *check, struct segment *segment, const struct segment_row *row,
                        struct belfry_error *why) {
  sqlite3_stmt *statement;
  int status = start_statement(segment, SQL_CHECK_CHUNKS, row->last_block, &statement, why);
  if (status)
    return status;
  int code = SQLITE_DONE;
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct belfry_error what = {0};
    status = check_chunk(check, row->kind, statement, &what);
    check->counts->blocks += !status;
    if (status)
      belfry_error_set(why, status, "series %" PRId64 " from %" PRId64 ": %s",
                       (int64_t)sqlite3_column_int64(statement, 0),
                       (int64_t)sqlite3_column_int64(statement, 1), what.text);
  }
  if (!status && code != SQLITE_DONE)
    status = storage__fail(&segment->storage, code, "cannot be read", why);
  sqlite3_reset(statement);
  return status;
}

/* --- a file --- */

/* Whether it holds as much as hot.db says. Samples that came late are in more than one chunk, so
 * that only events can be counted to the last. */
static int check_sums(struct check *check, struct segment *segment, const struct segment_row *row,
                      struct belfry_error *why) {
  sqlite3_stmt *statement;
  bool events = row->kind == SEGMENT_EVENTS;
  int status = start_statement(segment, events ? SQL_CHECK_BLOCK_SUMS : SQL_CHECK_CHUNK_SUMS,
                               row->last_block, &statement, why);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  int64_t pieces = sqlite3_column_int64(statement, 0), rows = sqlite3_column_int64(statement, 1);
  if (code != SQLITE_ROW)
    status = storage__fail(&segment->storage, code, "cannot be read", why);
  else if (events ? rows != row->rows : row->rows > 0 && pieces == 0)
    status = belfry_error_set(why, BELFRY_ECORRUPT,
                              "holds %" PRId64 " of the %" PRId64 " %s that were sealed into it",
                              rows, row->rows, segment__kind_name(row->kind));
  sqlite3_reset(statement);
  if (!check->options->full) {
    check->counts->blocks += pieces;
    *(events                         ? &check->counts->events
      : row->kind == SEGMENT_SAMPLES ? &check->counts->samples
                                     : &check->counts->buckets) += rows;
  }
  return status;
}

static int check_file(struct check *check, const struct segment_row *row,
                      struct belfry_error *why) {
  struct segment segment;
  int status =
      segment__open(&segment, check->dir, row,
                    row->state == SEGMENT_FINISHED ? STORAGE_READS_FINISHED : STORAGE_READS, why);
  if (!status && check->options->full)
    status = check_pages(&segment.storage, true, why);
  if (!status)
    status = check_sums(check, &segment, row, why);
  if (!status && check->options->full)
    status = row->kind == SEGMENT_EVENTS ? check_blocks(check, &segment, row, why)
                                         : check_chunks(check, &segment, row, why);
  segment__close(&segment);
  return status;
}

/* Whether hot.db still names the file: what is missing may have been retired meanwhile. */
static bool is_named(struct storage *hot, const struct segment_row *row) {
  struct segment_list list;
  bool named = false;
  if (segment__list(hot, &list, NULL))
    return true;
  for (size_t i = 0; i < list.count; i++)
    named = named || (list.rows[i].id == row->id && strcmp(list.rows[i].file, row->file) == 0);
  segment__list_fini(&list);
  return named;
}

static int quarantine(struct storage *hot, const struct segment_row *row,
                      struct belfry_error *error) {
  sqlite3_stmt *statement;
  const struct history_value values[] = {
      HISTORY_VALUE_INTEGER("now", clock_realtime_ms(&clock_system)),
      HISTORY_VALUE_INTEGER("id", row->id), HISTORY_VALUE_TEXT("file", slice_of(row->file))};
  int status = storage__statement(hot, SQL_SEGMENT_QUARANTINE, &statement, error);
  if (!status)
    status = storage__bind(statement, values, sizeof values / sizeof *values, error);
  if (!status)
    status = storage__run(hot, statement, NULL, error);
  if (!status) /* readers that are open look again */
    status = storage__statement(hot, SQL_SEGMENTS_CHANGED, &statement, error);
  return status ? status : storage__run(hot, statement, NULL, error);
}

/* Writes a damaged file of events anew, or sets the file aside. */
static int repair(struct check *check, struct storage *hot, const struct segment_row *row,
                  struct belfry_error *error) {
  struct mended mended;
  struct belfry_error why = {0};
  char text[128];
  int status = row->kind == SEGMENT_EVENTS ? mend__events(hot, check->dir, row, &mended, &why)
                                           : BELFRY_ECORRUPT;
  if (status == BELFRY_OK) {
    check->counts->mended++;
    snprintf(text, sizeof text,
             "was written anew: %" PRId64 " events are there, %" PRId64 " are lost", mended.events,
             mended.lost_events);
    check->on_problem(check->arg, row->file, text);
    return BELFRY_OK;
  }
  if (status == BELFRY_ENOMEM || status == BELFRY_EFULL)
    return belfry_error_set(error, status, "%s", why.text);
  check->counts->quarantined++;
  return row->state == SEGMENT_QUARANTINED ? BELFRY_OK : quarantine(hot, row, error);
}

/* Returns: what ends the check; a damaged file does not. */
static int check_one(struct check *check, struct storage *hot, const struct segment_row *row,
                     struct belfry_error *error) {
  struct belfry_error why = {0};
  check->counts->files++;
  if (row->state == SEGMENT_QUARANTINED && check->options->repair)
    return repair(check, hot, row, error);
  if (row->state == SEGMENT_QUARANTINED) {
    check->counts->quarantined++;
    return BELFRY_OK;
  }
  int status = check_file(check, row, &why);
  if (status == BELFRY_ENOMEM)
    return belfry_error_set(error, status, "out of memory while checking %s", row->file);
  if (status == BELFRY_ENOENT && !is_named(hot, row)) {
    check->counts->files--;
    return BELFRY_OK;
  }
  if (!status)
    return BELFRY_OK;
  check->counts->damaged++;
  check->on_problem(check->arg, row->file, why.text);
  return check->options->repair ? repair(check, hot, row, error) : BELFRY_OK;
}

static int check_all(struct check *check, struct storage *hot, struct belfry_error *error) {
  struct segment_list list;
  struct belfry_error why = {0};
  int version = 0;
  check->counts->files++;
  int status = check_pages(hot, check->options->full, &why);
  if (status) {
    check->counts->damaged++;
    check->on_problem(check->arg, STORAGE_DATABASE, why.text);
    return BELFRY_OK; /* what it says of the others is worth nothing */
  }
  status = storage__schema(hot, &version, error);
  if (!status && version != SQL_SCHEMA_VERSION)
    status = belfry_error_set(error, BELFRY_EVERSION,
                              "the history has schema %d and this Belfry knows %d: start "
                              "belfry-historyd of this version first",
                              version, SQL_SCHEMA_VERSION);
  if (status)
    return status;
  status = segment__list(hot, &list, error);
  for (size_t i = 0; i < list.count && !status; i++)
    status = check_one(check, hot, &list.rows[i], error);
  segment__list_fini(&list);
  return status;
}

static int make_coders(struct check *check, struct belfry_error *error) {
  check->blocks = block__coder_new();
  check->chunks = chunk__coder_new();
  check->rollups = rollup__coder_new();
  return check->blocks && check->chunks && check->rollups
             ? BELFRY_OK
             : belfry_error_set(error, BELFRY_ENOMEM, "out of memory while checking the history");
}

int history_check(const char *dir, const struct history_check_options *options,
                  history_problem_fn on_problem, void *arg, struct history_check_counts *counts,
                  struct belfry_error *error) {
  struct check check = {
      .dir = dir, .options = options, .on_problem = on_problem, .arg = arg, .counts = counts};
  struct storage hot = {0};
  int lock = -1;
  *counts = (struct history_check_counts){0};
  int status = options->repair ? lock__take(dir, &lock, error) : BELFRY_OK;
  if (!status)
    status = make_coders(&check, error);
  if (!status)
    status = storage__open(&hot, dir, options->repair ? STORAGE_WRITES : STORAGE_READS, error);
  if (!status)
    status = check_all(&check, &hot, error);
  storage__close(&hot);
  block__coder_free(check.blocks);
  chunk__coder_free(check.chunks);
  rollup__coder_free(check.rollups);
  free(check.words.hashes);
  fd_close(&lock);
  return status;
}
