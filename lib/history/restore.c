/*
 * From a backup to a history. hot.db gets its name last: without it there is no history, whatever
 * happens before.
 */
#include "history/backup.h"

#include "base/clock.h"
#include "base/fd.h"
#include "history/lock_priv.h"
#include "history/manifest_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNFINISHED STORAGE_DATABASE ".restored"

struct restore {
  const char *source, *dir;
  struct manifest manifest;
  size_t done; /* files that were begun */
  bool segments_made;
};

static int path_of(const char *folder, const char *name, char path[PATH_MAX],
                   struct belfry_error *error) {
  return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX
             ? BELFRY_OK
             : belfry_error_set(error, BELFRY_EINVAL, "the path %.300s is too long", folder);
}

/* The name under which a file lies in the history until all is well. */
static const char *name_until_then(const char *name) {
  return strcmp(name, STORAGE_DATABASE) == 0 ? UNFINISHED : name;
}

static int take_file(struct restore *restore, const struct manifest_file *file,
                     struct belfry_error *error) {
  char from[PATH_MAX], to[PATH_MAX], hash[MANIFEST_HASH_BYTES] = "";
  int64_t bytes = 0;
  int status = path_of(restore->source, file->name, from, error);
  if (!status)
    status = path_of(restore->dir, name_until_then(file->name), to, error);
  if (!status && access(from, F_OK) < 0 && errno == ENOENT)
    return belfry_error_set(error, BELFRY_ECORRUPT, "%.300s is missing from the backup", from);
  if (!status)
    status = manifest__copy(from, to, &bytes, hash, error);
  if (!status && (bytes != file->bytes || strcmp(hash, file->hash) != 0))
    return belfry_error_set(error, BELFRY_ECORRUPT,
                            "%.300s is damaged: it is not what the manifest says", from);
  return status;
}

static int take_files(struct restore *restore, struct belfry_error *error) {
  int status = BELFRY_OK;
  while (restore->done < restore->manifest.count && !status)
    status = take_file(restore, &restore->manifest.files[restore->done++], error);
  return status;
}

static int set_text(struct storage *hot, const char *key, const char *value,
                    struct belfry_error *error) {
  sqlite3_stmt *statement;
  int status = storage__statement(hot, SQL_HISTORY_SET, &statement, error);
  if (!status)
    status = storage__bind(statement,
                           (struct history_value[]){HISTORY_VALUE_TEXT("key", slice_of(key)),
                                                    HISTORY_VALUE_TEXT("value", slice_of(value))},
                           2, error);
  return status ? status : storage__run(hot, statement, NULL, error);
}

/* Another epoch: whoever knows a place in the history that was lost must not take it for one in
 * this. */
static int set_epoch(struct storage *hot, char *epoch, struct belfry_error *error) {
  char now[32];
  uint64_t random;
  fd_random(&random, sizeof random);
  snprintf(epoch, HISTORY_EPOCH_BYTES, "%016" PRIx64, random);
  snprintf(now, sizeof now, "%" PRId64, clock_realtime_ms(&clock_system));
  int status = set_text(hot, "epoch", epoch, error);
  return status ? status : set_text(hot, "restored", now, error);
}

/* Every file that is named must have come with the backup. */
static int check_named(const struct restore *restore, struct storage *hot,
                       struct belfry_error *error) {
  struct segment_list list;
  char name[MANIFEST_NAME_BYTES];
  int status = segment__list(hot, &list, error);
  for (size_t i = 0; i < list.count && !status; i++) {
    snprintf(name, sizeof name, SEGMENT_FOLDER "/%s", list.rows[i].file);
    if (list.rows[i].state != SEGMENT_QUARANTINED && !manifest__find(&restore->manifest, name))
      status = belfry_error_set(error, BELFRY_ECORRUPT, "%s is missing from the backup %.200s",
                                name, restore->source);
  }
  segment__list_fini(&list);
  return status;
}

static int describe(struct restore *restore, struct storage *hot,
                    struct history_backup_summary *out, struct belfry_error *error) {
  int version = 0;
  struct history_position position;
  int status = storage__schema(hot, &version, error);
  if (!status && (version < 1 || version > SQL_SCHEMA_VERSION))
    status = belfry_error_set(error, BELFRY_EVERSION,
                              "the backup has schema %d, made by a newer Belfry; this one knows "
                              "schemas up to %d",
                              version, SQL_SCHEMA_VERSION);
  if (!status && version > 1) /* the first knows no sealed files */
    status = check_named(restore, hot, error);
  if (!status)
    status = set_epoch(hot, out->epoch, error);
  if (!status && version == SQL_SCHEMA_VERSION) {
    status = storage__position(hot, &position, NULL, error);
    out->head = position.head;
  }
  /* All of it into the one file, which is then renamed. */
  return status ? status
                : storage__exec(hot, "PRAGMA journal_mode = DELETE", "cannot write the history",
                                error);
}

/* SQLite leaves its logs, as the writer wants it; they are empty, or are not wanted any more. */
static void remove_logs(struct restore *restore) {
  static const char *const names[] = {UNFINISHED "-journal", UNFINISHED "-wal", UNFINISHED "-shm"};
  char path[PATH_MAX];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!path_of(restore->dir, names[i], path, NULL))
      (void)!unlink(path);
}

static int finish(struct restore *restore, struct history_backup_summary *out,
                  struct belfry_error *error) {
  char from[PATH_MAX], to[PATH_MAX];
  struct storage hot;
  int status = path_of(restore->dir, UNFINISHED, from, error);
  if (!status)
    status = path_of(restore->dir, STORAGE_DATABASE, to, error);
  if (status)
    return status;
  status = storage__open_file(&hot, from, STORAGE_WRITES, STORAGE_PAGE_BYTES, error);
  if (!status)
    status = describe(restore, &hot, out, error);
  storage__close(&hot);
  remove_logs(restore);
  if (!status && rename(from, to) < 0)
    status = belfry_error_errno(error, errno, "cannot make %.300s", to);
  return status;
}

/* Run by root, the history belongs to whom the folder around it belongs to. */
static int give_away(struct restore *restore, struct belfry_error *error) {
  struct stat owner;
  char path[PATH_MAX];
  static const char *const names[] = {".", STORAGE_LOCK, SEGMENT_FOLDER};
  int status = path_of(restore->dir, "..", path, error);
  if (status || geteuid() != 0)
    return status;
  if (stat(path, &owner) < 0)
    return belfry_error_errno(error, errno, "cannot look at %.300s", path);
  size_t fixed = sizeof names / sizeof *names;
  for (size_t i = 0; i < fixed + restore->manifest.count && !status; i++) {
    const char *name =
        i < fixed ? names[i] : name_until_then(restore->manifest.files[i - fixed].name);
    status = path_of(restore->dir, name, path, error);
    if (!status && lchown(path, owner.st_uid, owner.st_gid) < 0)
      status = belfry_error_errno(error, errno, "cannot give %.300s to its owner", path);
  }
  return status;
}

static int sync_folders(struct restore *restore, struct belfry_error *error) {
  static const char *const names[] = {SEGMENT_FOLDER, ".", ".."};
  char path[PATH_MAX];
  int status = BELFRY_OK;
  for (size_t i = 0; i < sizeof names / sizeof *names && !status; i++) {
    status = path_of(restore->dir, names[i], path, error);
    int fd = status ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!status && (fd < 0 || fsync(fd) < 0))
      status = belfry_error_errno(error, errno, "cannot sync the folder %.300s", path);
    fd_close(&fd);
  }
  return status;
}

static void undo(struct restore *restore) {
  char path[PATH_MAX];
  for (size_t i = 0; i < restore->done; i++)
    if (!path_of(restore->dir, name_until_then(restore->manifest.files[i].name), path, NULL))
      (void)!unlink(path);
  if (restore->segments_made && !path_of(restore->dir, SEGMENT_FOLDER, path, NULL))
    (void)!rmdir(path);
}

/* With the lock held. */
static int restore_all(struct restore *restore, struct history_backup_summary *out,
                       struct belfry_error *error) {
  char path[PATH_MAX];
  int status = path_of(restore->dir, STORAGE_DATABASE, path, error);
  if (status)
    return status;
  if (access(path, F_OK) == 0)
    return belfry_error_set(error, BELFRY_ECONFLICT,
                            "there is a history in %.300s already: a backup is restored into an "
                            "empty state folder",
                            restore->dir);
  status = path_of(restore->dir, SEGMENT_FOLDER, path, error);
  (void)!rmdir(path); /* an empty one is in nobody's way */
  if (!status && mkdir(path, 0750) < 0)
    return errno == EEXIST
               ? belfry_error_set(error, BELFRY_ECONFLICT,
                                  "there are files in %.300s already: a backup is restored into "
                                  "an empty state folder",
                                  path)
               : belfry_error_errno(error, errno, "cannot make the folder %.300s", path);
  restore->segments_made = true;
  status = take_files(restore, error);
  if (!status)
    status = give_away(restore, error);
  if (!status)
    status = finish(restore, out, error);
  if (status) {
    undo(restore);
    return status;
  }
  out->files = (int64_t)restore->manifest.count;
  for (size_t i = 0; i < restore->manifest.count; i++)
    out->bytes += restore->manifest.files[i].bytes;
  return sync_folders(restore, error);
}

int history_restore(const char *source, const char *dir, struct history_backup_summary *out,
                    struct belfry_error *error) {
  struct restore restore = {.source = source, .dir = dir};
  int lock = -1;
  *out = (struct history_backup_summary){0};
  int status = manifest__read(&restore.manifest, source, error);
  if (!status)
    status = lock__make_dir(dir, error);
  if (!status)
    status = lock__take(dir, &lock, error);
  if (!status)
    status = restore_all(&restore, out, error);
  fd_close(&lock);
  manifest__fini(&restore.manifest);
  return status;
}
