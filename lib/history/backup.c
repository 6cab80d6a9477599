/*
 * A backup of a history that is in use, made by a reader.
 *
 * hot.db is copied first, in one short read transaction; it names the sealed files, and how much of
 * each is good. Those only ever grow beyond that, so they can be copied afterwards and without any
 * transaction. One that is gone by then (its day was finished, or it was too old) makes all of it
 * begin again; what was copied by then stays good, since a name is never used twice.
 */
#include "history/backup.h"

#include "base/clock.h"
#include "base/fd.h"
#include "history/manifest_priv.h"
#include "history/segment_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS 20

struct backup {
  const char *dir;
  char folder[PATH_MAX]; /* where it is made: TARGET.XXXXXX */
  bool copy;
  struct segment_list list;
  struct manifest manifest;
  struct history_backup_summary *summary;
};

static int path_of(const char *folder, const char *name, char path[PATH_MAX],
                   struct belfry_error *error) {
  return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX
             ? BELFRY_OK
             : belfry_error_set(error, BELFRY_EINVAL, "the path %.300s is too long", folder);
}

static int sync_folder(const char *folder, struct belfry_error *error) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int status = fd < 0 || fsync(fd) < 0
                   ? belfry_error_errno(error, errno, "cannot sync the folder %.300s", folder)
                   : BELFRY_OK;
  fd_close(&fd);
  return status;
}

/* Copies what the connection sees into a new file: with a transaction begun, that moment. */
static int copy_database(struct storage *from, const char *to, struct belfry_error *error) {
  char doing[PATH_MAX + 32];
  sqlite3 *database = NULL;
  snprintf(doing, sizeof doing, "cannot copy to %.300s", to);
  (void)!unlink(to);
  int code = sqlite3_open_v2(to, &database,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_EXRESCODE,
                             NULL);
  sqlite3_backup *backup =
      code == SQLITE_OK ? sqlite3_backup_init(database, "main", from->db, "main") : NULL;
  if (backup) {
    sqlite3_backup_step(backup, -1);
    code = sqlite3_backup_finish(backup);
  } else if (code == SQLITE_OK) {
    code = sqlite3_extended_errcode(database);
  }
  struct storage copy = {.db = database};
  int status = code == SQLITE_OK ? BELFRY_OK : storage__fail(&copy, code, doing, error);
  sqlite3_close(database);
  return status;
}

static int copy_hot(struct backup *backup, struct belfry_error *error) {
  char path[PATH_MAX];
  struct storage hot;
  struct history_position position;
  int status = path_of(backup->folder, STORAGE_DATABASE, path, error);
  if (status)
    return status;
  segment__list_fini(&backup->list);
  status = storage__open(&hot, backup->dir, STORAGE_READS, error);
  if (!status)
    status = storage__exec(&hot, "BEGIN", "cannot read the history", error);
  if (!status)
    status = storage__position(&hot, &position, NULL, error);
  if (!status)
    status = segment__list(&hot, &backup->list, error);
  if (!status)
    status = copy_database(&hot, path, error);
  if (!status) {
    memcpy(backup->summary->epoch, position.epoch, sizeof backup->summary->epoch);
    backup->summary->head = position.head;
  }
  storage__close(&hot);
  return status;
}

static int copy_open_file(struct backup *backup, const struct segment_row *row, const char *to,
                          struct belfry_error *error) {
  struct segment segment;
  int status = segment__open(&segment, backup->dir, row, STORAGE_READS, error);
  if (!status)
    status = copy_database(&segment.storage, to, error);
  segment__close(&segment);
  return status;
}

static int take_finished_file(struct backup *backup, const char *from, const char *to,
                              struct belfry_error *error) {
  int64_t bytes;
  if (!backup->copy && link(from, to) == 0) {
    backup->summary->linked++;
    return BELFRY_OK;
  }
  if (errno == ENOENT)
    return BELFRY_ENOENT;
  return manifest__copy(from, to, &bytes, NULL, error);
}

static int take_file(struct backup *backup, const struct segment_row *row,
                     struct belfry_error *error) {
  char name[MANIFEST_NAME_BYTES], from[PATH_MAX], to[PATH_MAX];
  struct belfry_error why = {0};
  snprintf(name, sizeof name, SEGMENT_FOLDER "/%s", row->file);
  int status = path_of(backup->dir, name, from, error);
  if (!status)
    status = path_of(backup->folder, name, to, error);
  if (status)
    return status;
  bool open = row->state == SEGMENT_OPEN;
  if (!open && access(to, F_OK) == 0) /* taken in an earlier attempt */
    return BELFRY_OK;
  errno = 0;
  status =
      open ? copy_open_file(backup, row, to, &why) : take_finished_file(backup, from, to, &why);
  if (status && access(from, F_OK) < 0 && errno == ENOENT)
    return BELFRY_ENOENT;
  return status ? belfry_error_set(error, status, "%s", why.text) : BELFRY_OK;
}

static bool is_wanted(const struct segment_row *row) {
  return row->state != SEGMENT_QUARANTINED;
}

static int take_files(struct backup *backup, struct belfry_error *error) {
  int status = BELFRY_OK;
  for (size_t i = 0; i < backup->list.count && !status; i++)
    if (is_wanted(&backup->list.rows[i]))
      status = take_file(backup, &backup->list.rows[i], error);
  return status;
}

static int take_all(struct backup *backup, struct belfry_error *error) {
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    int status = copy_hot(backup, error);
    if (!status)
      status = take_files(backup, error);
    if (status != BELFRY_ENOENT)
      return status;
  }
  return belfry_error_set(
      error, BELFRY_EBUSY,
      "sealed files of %.200s go faster than they can be copied, or are missing "
      "(belfry check-history says which)",
      backup->dir);
}

/* What was taken in an attempt that came to nothing, and is not named any more. */
static void remove_leftovers(struct backup *backup, const char *folder) {
  struct dirent *entry;
  DIR *dir = opendir(folder);
  while (dir && (entry = readdir(dir))) {
    bool named = entry->d_name[0] == '.';
    for (size_t i = 0; i < backup->list.count && !named; i++)
      named =
          is_wanted(&backup->list.rows[i]) && strcmp(backup->list.rows[i].file, entry->d_name) == 0;
    if (!named)
      (void)!unlinkat(dirfd(dir), entry->d_name, 0);
  }
  if (dir)
    closedir(dir);
}

static int list_files(struct backup *backup, struct belfry_error *error) {
  char name[MANIFEST_NAME_BYTES];
  int status = manifest__add(&backup->manifest, backup->folder, STORAGE_DATABASE, error);
  for (size_t i = 0; i < backup->list.count && !status; i++) {
    snprintf(name, sizeof name, SEGMENT_FOLDER "/%s", backup->list.rows[i].file);
    if (is_wanted(&backup->list.rows[i]))
      status = manifest__add(&backup->manifest, backup->folder, name, error);
  }
  backup->summary->files = (int64_t)backup->manifest.count;
  for (size_t i = 0; i < backup->manifest.count; i++)
    backup->summary->bytes += backup->manifest.files[i].bytes;
  return status;
}

static int make(struct backup *backup, const char *target, struct belfry_error *error) {
  char segments[PATH_MAX], parent[PATH_MAX];
  int status = path_of(backup->folder, SEGMENT_FOLDER, segments, error);
  if (!status && mkdir(segments, 0750) < 0)
    status = belfry_error_errno(error, errno, "cannot make the folder %.300s", segments);
  if (!status)
    status = take_all(backup, error);
  if (status)
    return status;
  remove_leftovers(backup, segments);
  status = list_files(backup, error);
  if (!status)
    status = sync_folder(segments, error);
  if (!status)
    status = manifest__write(&backup->manifest, backup->folder, backup->summary,
                             clock_realtime_ms(&clock_system), error);
  if (!status && rename(backup->folder, target) < 0)
    status = errno == ENOTEMPTY || errno == EEXIST
                 ? belfry_error_set(error, BELFRY_ECONFLICT, "%.300s is not empty", target)
                 : belfry_error_errno(error, errno, "cannot name the backup %.300s", target);
  if (!status)
    status = path_of(target, "..", parent, error);
  return status ? status : sync_folder(parent, error);
}

/* The folder and its files, as far as there are any. */
static void remove_backup(const char *folder) {
  char path[PATH_MAX];
  static const char *const folders[] = {SEGMENT_FOLDER, "."};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    struct dirent *entry;
    snprintf(path, sizeof path, "%.*s/%s", PATH_MAX - 16, folder, folders[i]);
    DIR *dir = opendir(path);
    while (dir && (entry = readdir(dir)))
      (void)!unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
      closedir(dir);
    (void)!rmdir(i == 0 ? path : folder);
  }
}

/* An empty folder may take the backup's name; anything else is in the way. */
static int check_target(const char *target, struct belfry_error *error) {
  struct stat status;
  if (lstat(target, &status) < 0)
    return errno == ENOENT ? BELFRY_OK
                           : belfry_error_errno(error, errno, "cannot look at %.300s", target);
  if (!S_ISDIR(status.st_mode))
    return belfry_error_set(error, BELFRY_ECONFLICT, "%.300s is there already, and is no folder",
                            target);
  struct dirent *entry;
  DIR *dir = opendir(target);
  bool empty = dir;
  while (dir && empty && (entry = readdir(dir)))
    empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
  if (dir)
    closedir(dir);
  return empty
             ? BELFRY_OK
             : belfry_error_set(error, BELFRY_ECONFLICT,
                                "%.300s is not empty: name a folder that is not there yet", target);
}

int history_backup(const char *dir, const char *target, bool copy,
                   struct history_backup_summary *out, struct belfry_error *error) {
  struct backup backup = {.dir = dir, .copy = copy, .summary = out};
  char name[PATH_MAX];
  size_t len = strlen(target);
  *out = (struct history_backup_summary){0};
  while (len > 1 && target[len - 1] == '/')
    len--;
  if (len + 8 >= sizeof name)
    return belfry_error_set(error, BELFRY_EINVAL, "the path %.300s is too long", target);
  snprintf(name, sizeof name, "%.*s", (int)len, target);
  int status = check_target(name, error);
  if (status)
    return status;
  memcpy(backup.folder, name, len);
  memcpy(backup.folder + len, ".XXXXXX", sizeof ".XXXXXX");
  if (!mkdtemp(backup.folder))
    return belfry_error_errno(error, errno, "cannot make a folder beside %.300s", name);
  status = make(&backup, name, error);
  if (status)
    remove_backup(backup.folder);
  segment__list_fini(&backup.list);
  manifest__fini(&backup.manifest);
  return status;
}
