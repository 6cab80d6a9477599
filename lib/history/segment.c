#include "history/segment_priv.h"

#include "base/fd.h"
#include "history/words.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_MS       INT64_C(86400000)
#define LIST_BYTES   4096 /* of the types or sources of a block */
#define MERGE_PAGES  16
#define WORDS_AT_ONE 512 /* slots of the table of distinct words, to begin with */

static const char *const kind_names[] = {"events", "samples", "minutes", "hours"};
static const char *const state_names[] = {"open", "finished", "quarantined"};
#define KINDS  (sizeof kind_names / sizeof *kind_names)
#define STATES (sizeof state_names / sizeof *state_names)

const char *segment__kind_name(enum segment_kind kind) {
  return kind_names[kind];
}

const char *segment__state_name(enum segment_state state) {
  return state_names[state];
}

/* --- what hot.db says --- */

static int find_name(const char *const *names, size_t count, struct slice text) {
  for (size_t i = 0; i < count; i++)
    if (slice_is(text, names[i]))
      return (int)i;
  return -1;
}

static int take_row(sqlite3_stmt *statement, struct segment_row *row, struct belfry_error *error) {
  int kind = find_name(kind_names, KINDS, storage__text(statement, 1));
  int state = find_name(state_names, STATES, storage__text(statement, 5));
  struct slice file = storage__text(statement, 2);
  if (kind < 0 || state < 0 || file.len == 0 || file.len >= SEGMENT_FILE_BYTES ||
      memchr(file.data, '/', file.len))
    return belfry_error_set(error, BELFRY_ECORRUPT, "the history names a sealed file wrongly");
  *row = (struct segment_row){.id = sqlite3_column_int64(statement, 0),
                              .kind = (enum segment_kind)kind,
                              .start_ms = sqlite3_column_int64(statement, 3),
                              .end_ms = sqlite3_column_int64(statement, 4),
                              .state = (enum segment_state)state,
                              .last_block = sqlite3_column_int64(statement, 6),
                              .first_id = sqlite3_column_int64(statement, 7),
                              .last_id = sqlite3_column_int64(statement, 8),
                              .min_ts_ms = sqlite3_column_int64(statement, 9),
                              .max_ts_ms = sqlite3_column_int64(statement, 10),
                              .rows = sqlite3_column_int64(statement, 11),
                              .bytes = sqlite3_column_int64(statement, 12),
                              .changed_ms = sqlite3_column_int64(statement, 13)};
  memcpy(row->file, file.data, file.len);
  return BELFRY_OK;
}

int segment__list_add(struct segment_list *list, const struct segment_row *row,
                      struct belfry_error *error) {
  if (list->count == list->cap) {
    size_t cap = list->cap ? list->cap * 2 : 16;
    struct segment_row *rows = realloc(list->rows, cap * sizeof *rows);
    if (!rows)
      return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while listing sealed files");
    list->rows = rows;
    list->cap = cap;
  }
  list->rows[list->count++] = *row;
  return BELFRY_OK;
}

int segment__list(struct storage *hot, struct segment_list *out, struct belfry_error *error) {
  sqlite3_stmt *statement;
  *out = (struct segment_list){0};
  int status = storage__statement(hot, SQL_SEGMENTS, &statement, error);
  if (status)
    return status;
  int code = SQLITE_DONE;
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct segment_row row;
    status = take_row(statement, &row, error);
    if (!status)
      status = segment__list_add(out, &row, error);
  }
  if (!status && code != SQLITE_DONE)
    status = storage__fail(hot, code, "cannot list the sealed files", error);
  sqlite3_reset(statement);
  return status;
}

void segment__list_fini(struct segment_list *list) {
  free(list->rows);
  *list = (struct segment_list){0};
}

static int run_hot(struct storage *hot, enum sql_statement number,
                   const struct history_value *values, size_t count, int64_t *changed,
                   struct belfry_error *error) {
  sqlite3_stmt *statement;
  int status = storage__statement(hot, number, &statement, error);
  if (!status)
    status = storage__bind(statement, values, count, error);
  return status ? status : storage__run(hot, statement, changed, error);
}

static int record_one(struct storage *hot, const struct segment_change *change, int64_t now_ms,
                      struct belfry_error *error) {
  const struct segment_row *row = &change->row;
  const struct history_value added[] = {
      HISTORY_VALUE_TEXT("kind", slice_of(segment__kind_name(row->kind))),
      HISTORY_VALUE_INTEGER("start", row->start_ms),
      HISTORY_VALUE_INTEGER("end", row->end_ms),
      HISTORY_VALUE_TEXT("file", slice_of(row->file)),
      HISTORY_VALUE_TEXT("state", slice_of(segment__state_name(row->state))),
      HISTORY_VALUE_INTEGER("last_block", row->last_block),
      HISTORY_VALUE_INTEGER("first_id", row->first_id),
      HISTORY_VALUE_INTEGER("last_id", row->last_id),
      HISTORY_VALUE_INTEGER("min_ts", row->min_ts_ms),
      HISTORY_VALUE_INTEGER("max_ts", row->max_ts_ms),
      HISTORY_VALUE_INTEGER("rows", row->rows),
      HISTORY_VALUE_INTEGER("bytes", row->bytes),
      HISTORY_VALUE_INTEGER("now", now_ms),
      HISTORY_VALUE_INTEGER("id", row->id),
      HISTORY_VALUE_TEXT("old_file", slice_of(change->old_file)),
      HISTORY_VALUE_INTEGER("old_last_block", change->old_last_block),
  };
  const struct history_value removed[] = {HISTORY_VALUE_INTEGER("id", row->id),
                                          HISTORY_VALUE_TEXT("file", slice_of(row->file))};
  int64_t changed = 0;
  int status = BELFRY_EINVAL;
  switch (change->what) {
  case SEGMENT_ADDED:
    status = run_hot(hot, SQL_SEGMENT_INSERT, added, 13, &changed, error);
    break;
  case SEGMENT_CHANGED: /* without kind, start and end */
    status = run_hot(hot, SQL_SEGMENT_UPDATE, added + 3, 13, &changed, error);
    break;
  case SEGMENT_REMOVED:
    status = run_hot(hot, SQL_SEGMENT_DELETE, removed, 2, &changed, error);
    break;
  }
  if (!status && changed != 1)
    status =
        belfry_error_set(error, BELFRY_ECONFLICT, "the sealed file %s is not as it was", row->file);
  return status;
}

int segment__record(struct storage *hot, const struct segment_change *changes, size_t count,
                    int64_t now_ms, struct belfry_error *error) {
  int status = BELFRY_OK;
  for (size_t i = 0; i < count && !status; i++)
    status = record_one(hot, &changes[i], now_ms, error);
  return status || count == 0 ? status : run_hot(hot, SQL_SEGMENTS_CHANGED, NULL, 0, NULL, error);
}

unsigned segment__generation(const char *file) {
  const char *last = strrchr(file, '-');
  return last ? (unsigned)strtoul(last + 1, NULL, 10) : 0;
}

static int64_t month_start(struct tm day, int months) {
  struct tm first = {.tm_year = day.tm_year, .tm_mon = day.tm_mon + months, .tm_mday = 1};
  return (int64_t)timegm(&first) * 1000;
}

void segment__name(enum segment_kind kind, int64_t ts_ms, unsigned generation,
                   struct segment_row *out) {
  int64_t day = (ts_ms - (ts_ms % DAY_MS + DAY_MS) % DAY_MS) / DAY_MS;
  time_t seconds = (time_t)(day * (DAY_MS / 1000));
  struct tm date;
  gmtime_r(&seconds, &date);
  bool monthly = kind == SEGMENT_HOURS;
  out->kind = kind;
  out->start_ms = monthly ? month_start(date, 0) : day * DAY_MS;
  out->end_ms = monthly ? month_start(date, 1) : (day + 1) * DAY_MS;
  char span[16];
  strftime(span, sizeof span, monthly ? "%Y-%m" : "%Y-%m-%d", &date);
  snprintf(out->file, sizeof out->file, "%s-%s-%u.db", kind_names[kind], span, generation);
}

bool segment__is_name(const char *file) {
  for (size_t i = 0; i < KINDS; i++) {
    size_t len = strlen(kind_names[i]);
    if (strncmp(file, kind_names[i], len) == 0 && file[len] == '-' &&
        strlen(file) < SEGMENT_FILE_BYTES)
      return true;
  }
  return false;
}

/* --- a file --- */

static int make_schema(struct segment *segment, struct belfry_error *error) {
  int version = 0;
  int status = storage__schema(&segment->storage, &version, error);
  if (status || version)
    return status;
  status = storage__exec(&segment->storage, "BEGIN IMMEDIATE", "cannot make a sealed file", error);
  if (!status)
    status =
        storage__exec(&segment->storage,
                      segment->kind == SEGMENT_EVENTS ? sql_segment_events : sql_segment_samples,
                      "cannot make a sealed file", error);
  if (!status)
    status = storage__exec(&segment->storage, "PRAGMA user_version = 1; COMMIT",
                           "cannot make a sealed file", error);
  if (status)
    segment__rollback(segment);
  return status;
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages) {
  (void)db, (void)name;
  ((struct segment *)arg)->wal_pages = pages;
  return SQLITE_OK;
}

int segment__open(struct segment *segment, const char *dir, const struct segment_row *row,
                  enum storage_mode mode, struct belfry_error *error) {
  char path[PATH_MAX];
  *segment = (struct segment){.kind = row->kind};
  if (snprintf(path, sizeof path, "%s/" SEGMENT_FOLDER "/%s", dir, row->file) >= (int)sizeof path)
    return belfry_error_set(error, BELFRY_EINVAL, "the history's path %s is too long", dir);
  /* Chunks are of a kilobyte or a few, each in pages of its own. */
  int page_bytes = row->kind == SEGMENT_EVENTS ? STORAGE_PAGE_BYTES : 1024;
  int status = storage__open_file(&segment->storage, path, mode, page_bytes, error);
  if (!status) /* many may be open at a time */
    status = storage__exec(&segment->storage, "PRAGMA cache_size = -2048",
                           "cannot open a sealed file", error);
  if (status || mode != STORAGE_WRITES)
    return status;
  sqlite3_wal_hook(segment->storage.db, on_wal, segment);
  return make_schema(segment, error);
}

bool segment__has_moved(struct segment *segment) {
  return storage__has_moved(&segment->storage);
}

void segment__close(struct segment *segment) {
  storage__close(&segment->storage);
}

int64_t segment__bytes(struct segment *segment) {
  const char *path = sqlite3_db_filename(segment->storage.db, "main");
  char log_path[PATH_MAX];
  struct stat file = {0}, log = {0};
  snprintf(log_path, sizeof log_path, "%s-wal", path);
  (void)!stat(path, &file);
  (void)!stat(log_path, &log);
  return (int64_t)file.st_size + (int64_t)log.st_size;
}

int64_t segment__file_bytes(const char *dir, const char *file) {
  char path[PATH_MAX];
  struct stat info = {0};
  snprintf(path, sizeof path, "%s/" SEGMENT_FOLDER "/%s", dir, file);
  (void)!stat(path, &info);
  return (int64_t)info.st_size;
}

int segment__begin(struct segment *segment, struct belfry_error *error) {
  return storage__exec(&segment->storage, "BEGIN IMMEDIATE", "cannot write a sealed file", error);
}

int segment__commit(struct segment *segment, struct belfry_error *error) {
  int status = storage__exec(&segment->storage, "COMMIT", "cannot write a sealed file", error);
  if (status)
    segment__rollback(segment);
  return status;
}

void segment__rollback(struct segment *segment) {
  if (!sqlite3_get_autocommit(segment->storage.db))
    sqlite3_exec(segment->storage.db, "ROLLBACK", NULL, NULL, NULL);
}

static int run(struct segment *segment, enum sql_statement number,
               const struct history_value *values, size_t count, struct belfry_error *error) {
  sqlite3_stmt *statement;
  int status = storage__statement(&segment->storage, number, &statement, error);
  if (!status)
    status = storage__bind(statement, values, count, error);
  return status ? status : storage__run(&segment->storage, statement, NULL, error);
}

int segment__forget(struct segment *segment, int64_t last, struct belfry_error *error) {
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("last", last)};
  if (segment->kind != SEGMENT_EVENTS)
    return run(segment, SQL_CHUNK_FORGET, values, 1, error);
  int status = run(segment, SQL_BLOCK_FORGET, values, 1, error);
  return status ? status : run(segment, SQL_BLOCK_DATA_FORGET, values, 1, error);
}

int segment__checkpoint(struct segment *segment, struct belfry_error *error) {
  int code =
      sqlite3_wal_checkpoint_v2(segment->storage.db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  segment->wal_pages = 0; /* counted anew: what readers held back will do the next time */
  return code == SQLITE_OK || code == SQLITE_BUSY
             ? BELFRY_OK
             : storage__fail(&segment->storage, code, "cannot checkpoint a sealed file", error);
}

/* --- a block of events --- */

/* The distinct words of a block: a table of hashes, and the words one behind the other. */
struct word_set {
  uint64_t *slots; /* owned; hashes that occurred, 0: free */
  size_t room, count;
  struct buf text;
};

static uint64_t hash_word(struct slice word) {
  uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
  for (size_t i = 0; i < word.len; i++) {
    char c = word.data[i];
    hash = (hash ^ (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c)) * UINT64_C(1099511628211);
  }
  return hash ? hash : 1;
}

static bool slot_of(struct word_set *set, uint64_t hash, size_t *at) {
  for (*at = hash & (set->room - 1); set->slots[*at]; *at = (*at + 1) & (set->room - 1))
    if (set->slots[*at] == hash)
      return true;
  return false;
}

static int grow(struct word_set *set) {
  struct word_set larger = {.room = set->room ? set->room * 2 : WORDS_AT_ONE};
  size_t at;
  larger.slots = calloc(larger.room, sizeof *larger.slots);
  if (!larger.slots)
    return BELFRY_ENOMEM;
  for (size_t i = 0; i < set->room; i++)
    if (set->slots[i] && !slot_of(&larger, set->slots[i], &at))
      larger.slots[at] = set->slots[i];
  free(set->slots);
  set->slots = larger.slots;
  set->room = larger.room;
  return BELFRY_OK;
}

/* A word whose hash collides with another's would be lost to the index: 64 bits of some thousand
   words make that less likely than a failing memory. */
static int add_word(struct word_set *set, struct slice word) {
  size_t at;
  if (2 * (set->count + 1) > set->room && grow(set))
    return BELFRY_ENOMEM;
  uint64_t hash = hash_word(word);
  if (slot_of(set, hash, &at))
    return BELFRY_OK;
  set->slots[at] = hash;
  set->count++;
  buf_put_slice(&set->text, word);
  buf_put_char(&set->text, ' ');
  return buf_status(&set->text);
}

static int add_words(struct word_set *set, struct slice json, struct buf *scratch) {
  struct words_walk walk;
  struct slice value, word;
  int status = BELFRY_OK;
  words_walk_start(&walk, json, scratch);
  while (!status && words_walk_next(&walk, &value))
    while (!status && words_next(&value, &word))
      status = add_word(set, word);
  return status ? status : buf_status(scratch);
}

static int put_words(struct segment *segment, int64_t number, const struct event *events,
                     size_t count, struct belfry_error *error) {
  struct word_set set = {0};
  struct buf scratch;
  int status = BELFRY_OK;
  buf_init(&set.text, 0);
  buf_init(&scratch, 0);
  for (size_t i = 0; i < count && !status; i++)
    status = add_words(&set, events[i].data, &scratch);
  if (status) {
    belfry_error_set(error, status, "out of memory while sealing events");
  } else {
    const struct history_value values[] = {HISTORY_VALUE_INTEGER("number", number),
                                           HISTORY_VALUE_TEXT("text", buf_slice(&set.text))};
    status = run(segment, SQL_WORD_INSERT, values, 2, error);
  }
  buf_fini(&scratch);
  buf_fini(&set.text);
  free(set.slots);
  return status;
}

/* Adds a text to a list of distinct ones, each followed by a line feed. A list that would become
   too long is emptied: anything may then be in the block. */
static void add_to_list(struct buf *list, bool *full, struct slice text) {
  struct slice rest = buf_slice(list), one;
  if (*full)
    return;
  while (list->len && slice_split(&rest, '\n', &one))
    if (slice_equal(one, text))
      return;
  *full = list->len + text.len + 1 > LIST_BYTES;
  if (*full) {
    buf_clear(list);
    return;
  }
  buf_put_slice(list, text);
  buf_put_char(list, '\n');
}

static int put_row(struct segment *segment, int64_t number, const struct event *events,
                   size_t count, struct belfry_error *error) {
  int64_t min_ts = events[0].timestamp_ms, max_ts = min_ts, severities = 0;
  struct buf types, sources;
  bool types_full = false, sources_full = false;
  buf_init(&types, 0);
  buf_init(&sources, 0);
  for (size_t i = 0; i < count; i++) {
    min_ts = events[i].timestamp_ms < min_ts ? events[i].timestamp_ms : min_ts;
    max_ts = events[i].timestamp_ms > max_ts ? events[i].timestamp_ms : max_ts;
    severities |= INT64_C(1) << events[i].severity;
    add_to_list(&types, &types_full, events[i].type);
    add_to_list(&sources, &sources_full, events[i].source);
  }
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("number", number),
                                         HISTORY_VALUE_INTEGER("first_id", events[0].id),
                                         HISTORY_VALUE_INTEGER("last_id", events[count - 1].id),
                                         HISTORY_VALUE_INTEGER("count", (int64_t)count),
                                         HISTORY_VALUE_INTEGER("min_ts", min_ts),
                                         HISTORY_VALUE_INTEGER("max_ts", max_ts),
                                         HISTORY_VALUE_INTEGER("severities", severities),
                                         HISTORY_VALUE_TEXT("types", buf_slice(&types)),
                                         HISTORY_VALUE_TEXT("sources", buf_slice(&sources))};
  int status = buf_status(&types) || buf_status(&sources)
                   ? belfry_error_set(error, BELFRY_ENOMEM, "out of memory while sealing events")
                   : run(segment, SQL_BLOCK_INSERT, values, sizeof values / sizeof *values, error);
  buf_fini(&types);
  buf_fini(&sources);
  return status;
}

static int put_data(struct segment *segment, int64_t number, struct slice blob,
                    struct belfry_error *error) {
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("number", number),
                                         HISTORY_VALUE_BLOB("data", blob)};
  return run(segment, SQL_BLOCK_DATA_INSERT, values, 2, error);
}

int segment__put_block(struct segment *segment, struct block_coder *coder, int64_t number,
                       const struct event *events, size_t count, struct belfry_error *error) {
  struct buf blob;
  buf_init(&blob, 0);
  int status = block__put(coder, events, count, &blob);
  if (status)
    belfry_error_set(error, status, "cannot pack events: %s", belfry_strerror(status));
  if (!status)
    status = put_row(segment, number, events, count, error);
  if (!status)
    status = put_data(segment, number, buf_slice(&blob), error);
  if (!status)
    status = put_words(segment, number, events, count, error);
  buf_fini(&blob);
  return status;
}

int segment__put_chunk(struct segment *segment, int64_t series_id, int64_t number, int64_t start_ms,
                       int64_t end_ms, size_t count, struct slice blob,
                       struct belfry_error *error) {
  const struct history_value values[] = {
      HISTORY_VALUE_INTEGER("series_id", series_id),  HISTORY_VALUE_INTEGER("start", start_ms),
      HISTORY_VALUE_INTEGER("number", number),        HISTORY_VALUE_INTEGER("end", end_ms),
      HISTORY_VALUE_INTEGER("count", (int64_t)count), HISTORY_VALUE_BLOB("data", blob)};
  return run(segment, SQL_CHUNK_INSERT, values, sizeof values / sizeof *values, error);
}

int segment__merge_words(struct segment *segment, bool first, bool *more,
                         struct belfry_error *error) {
  const struct history_value values[] = {
      HISTORY_VALUE_INTEGER("pages", first ? -MERGE_PAGES : MERGE_PAGES)};
  int64_t before = sqlite3_total_changes64(segment->storage.db);
  int status = run(segment, SQL_WORD_MERGE, values, 1, error);
  /* FTS5 tells by the number of changes whether it did anything (its documentation of 'merge'). */
  *more = !status && sqlite3_total_changes64(segment->storage.db) - before >= 2;
  return status;
}

/* --- the last form of a file --- */

static int sync_file(const char *path, struct belfry_error *error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int status = BELFRY_OK;
  if (fd < 0 || fsync(fd) < 0)
    status = belfry_error_errno(error, errno, "cannot sync %s", path);
  fd_close(&fd);
  return status;
}

int segment__sync_folder(const char *dir, struct belfry_error *error) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/" SEGMENT_FOLDER, dir);
  return sync_file(path, error);
}

static int remove_file(const char *path, const char *suffix, struct belfry_error *error) {
  char full[PATH_MAX];
  snprintf(full, sizeof full, "%s%s", path, suffix);
  return unlink(full) == 0 || errno == ENOENT
             ? BELFRY_OK
             : belfry_error_errno(error, errno, "cannot remove %s", full);
}

/* The database goes first: a reader that opens it meanwhile and finds no log can tell by its being
   gone that it has not seen everything. */
int segment__remove(const char *dir, const char *file, struct belfry_error *error) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/" SEGMENT_FOLDER "/%s", dir, file);
  int status = remove_file(path, "", error);
  if (!status)
    status = remove_file(path, "-wal", error);
  if (!status)
    status = remove_file(path, "-shm", error);
  return status ? status : remove_file(path, "-journal", error);
}

/* A copy says that its journal is a write-ahead log, as the original's is. */
static int close_journal(const char *path, struct belfry_error *error) {
  struct storage storage;
  int status = storage__open_file(&storage, path, STORAGE_WRITES, STORAGE_PAGE_BYTES, error);
  if (!status)
    status = storage__exec(&storage, "PRAGMA journal_mode = DELETE", "cannot finish a sealed file",
                           error);
  storage__close(&storage);
  if (!status)
    status = remove_file(path, "-wal", error);
  return status ? status : remove_file(path, "-shm", error);
}

int segment__finish(const char *dir, const char *file, struct belfry_error *error) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/" SEGMENT_FOLDER "/%s", dir, file);
  int status = close_journal(path, error);
  if (!status)
    status = sync_file(path, error);
  return status ? status : segment__sync_folder(dir, error);
}

int segment__copy(struct segment *segment, const char *dir, const struct segment_row *into,
                  struct belfry_error *error) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/" SEGMENT_FOLDER "/%s", dir, into->file);
  const struct history_value values[] = {HISTORY_VALUE_TEXT("file", slice_of(path))};
  int status = segment__remove(dir, into->file, error);
  if (!status)
    status = run(segment, SQL_SEGMENT_COPY, values, 1, error);
  if (!status)
    status = close_journal(path, error);
  if (!status)
    status = sync_file(path, error);
  return status ? status : segment__sync_folder(dir, error);
}

/* --- a block that is read --- */

int segment__take_block(struct segment *segment, struct block_coder *coder, int64_t number,
                        struct block *out, struct belfry_error *error) {
  sqlite3_stmt *statement;
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("number", number)};
  int status = storage__statement(&segment->storage, SQL_BLOCK_DATA_GET, &statement, error);
  if (!status)
    status = storage__bind(statement, values, 1, error);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) {
    const char *data = sqlite3_column_blob(statement, 0);
    size_t len = (size_t)sqlite3_column_bytes(statement, 0);
    status = block__take(coder, slice_new(data, len), out, error);
  } else if (code == SQLITE_DONE) {
    status = belfry_error_set(error, BELFRY_ECORRUPT, "block %lld is not there", (long long)number);
  } else {
    status = storage__fail(&segment->storage, code, "cannot read a block of events", error);
  }
  sqlite3_reset(statement);
  return status;
}
