/*
 * What is followed: the files that entries of `logs` name, and those that their globs lead to. A
 * file that rotation has left of another is read by who follows that one, and by nobody else.
 */
#include "watchd/tails.h"

#include "base/fd.h"
#include "base/log.h"
#include "watchd/tail_family.h"
#include "watchd/tail_glob.h"
#include "watchd/tail_position.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define POLL_MS      1000
#define SCAN_MS      10000 /* between two looks for new files, where the kernel tells of none */
#define SCAN_SOON_MS 50    /* after it has told of one: rotation changes several names */
#define GONE_MS      60000 /* so long a file that is gone may come again */
#define FOLDERS_MAX                                                                                \
  1024 /* that are watched for new files; the others are looked into by and by                     \
        */
#define LEFT_MAX      4096
#define FOLDER_EVENTS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR)

struct follower {
  struct tail *tail;    /* owned */
  struct conf_log *log; /* owned: what it is read as */
  int file_watch;       /* inotify's number for the file in place; -1: none */
  int folder_watch;
  bool found;      /* by a glob */
  int64_t gone_ms; /* monotonic: since when there is no such file; 0: there is one */
};

/* A file under this name is another's, renamed or copied from where that one was followed. */
struct left_alone {
  char *path; /* owned */
  int64_t device, inode;
};

/* A position of the history that was there at the start. */
struct known {
  char *path; /* owned */
  struct tail_position position;
};

struct tails {
  struct tail_parts parts;
  struct schedule_task poll, scan;
  struct ev_io io;
  int inotify;          /* owned; -1: the kernel gives none, the polls do */
  struct follower *all; /* owned, as what follows */
  size_t count;
  struct conf_log **globs; /* in the order of the configuration */
  size_t glob_count;
  size_t found, found_max; /* followers that globs have found */
  bool told_max;
  struct known *known;
  size_t known_count;
  bool knows; /* the history's positions were read */
  struct left_alone *left;
  size_t left_count;
  int folders[FOLDERS_MAX]; /* inotify's numbers */
  size_t folder_count;
  int64_t lines, dropped, misfits; /* of tails that are gone */
};

/* --- inotify ------------------------------------------------------------------------------------
 */

/* Asks for the same file again give the same number; for a new one in its place another. */
static void watch(struct tails *tails, struct follower *follower) {
  const char *path = tail_path(follower->tail);
  const char *slash = strrchr(path, '/');
  char folder[PATH_MAX];
  if (tails->inotify < 0)
    return;
  int before = follower->file_watch;
  follower->file_watch =
      inotify_add_watch(tails->inotify, path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
  if (before >= 0 && before != follower->file_watch)
    (void)inotify_rm_watch(tails->inotify, before); /* may be gone with its file */
  if (!slash || (size_t)(slash - path) >= sizeof folder)
    return;
  memcpy(folder, path, (size_t)(slash - path));
  folder[slash - path] = '\0';
  follower->folder_watch =
      inotify_add_watch(tails->inotify, slash == path ? "/" : folder, FOLDER_EVENTS);
}

static void tails_on_poll(void *arg) {
  struct tails *tails = arg;
  for (size_t i = 0; i < tails->count; i++) {
    watch(tails, &tails->all[i]);
    tail_wake(tails->all[i].tail);
  }
}

static bool is_folder_of_globs(const struct tails *tails, int number) {
  for (size_t i = 0; i < tails->folder_count; i++)
    if (tails->folders[i] == number)
      return true;
  return false;
}

static void on_change(struct tails *tails, const struct inotify_event *event) {
  bool lost = event->mask & IN_Q_OVERFLOW;
  if (tails->glob_count > 0 && (lost || is_folder_of_globs(tails, event->wd)))
    schedule_task_start(&tails->scan, SCAN_SOON_MS, SCAN_MS);
  for (size_t i = 0; i < tails->count; i++) {
    struct follower *follower = &tails->all[i];
    if (!lost && event->wd != follower->file_watch && event->wd != follower->folder_watch)
      continue;
    if (event->wd == follower->folder_watch)
      watch(tails, follower); /* perhaps a new file in its place */
    tail_wake(follower->tail);
  }
}

static void tails_on_inotify(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct tails *tails = io->data;
  char bytes[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
  ssize_t n = read(tails->inotify, bytes, sizeof bytes);
  for (ssize_t at = 0; at < n;) {
    const struct inotify_event *event = (const struct inotify_event *)(void *)(bytes + at);
    on_change(tails, event);
    at += (ssize_t)sizeof *event + event->len;
  }
}

/* --- followers ----------------------------------------------------------------------------------
 */

static void free_follower(struct tails *tails, struct follower *follower) {
  if (follower->tail) {
    tails->lines += tail_lines(follower->tail);
    tails->dropped += tail_dropped(follower->tail);
    tails->misfits += tail_misfits(follower->tail);
    if (follower->file_watch >= 0)
      (void)inotify_rm_watch(tails->inotify, follower->file_watch);
    tail_free(follower->tail);
  }
  conf_log_free(follower->log);
}

static void free_followers(struct tails *tails, struct follower *all, size_t count) {
  for (size_t i = 0; i < count; i++)
    free_follower(tails, &all[i]);
  free(all);
}

static int make_follower(const struct tails *tails, const char *path, const struct conf_log *log,
                         bool found, struct follower *out) {
  *out = (struct follower){.file_watch = -1, .folder_watch = -1, .found = found};
  out->log = conf_log_copy(log);
  int status = out->log ? tail_new(&tails->parts, path, log, &out->tail) : BELFRY_ENOMEM;
  if (status) {
    conf_log_free(out->log);
    out->log = NULL;
  }
  return status;
}

static struct follower *find(const struct tails *tails, const char *path) {
  for (size_t i = 0; i < tails->count; i++)
    if (tails->all[i].tail && strcmp(tail_path(tails->all[i].tail), path) == 0)
      return &tails->all[i];
  return NULL;
}

/* --- globs --------------------------------------------------------------------------------------
 */

static void free_known(struct tails *tails) {
  for (size_t i = 0; i < tails->known_count; i++)
    free(tails->known[i].path);
  free(tails->known);
  tails->known = NULL;
  tails->known_count = 0;
}

static void on_known(void *arg, struct slice path, const struct tail_position *position) {
  struct tails *tails = arg;
  struct known *more = reallocarray(tails->known, tails->known_count + 1, sizeof *more);
  char *copy = more ? strndup(path.data, path.len) : NULL;
  if (more)
    tails->known = more;
  if (copy)
    tails->known[tails->known_count++] = (struct known){copy, *position};
  else
    tails->knows = false;
}

/* Before it is known what was read already, nothing may be taken for new. */
static bool learn_known(struct tails *tails) {
  if (tails->knows)
    return true;
  free_known(tails);
  tails->knows = true;
  if (tail_position_each(tails->parts.reader, on_known, tails))
    tails->knows = false;
  return tails->knows;
}

static const struct known *known_of(const struct tails *tails, const char *path) {
  for (size_t i = 0; i < tails->known_count; i++)
    if (strcmp(tails->known[i].path, path) == 0)
      return &tails->known[i];
  return NULL;
}

static bool tails_is_log(void *arg, const char *path) {
  const struct tails *tails = arg;
  struct stat st;
  return find(tails, path) || known_of(tails, path) ||
         (stat(path, &st) == 0 && S_ISREG(st.st_mode));
}

/* Whether the file is one that a position speaks of which is that of another path: it was renamed
 * while nobody looked. */
static bool was_another(const struct tails *tails, const char *path, const struct stat *st) {
  bool same = false;
  for (size_t i = 0; i < tails->known_count && !same; i++) {
    const struct known *known = &tails->known[i];
    struct tail_head head;
    if (known->position.inode != (int64_t)st->st_ino || strcmp(known->path, path) == 0)
      continue;
    int fd = tail_open(path);
    same = fd >= 0 && tail_position_matches(&known->position, fd, st, &head);
    fd_close(&fd);
  }
  return same;
}

static bool is_same(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* Whether somebody reads the file, or is about to. */
static bool is_read(const struct tails *tails, const struct stat *st) {
  struct stat own;
  for (size_t i = 0; i < tails->count; i++)
    if (tail_reads(tails->all[i].tail, (int64_t)st->st_dev, (int64_t)st->st_ino) ||
        (stat(tail_path(tails->all[i].tail), &own) == 0 && is_same(&own, st)))
      return true;
  return false;
}

/* Forgets those whose names are of other files by now. */
static void look_at_left(struct tails *tails) {
  size_t kept = 0;
  struct stat st;
  for (size_t i = 0; i < tails->left_count; i++) {
    struct left_alone *left = &tails->left[i];
    if (stat(left->path, &st) == 0 && (int64_t)st.st_ino == left->inode &&
        (int64_t)st.st_dev == left->device)
      tails->left[kept++] = *left;
    else
      free(left->path);
  }
  tails->left_count = kept;
}

static bool is_left(const struct tails *tails, const char *path) {
  for (size_t i = 0; i < tails->left_count; i++)
    if (strcmp(tails->left[i].path, path) == 0)
      return true;
  return false;
}

static void leave(struct tails *tails, const char *path, const struct stat *st) {
  if (tails->left_count == LEFT_MAX)
    return;
  struct left_alone *more = reallocarray(tails->left, tails->left_count + 1, sizeof *more);
  char *copy = more ? strdup(path) : NULL;
  if (more)
    tails->left = more;
  if (copy)
    tails->left[tails->left_count++] =
        (struct left_alone){copy, (int64_t)st->st_dev, (int64_t)st->st_ino};
  log_debug("%s is what another log file was before, it is not followed", path);
}

static void tell_max(struct tails *tails, const char *path) {
  if (!tails->told_max)
    log_warning(
        "more than %zu log files match the globs of `logs`: %s and others are not followed; "
        "make the globs narrower, or watch.max_log_files larger",
        tails->found_max, path);
  tails->told_max = true;
}

struct scan {
  struct tails *tails;
  const struct conf_log *log;
};

static void follow(struct scan *scan, const char *path) {
  struct tails *tails = scan->tails;
  struct follower follower, *more = NULL;
  int status = make_follower(tails, path, scan->log, true, &follower);
  if (!status && !(more = reallocarray(tails->all, tails->count + 1, sizeof *more)))
    free_follower(tails, &follower);
  if (!more) {
    log_warning("%s is not followed yet: out of memory", path);
    return;
  }
  tails->all = more;
  tails->all[tails->count++] = follower;
  tails->found++;
  watch(tails, &tails->all[tails->count - 1]);
  tail_wake(follower.tail);
}

static void tails_on_file(void *arg, const char *path, const struct stat *st, bool is_link) {
  struct scan *scan = arg;
  struct tails *tails = scan->tails;
  if (find(tails, path) || is_left(tails, path) ||
      tail_family_is_rotated(path, tails_is_log, tails))
    return;
  if (is_read(tails, st)) {
    if (!is_link)
      leave(tails, path, st);
    return;
  }
  if (!known_of(tails, path) && was_another(tails, path, st))
    leave(tails, path, st);
  else if (tails->found >= tails->found_max)
    tell_max(tails, path);
  else
    follow(scan, path);
}

static void tails_on_folder(void *arg, const char *path) {
  struct tails *tails = ((struct scan *)arg)->tails;
  if (tails->inotify < 0 || tails->folder_count == FOLDERS_MAX)
    return;
  int number = inotify_add_watch(tails->inotify, path, FOLDER_EVENTS);
  if (number >= 0 && !is_folder_of_globs(tails, number))
    tails->folders[tails->folder_count++] = number;
}

/* What was found and is gone for good makes room. */
static void drop_gone(struct tails *tails) {
  int64_t now_ms = clock_monotonic_ms(tails->parts.clock);
  size_t kept = 0;
  for (size_t i = 0; i < tails->count; i++) {
    struct follower *follower = &tails->all[i];
    const char *path = tail_path(follower->tail);
    bool gone = follower->found && access(path, F_OK) < 0 && errno == ENOENT;
    if (!gone)
      follower->gone_ms = 0;
    else if (follower->gone_ms == 0)
      follower->gone_ms = now_ms;
    if (gone && now_ms - follower->gone_ms > GONE_MS) {
      log_info("%s is gone, it is not followed any more", path);
      const struct history_value values[] = {HISTORY_VALUE_TEXT("path", slice_of(path))};
      outbox_change(tails->parts.outbox, SQL_TAIL_POSITION_FORGET, values, 1);
      free_follower(tails, follower);
      tails->found--;
      tails->told_max = false;
    } else {
      tails->all[kept++] = *follower;
    }
  }
  tails->count = kept;
}

static void tails_on_scan(void *arg) {
  struct tails *tails = arg;
  drop_gone(tails);
  if (tails->glob_count == 0)
    return;
  if (!learn_known(tails)) {
    schedule_task_start(&tails->scan, POLL_MS, SCAN_MS);
    return;
  }
  look_at_left(tails);
  tails->folder_count = 0;
  for (size_t i = 0; i < tails->glob_count; i++) {
    struct scan scan = {tails, tails->globs[i]};
    const struct tail_glob glob = {tails_on_file, tails_on_folder, &scan};
    if (tail_glob_walk(tails->globs[i]->path, &glob))
      log_warning("%s was not looked through: out of memory", tails->globs[i]->path);
  }
}

/* --- the whole ----------------------------------------------------------------------------------
 */

int tails_new(struct schedule *schedule, const struct tail_parts *parts, struct tails **out) {
  struct tails *tails = calloc(1, sizeof *tails);
  if (!tails)
    return BELFRY_ENOMEM;
  tails->parts = *parts;
  schedule_task_init(&tails->poll, schedule, tails_on_poll, tails);
  schedule_task_init(&tails->scan, schedule, tails_on_scan, tails);
  tails->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (tails->inotify < 0)
    log_notice("no inotify (%s): log files are looked at once a second", strerror(errno));
  ev_io_init(&tails->io, tails_on_inotify, tails->inotify, EV_READ);
  tails->io.data = tails;
  if (tails->inotify >= 0)
    ev_io_start(parts->loop, &tails->io);
  *out = tails;
  return BELFRY_OK;
}

static void free_globs(struct conf_log **globs, size_t count) {
  for (size_t i = 0; i < count; i++)
    conf_log_free(globs[i]);
  free(globs);
}

void tails_free(struct tails *tails) {
  if (!tails)
    return;
  schedule_task_stop(&tails->poll);
  schedule_task_stop(&tails->scan);
  ev_io_stop(tails->parts.loop, &tails->io);
  free_followers(tails, tails->all, tails->count);
  free_globs(tails->globs, tails->glob_count);
  free_known(tails);
  for (size_t i = 0; i < tails->left_count; i++)
    free(tails->left[i].path);
  free(tails->left);
  fd_close(&tails->inotify);
  free(tails);
}

/* One file has one position: the first entry for it counts. */
static bool is_repeated(const struct conf *conf, size_t i) {
  for (size_t k = 0; k < i; k++)
    if (strcmp(conf->logs[k].path, conf->logs[i].path) == 0)
      return true;
  return false;
}

static bool is_named(const struct conf *conf, const char *path) {
  for (size_t i = 0; i < conf->log_count; i++)
    if (strcmp(conf->logs[i].path, path) == 0)
      return true;
  return false;
}

static bool has_glob(const struct conf *conf, const struct conf_log *log) {
  for (size_t i = 0; i < conf->log_count; i++)
    if (conf_log_same(&conf->logs[i], log))
      return true;
  return false;
}

/* Whether the follower may go on as it is under the new configuration. */
static bool stays(const struct conf *conf, const struct follower *follower,
                  const struct conf_log *named) {
  if (!conf->watch_enabled || !follower->tail)
    return false;
  if (named)
    return !follower->found && strcmp(tail_path(follower->tail), named->path) == 0 &&
           conf_log_same(follower->log, named);
  return follower->found && has_glob(conf, follower->log) &&
         !is_named(conf, tail_path(follower->tail));
}

static struct follower *find_staying(struct tails *tails, const struct conf *conf,
                                     const struct conf_log *named) {
  for (size_t i = 0; i < tails->count; i++)
    if (stays(conf, &tails->all[i], named))
      return &tails->all[i];
  return NULL;
}

/* Makes what the entries that name a file need and do not have yet. */
static int make_named(struct tails *tails, const struct conf *conf, struct follower *all,
                      size_t *count, struct conf_log **globs, size_t *glob_count) {
  int status = BELFRY_OK;
  for (size_t i = 0; i < conf->log_count && !status; i++) {
    const struct conf_log *log = &conf->logs[i];
    if (conf_is_glob(log->path)) {
      globs[*glob_count] = conf_log_copy(log);
      status = globs[*glob_count] ? BELFRY_OK : BELFRY_ENOMEM;
      *glob_count += !status;
    } else if (is_repeated(conf, i)) {
      log_warning("%s is in the list of logs more than once, the first entry counts", log->path);
    } else if (!find_staying(tails, conf, log)) {
      status = make_follower(tails, log->path, log, false, &all[*count]);
      *count += !status;
    }
  }
  return status;
}

int tails_configure(struct tails *tails, const struct conf *conf) {
  size_t count = 0, glob_count = 0;
  struct follower *all = calloc(conf->log_count + tails->count + 1, sizeof *all);
  struct conf_log **globs = calloc(conf->log_count + 1, sizeof *globs);
  int status = all && globs ? BELFRY_OK : BELFRY_ENOMEM;
  /* First what can fail, then what changes something. */
  if (!status && conf->watch_enabled)
    status = make_named(tails, conf, all, &count, globs, &glob_count);
  if (status) {
    free_followers(tails, all, count);
    free_globs(globs, glob_count);
    return status;
  }
  tails->found = 0;
  for (size_t i = 0; i < tails->count; i++) {
    struct follower *before = &tails->all[i];
    bool kept = stays(conf, before, NULL);
    for (size_t k = 0; k < conf->log_count && !kept; k++)
      kept = !conf_is_glob(conf->logs[k].path) && !is_repeated(conf, k) &&
             stays(conf, before, &conf->logs[k]);
    if (!kept)
      continue;
    tails->found += before->found;
    all[count++] = *before;
    *before = (struct follower){.file_watch = -1};
  }
  free_followers(tails, tails->all, tails->count);
  free_globs(tails->globs, tails->glob_count);
  tails->all = all;
  tails->count = count;
  tails->globs = globs;
  tails->glob_count = glob_count;
  tails->found_max = (size_t)conf->watch_max_log_files;
  tails->told_max = false;
  tails->knows = false; /* what is not followed any more has a position, too */
  schedule_task_start(&tails->poll, 0, POLL_MS);
  schedule_task_start(&tails->scan, 0, SCAN_MS);
  return BELFRY_OK;
}

void tails_figures(const struct tails *tails, struct report_figures *figures) {
  figures->lines += tails->lines;
  figures->dropped += tails->dropped;
  figures->misfits += tails->misfits;
  for (size_t i = 0; i < tails->count; i++) {
    figures->lines += tail_lines(tails->all[i].tail);
    figures->dropped += tail_dropped(tails->all[i].tail);
    figures->misfits += tail_misfits(tails->all[i].tail);
  }
}
