#include "watchd/tails.h"

#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define POLL_MS 1000

struct follower {
  struct tail *tail; /* owned */
  int file_watch;    /* inotify's number for the file in place; -1: none */
  int folder_watch;
};

struct tails {
  struct tail_parts parts;
  struct schedule_task poll;
  struct ev_io io;
  int inotify;          /* owned; -1: the kernel gives none, the polls do */
  struct follower *all; /* owned */
  size_t count;
  int64_t lines, dropped; /* of tails that are gone */
};

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
  follower->folder_watch = inotify_add_watch(tails->inotify, slash == path ? "/" : folder,
                                             IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR);
}

static void tails_on_poll(void *arg) {
  struct tails *tails = arg;
  for (size_t i = 0; i < tails->count; i++) {
    watch(tails, &tails->all[i]);
    tail_wake(tails->all[i].tail);
  }
}

static void on_change(struct tails *tails, const struct inotify_event *event) {
  for (size_t i = 0; i < tails->count; i++) {
    struct follower *follower = &tails->all[i];
    bool lost = event->mask & IN_Q_OVERFLOW;
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

int tails_new(struct schedule *schedule, const struct tail_parts *parts, struct tails **out) {
  struct tails *tails = calloc(1, sizeof *tails);
  if (!tails)
    return BELFRY_ENOMEM;
  tails->parts = *parts;
  schedule_task_init(&tails->poll, schedule, tails_on_poll, tails);
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

static void free_followers(struct tails *tails, struct follower *all, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!all[i].tail)
      continue;
    tails->lines += tail_lines(all[i].tail);
    tails->dropped += tail_dropped(all[i].tail);
    if (all[i].file_watch >= 0)
      (void)inotify_rm_watch(tails->inotify, all[i].file_watch);
    tail_free(all[i].tail);
  }
  free(all);
}

void tails_free(struct tails *tails) {
  if (!tails)
    return;
  schedule_task_stop(&tails->poll);
  ev_io_stop(tails->parts.loop, &tails->io);
  free_followers(tails, tails->all, tails->count);
  fd_close(&tails->inotify);
  free(tails);
}

static struct follower *find(struct follower *all, size_t count, const struct conf_log *log) {
  for (size_t i = 0; i < count; i++)
    if (all[i].tail && strcmp(tail_path(all[i].tail), log->path) == 0 &&
        strcmp(tail_source(all[i].tail), log->source) == 0)
      return &all[i];
  return NULL;
}

/* One file has one position: the first entry for it counts. */
static bool is_repeated(const struct conf *conf, size_t i) {
  for (size_t k = 0; k < i; k++)
    if (strcmp(conf->logs[k].path, conf->logs[i].path) == 0)
      return true;
  return false;
}

int tails_configure(struct tails *tails, const struct conf *conf) {
  size_t wanted = conf->watch_enabled ? conf->log_count : 0, count = 0;
  struct follower *all = calloc(wanted + 1, sizeof *all);
  if (!all)
    return BELFRY_ENOMEM;
  /* First what can fail, then what changes something. */
  for (size_t i = 0; i < wanted; i++) {
    all[i] = (struct follower){.file_watch = -1, .folder_watch = -1};
    if (is_repeated(conf, i) || find(tails->all, tails->count, &conf->logs[i]))
      continue;
    int status = tail_new(&tails->parts, conf->logs[i].path, conf->logs[i].source, &all[i].tail);
    if (status) {
      free_followers(tails, all, i);
      return status;
    }
  }
  for (size_t i = 0; i < wanted; i++) {
    struct follower *before = all[i].tail ? NULL : find(tails->all, tails->count, &conf->logs[i]);
    if (before) {
      all[i] = *before;
      before->tail = NULL;
    }
    if (all[i].tail)
      all[count++] = all[i];
    else
      log_warning("%s is in the list of logs more than once, the first entry counts",
                  conf->logs[i].path);
  }
  free_followers(tails, tails->all, tails->count);
  tails->all = all;
  tails->count = count;
  schedule_task_start(&tails->poll, 0, POLL_MS);
  return BELFRY_OK;
}

void tails_figures(const struct tails *tails, struct report_figures *figures) {
  figures->lines += tails->lines;
  figures->dropped += tails->dropped;
  for (size_t i = 0; i < tails->count; i++) {
    figures->lines += tail_lines(tails->all[i].tail);
    figures->dropped += tail_dropped(tails->all[i].tail);
  }
}
