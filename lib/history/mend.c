#include "history/mend_priv.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMIT_BLOCKS 64

/* What is read, and what is written. */
struct mending {
  struct segment from, into;
  struct block_coder *reads, *writes; /* owned */
  struct segment_row row;             /* of the new file */
  int64_t last_id;                    /* of what was written last */
};

static void path_of(const char *dir, const char *before, const char *file, char out[PATH_MAX]) {
  snprintf(out, PATH_MAX, "%s/" SEGMENT_FOLDER "/%s%s", dir, before, file);
}

/* A name that no file has. */
static void name_new(const char *dir, const struct segment_row *old, struct segment_row *out) {
  char path[PATH_MAX];
  unsigned generation = segment__generation(old->file);
  *out = (struct segment_row){.id = old->id, .state = SEGMENT_OPEN};
  do {
    segment__name(SEGMENT_EVENTS, old->start_ms, ++generation, out);
    path_of(dir, "", out->file, path);
  } while (access(path, F_OK) == 0);
}

static int open_both(struct mending *mending, const char *dir, const struct segment_row *old,
                     struct belfry_error *error) {
  mending->reads = block__coder_new();
  mending->writes = block__coder_new();
  if (!mending->reads || !mending->writes)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while mending %s", old->file);
  int status = segment__open(&mending->from, dir, old, STORAGE_READS, error);
  return status ? status : segment__open(&mending->into, dir, &mending->row, STORAGE_WRITES, error);
}

static int put(struct mending *mending, const struct block *block, struct belfry_error *error) {
  struct segment_row *row = &mending->row;
  int status = segment__put_block(&mending->into, mending->writes, row->last_block + 1,
                                  block->events, block->count, error);
  if (status)
    return status;
  for (size_t i = 0; i < block->count; i++) {
    int64_t ts = block->events[i].timestamp_ms;
    row->min_ts_ms = row->rows == 0 || ts < row->min_ts_ms ? ts : row->min_ts_ms;
    row->max_ts_ms = row->rows == 0 || ts > row->max_ts_ms ? ts : row->max_ts_ms;
    row->rows++;
  }
  row->last_block++;
  mending->last_id = block->events[block->count - 1].id;
  return BELFRY_OK;
}

/* A block that cannot be read, or is not where it should be, is left out. */
static int copy_blocks(struct mending *mending, const struct segment_row *old,
                       struct belfry_error *error) {
  int status = segment__begin(&mending->into, error);
  for (int64_t number = 1; number <= old->last_block && !status; number++) {
    struct block block;
    struct belfry_error why = {0};
    int taken = segment__take_block(&mending->from, mending->reads, number, &block, &why);
    if (taken == BELFRY_ENOMEM)
      status = belfry_error_set(error, taken, "%s", why.text);
    if (taken || block.events[0].id <= mending->last_id || block.events[0].id < old->first_id ||
        block.events[block.count - 1].id > old->last_id)
      continue;
    status = put(mending, &block, error);
    if (!status && number % COMMIT_BLOCKS == 0)
      status = segment__commit(&mending->into, error);
    if (!status && number % COMMIT_BLOCKS == 0)
      status = segment__begin(&mending->into, error);
  }
  if (status) {
    segment__rollback(&mending->into);
    return status;
  }
  status = segment__commit(&mending->into, error);
  return status ? status : segment__checkpoint(&mending->into, error);
}

static int record(struct storage *hot, const struct segment_row *old, const struct segment_row *now,
                  struct belfry_error *error) {
  struct segment_change change = {
      .what = SEGMENT_CHANGED, .row = *now, .old_last_block = old->last_block};
  memcpy(change.old_file, old->file, sizeof change.old_file);
  int status = storage__exec(hot, "BEGIN IMMEDIATE", "cannot record a mended file", error);
  if (status)
    return status;
  status = segment__record(hot, &change, 1, clock_realtime_ms(&clock_system), error);
  if (!status)
    return storage__exec(hot, "COMMIT", "cannot record a mended file", error);
  sqlite3_exec(hot->db, "ROLLBACK", NULL, NULL, NULL);
  return status;
}

/* The keeper would remove a file of ours that hot.db does not name. */
static int set_aside(const char *dir, const struct segment_row *old, struct belfry_error *error) {
  static const char *const endings[] = {"", "-wal", "-shm"};
  char name[SEGMENT_FILE_BYTES + 8], from[PATH_MAX], to[PATH_MAX];
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    snprintf(name, sizeof name, "%s%s", old->file, endings[i]);
    path_of(dir, "", name, from);
    path_of(dir, "damaged-", name, to);
    if (rename(from, to) < 0 && errno != ENOENT)
      return belfry_error_errno(error, errno, "cannot set %s aside", from);
  }
  return segment__sync_folder(dir, error);
}

int mend__events(struct storage *hot, const char *dir, const struct segment_row *row,
                 struct mended *out, struct belfry_error *error) {
  struct mending mending = {0};
  name_new(dir, row, &mending.row);
  int status = open_both(&mending, dir, row, error);
  if (!status)
    status = copy_blocks(&mending, row, error);
  if (!status && mending.row.rows == 0)
    status = belfry_error_set(error, BELFRY_ECORRUPT, "nothing of it can be read");
  mending.row.bytes = status ? 0 : segment__bytes(&mending.into);
  segment__close(&mending.from);
  segment__close(&mending.into);
  block__coder_free(mending.reads);
  block__coder_free(mending.writes);
  if (!status)
    status = segment__sync_folder(dir, error);
  mending.row.first_id = row->first_id;
  mending.row.last_id = row->last_id;
  if (!status)
    status = record(hot, row, &mending.row, error);
  if (status) {
    (void)!segment__remove(dir, mending.row.file, NULL);
    return status;
  }
  *out = (struct mended){mending.row.rows, row->rows - mending.row.rows};
  return set_aside(dir, row, error);
}
