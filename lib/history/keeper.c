/* The keeper: its files, and whose turn it is. What it does is in files of their own, one a job. */
#include "history/keeper_priv.h"

#include "base/fd.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS_PER_CHECK 10000

/* In turn, each does a piece of its work. */
static const keeper_job_fn jobs[] = {keeper__seal_events, keeper__finish_events, keeper__delete,
                                     keeper__samples, keeper__retire};
#define JOBS (sizeof jobs / sizeof *jobs)

/* --- what hot.db says --- */

static int read_list(struct history_keeper *keeper, struct belfry_error *error) {
  if (!keeper->stale)
    return BELFRY_OK;
  segment__list_fini(&keeper->list);
  int status = segment__list(&keeper->hot, &keeper->list, error);
  keeper->stale = status != BELFRY_OK;
  keeper->figures.bytes = 0;
  for (size_t i = 0; i < keeper->list.count; i++)
    keeper->figures.bytes += keeper->list.rows[i].bytes;
  keeper->figures.files = (int64_t)keeper->list.count;
  keeper__measure(&keeper->list, clock_realtime_ms(keeper->clock), &keeper->figures);
  return status;
}

int keeper__hot_bounds(struct history_keeper *keeper, struct hot_bounds *out,
                       struct belfry_error *error) {
  sqlite3_stmt *statement;
  *out = (struct hot_bounds){0};
  int status = storage__statement(&keeper->hot, SQL_EVENT_BOUNDS, &statement, error);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW)
    *out =
        (struct hot_bounds){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                            sqlite3_column_int64(statement, 2)};
  else if (code != SQLITE_DONE)
    status = storage__fail(&keeper->hot, code, "cannot look for events to be sealed", error);
  sqlite3_reset(statement);
  return status;
}

int keeper__hand_over(struct history_keeper *keeper, const struct history_hand_over *hand_over,
                      struct belfry_error *error) {
  keeper->stale = true;
  int status = keeper->hand_over(keeper->arg, hand_over, error);
  return status ? status : read_list(keeper, error);
}

/* --- files --- */

/* No name is used again: a reader may still hold the file that had it. */
void keeper__name_next(const struct history_keeper *keeper, struct segment_row *row) {
  unsigned generation = 0;
  for (size_t i = 0; i < keeper->list.count; i++) {
    const struct segment_row *other = &keeper->list.rows[i];
    unsigned one = segment__generation(other->file);
    if (other->kind == row->kind && other->start_ms == row->start_ms && one > generation)
      generation = one;
  }
  segment__name(row->kind, row->start_ms, generation + 1, row);
}

static int interrupted(void *arg) {
  return atomic_load(&((struct history_keeper *)arg)->interrupted);
}

static int open_file(struct history_keeper *keeper, const struct segment_row *row,
                     struct open_file *file, struct belfry_error *error) {
  char path[PATH_MAX + SEGMENT_FILE_BYTES + sizeof SEGMENT_FOLDER + 2];
  snprintf(path, sizeof path, "%s/" SEGMENT_FOLDER "/%s", keeper->dir, row->file);
  /* One that ought to be there must not be made anew. */
  if (row->last_block > 0 && access(path, F_OK) < 0)
    return belfry_error_errno(error, errno, "the sealed file %s cannot be opened", path);
  int status = segment__open(&file->segment, keeper->dir, row, STORAGE_WRITES, error);
  if (!status)
    status = segment__forget(&file->segment, row->last_block, error);
  if (!status)
    status = segment__sync_folder(keeper->dir, error);
  if (!status)
    sqlite3_progress_handler(file->segment.storage.db, STEPS_PER_CHECK, interrupted, keeper);
  return status;
}

int keeper__file(struct history_keeper *keeper, const struct segment_row *row,
                 struct open_file **out, struct belfry_error *error) {
  for (*out = keeper->files; *out; *out = (*out)->next)
    if (strcmp((*out)->name, row->file) == 0)
      return BELFRY_OK;
  struct open_file *file = calloc(1, sizeof *file);
  if (!file)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while opening a sealed file");
  snprintf(file->name, sizeof file->name, "%s", row->file);
  int status = open_file(keeper, row, file, error);
  if (status) {
    segment__close(&file->segment);
    free(file);
    return status;
  }
  file->next = keeper->files;
  keeper->files = *out = file;
  return BELFRY_OK;
}

void keeper__close_file(struct history_keeper *keeper, struct open_file *file) {
  struct open_file **link = &keeper->files;
  while (*link != file)
    link = &(*link)->next;
  *link = file->next;
  segment__close(&file->segment);
  free(file);
}

void keeper__drop_file(struct history_keeper *keeper, const char *name) {
  for (struct open_file *file = keeper->files; file; file = file->next)
    if (strcmp(file->name, name) == 0) {
      keeper__close_file(keeper, file);
      return;
    }
}

int keeper__quarantine(struct history_keeper *keeper, const struct segment_row *row,
                       const char *why, struct belfry_error *error) {
  log_error("the sealed file %s is damaged and not read any more: %s", row->file, why);
  struct history_hand_over hand_over = {
      .row = *row, .old_last_block = row->last_block, .now_ms = clock_realtime_ms(keeper->clock)};
  memcpy(hand_over.old_file, row->file, sizeof hand_over.old_file);
  hand_over.row.state = SEGMENT_QUARANTINED;
  keeper__drop_file(keeper, row->file);
  return keeper__hand_over(keeper, &hand_over, error);
}

/* --- at the start --- */

/* Makes the folder, durably. */
static int make_folder(struct history_keeper *keeper, struct belfry_error *error) {
  char path[PATH_MAX + sizeof SEGMENT_FOLDER + 2];
  snprintf(path, sizeof path, "%s/" SEGMENT_FOLDER, keeper->dir);
  if (mkdir(path, 0750) < 0 && errno != EEXIST)
    return belfry_error_errno(error, errno, "cannot make the folder %s", path);
  int fd = open(keeper->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int status = BELFRY_OK;
  if (fd < 0 || fsync(fd) < 0)
    status = belfry_error_errno(error, errno, "cannot sync the folder %s", keeper->dir);
  fd_close(&fd);
  return status;
}

/* Whether a file, or the journal of one, is of a sealed file that hot.db knows. */
static bool is_known(const struct history_keeper *keeper, const char *name) {
  for (size_t i = 0; i < keeper->list.count; i++) {
    size_t len = strlen(keeper->list.rows[i].file);
    if (strncmp(name, keeper->list.rows[i].file, len) == 0 &&
        (name[len] == '\0' || name[len] == '-'))
      return true;
  }
  return false;
}

/* What nobody knows was never handed over, or has been replaced. Other people's files stay. */
static int remove_orphans(struct history_keeper *keeper, struct belfry_error *error) {
  char path[PATH_MAX + sizeof SEGMENT_FOLDER + 2];
  snprintf(path, sizeof path, "%s/" SEGMENT_FOLDER, keeper->dir);
  DIR *folder = opendir(path);
  if (!folder)
    return belfry_error_errno(error, errno, "cannot read the folder %s", path);
  int status = BELFRY_OK;
  for (struct dirent *entry; !status && (entry = readdir(folder));) {
    const char *suffix = strstr(entry->d_name, ".db");
    if (!suffix || !segment__is_name(entry->d_name) || is_known(keeper, entry->d_name))
      continue;
    char file[SEGMENT_FILE_BYTES];
    snprintf(file, sizeof file, "%.*s.db", (int)(suffix - entry->d_name), entry->d_name);
    log_info("%s/%s was never handed over, or was replaced: it is removed", path, entry->d_name);
    status = segment__remove(keeper->dir, file, error);
  }
  closedir(folder);
  return status;
}

/* A file that does not open is looked at again when there is something to be done with it. */
static void open_files(struct history_keeper *keeper) {
  struct open_file *file;
  struct belfry_error why = {0};
  for (size_t i = 0; i < keeper->list.count; i++) {
    const struct segment_row *row = &keeper->list.rows[i];
    if (row->state == SEGMENT_OPEN && keeper__file(keeper, row, &file, &why))
      log_warning("%s", why.text);
    belfry_error_clear(&why);
  }
}

static int start(struct history_keeper *keeper, struct belfry_error *error) {
  int status = make_folder(keeper, error);
  if (!status)
    status = storage__open(&keeper->hot, keeper->dir, STORAGE_READS, error);
  if (!status) /* it reads each row once */
    status = storage__exec(&keeper->hot, "PRAGMA cache_size = -2048",
                           "cannot open the history", error);
  if (!status)
    status = read_list(keeper, error);
  if (!status)
    status = remove_orphans(keeper, error);
  if (!status)
    open_files(keeper);
  return status;
}

int history_keeper_open(const char *dir, const struct history_keeper_options *options,
                        const struct clock *clock, history_hand_over_fn hand_over, void *arg,
                        struct history_keeper **out, struct belfry_error *error) {
  struct history_keeper *keeper = calloc(1, sizeof *keeper);
  if (!keeper)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while opening the sealed files");
  keeper->options = *options;
  keeper->clock = clock;
  keeper->hand_over = hand_over;
  keeper->arg = arg;
  keeper->stale = true;
  buf_init(&keeper->texts, 0);
  keeper->coder = block__coder_new();
  keeper->hasher = id_hasher__new();
  int status = BELFRY_OK;
  if (!keeper->coder || !keeper->hasher)
    status = belfry_error_set(error, BELFRY_ENOMEM, "out of memory while opening the sealed files");
  else if (snprintf(keeper->dir, sizeof keeper->dir, "%s", dir) >=
           (int)(sizeof keeper->dir - sizeof SEGMENT_FOLDER - SEGMENT_FILE_BYTES - 8))
    status = belfry_error_set(error, BELFRY_EINVAL, "the history's path %s is too long", dir);
  else
    status = start(keeper, error);
  if (status)
    history_keeper_close(keeper);
  else
    *out = keeper;
  return status;
}

void history_keeper_close(struct history_keeper *keeper) {
  if (!keeper)
    return;
  keeper__samples_free(keeper->samples);
  keeper__deleter_free(keeper);
  while (keeper->files)
    keeper__close_file(keeper, keeper->files);
  segment__list_fini(&keeper->list);
  storage__close(&keeper->hot);
  block__coder_free(keeper->coder);
  id_hasher__free(keeper->hasher);
  buf_fini(&keeper->texts);
  free(keeper);
}

void history_keeper_interrupt(struct history_keeper *keeper) {
  atomic_store(&keeper->interrupted, true);
}

void history_keeper_set_retention(struct history_keeper *keeper,
                                  const struct history_retention *retention) {
  keeper->options.retention = *retention;
}

void history_keeper_figures(const struct history_keeper *keeper,
                            struct history_keeper_figures *out) {
  *out = keeper->figures;
}

int history_keeper_step(struct history_keeper *keeper, bool *more, struct belfry_error *error) {
  *more = false;
  int status = read_list(keeper, error);
  for (size_t i = 0; i < JOBS && !status && !*more; i++) {
    size_t job = keeper->next_job;
    keeper->next_job = (job + 1) % JOBS; /* also after an error: the others go on */
    status = jobs[job](keeper, more, error);
  }
  return status;
}
