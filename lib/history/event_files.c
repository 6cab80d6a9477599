#include "history/event_files_priv.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int event_files__init(struct event_files *files, const char *dir, struct belfry_error *error) {
  files->version = -1;
  if (snprintf(files->dir, sizeof files->dir, "%s", dir) >= (int)sizeof files->dir)
    return belfry_error_set(error, BELFRY_EINVAL, "the history's path %s is too long", dir);
  return BELFRY_OK;
}

static void close_file(struct event_file *file) {
  if (file->row_id)
    segment__close(&file->segment);
  file->row_id = 0;
}

void event_files__fini(struct event_files *files) {
  for (size_t i = 0; i < EVENT_FILES_OPEN; i++)
    close_file(&files->files[i]);
  segment__list_fini(&files->list);
  block__coder_free(files->coder);
  files->coder = NULL;
}

/* --- the list --- */

static int read_version(struct storage *hot, int64_t *version, struct belfry_error *error) {
  sqlite3_stmt *statement;
  *version = 0; /* nothing was sealed yet */
  int status = storage__statement(hot, SQL_SEGMENTS_VERSION, &statement, error);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW)
    *version = sqlite3_column_int64(statement, 0);
  else if (code != SQLITE_DONE)
    status = storage__fail(hot, code, "cannot look for sealed files", error);
  sqlite3_reset(statement);
  return status;
}

static bool is_listed(const struct event_files *files, const struct event_file *file) {
  for (size_t i = 0; i < files->list.count; i++)
    if (files->list.rows[i].id == file->row_id && strcmp(files->list.rows[i].file, file->name) == 0)
      return true;
  return false;
}

int event_files__refresh(struct event_files *files, struct storage *hot,
                         struct belfry_error *error) {
  int64_t version;
  int status = read_version(hot, &version, error);
  if (status || version == files->version)
    return status;
  segment__list_fini(&files->list);
  files->version = -1;
  status = segment__list(hot, &files->list, error);
  if (status)
    return status;
  files->version = version;
  /* A file that is held open after it was removed would take its room on the disk. */
  for (size_t i = 0; i < EVENT_FILES_OPEN; i++)
    if (files->files[i].row_id && !is_listed(files, &files->files[i]))
      close_file(&files->files[i]);
  return BELFRY_OK;
}

/* --- files --- */

/* Where the file is, or is to be: in a free place, or in that of the file not used for longest. */
static struct event_file *place_for(struct event_files *files, const struct segment_row *row) {
  struct event_file *best = &files->files[0];
  for (size_t i = 0; i < EVENT_FILES_OPEN; i++) {
    struct event_file *file = &files->files[i];
    if (file->row_id == row->id && strcmp(file->name, row->file) == 0)
      return file;
    if (best->row_id && (!file->row_id || file->used < best->used))
      best = file;
  }
  close_file(best);
  return best;
}

/* Opens. A file with a log is looked at after its first read: if it was still in its folder then,
   the log that was read is its own (segment__remove takes the file first). */
static int open_file(struct event_files *files, const struct segment_row *row,
                     struct segment *segment, struct belfry_error *error) {
  int version;
  bool finished = row->state == SEGMENT_FINISHED;
  int status = segment__open(segment, files->dir, row,
                             finished ? STORAGE_READS_FINISHED : STORAGE_READS, error);
  if (!status)
    status = storage__schema(&segment->storage, &version, error);
  if ((!status || status == BELFRY_EIO) && segment->storage.db && segment__has_moved(segment))
    status = BELFRY_ENOENT;
  if (!status && version == 0)
    status = belfry_error_set(error, BELFRY_ECORRUPT, "%s is empty", row->file);
  return status;
}

int event_files__open(struct event_files *files, const struct segment_row *row,
                      struct segment **out, struct belfry_error *error) {
  struct event_file *file = place_for(files, row);
  file->used = ++files->uses;
  *out = &file->segment;
  if (file->row_id)
    return BELFRY_OK;
  int status = open_file(files, row, &file->segment, error);
  if (status) {
    segment__close(&file->segment);
    return status;
  }
  file->row_id = row->id;
  memcpy(file->name, row->file, sizeof file->name);
  return BELFRY_OK;
}

struct block_coder *event_files__coder(struct event_files *files) {
  if (!files->coder)
    files->coder = block__coder_new();
  return files->coder;
}

void event_files__tell(struct event_files *files, const struct segment_row *row, const char *why) {
  size_t known = files->told_count < EVENT_FILES_TOLD ? files->told_count : EVENT_FILES_TOLD;
  for (size_t i = 0; i < known; i++)
    if (strcmp(files->told[i], row->file) == 0)
      return;
  memcpy(files->told[files->told_count++ % EVENT_FILES_TOLD], row->file, SEGMENT_FILE_BYTES);
  log_error("something of the sealed file %s cannot be read; what asks for it is told so: %s",
            row->file, why);
}
