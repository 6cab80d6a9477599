#include "pushd/upgrade.h"

#include "base/fd.h"
#include "base/log.h"
#include "pushd/follow.h"
#include "pushd/hub.h"
#include "pushd/listeners.h"
#include "pushd/report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_PASSED_FD 3 /* SD_LISTEN_FDS_START, as base/daemon.c takes them */
#define PASSED_MAX      (LISTENER_COUNT + 1)
#define READY_VARIABLE  "BELFRY_PUSHD_READY_FD"
#define CHECK_SECONDS   10.
#define DIVIDE_SECONDS  0.001
#define TELL_SECONDS    0.005
#define ACCEPT_AFTER_MS 5000
#define PATIENCE_S      10. /* for a supervisor to start another */
#define PROGRAM         "belfry-pushd"

extern char **environ;

/* --- signals -----------------------------------------------------------------------------------
 * One that came while the new binary has no handler yet would end it.
 */

static void set_blocked(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR2);
  sigprocmask(how, &set, NULL);
}

void upgrade_unblock_signals(void) {
  set_blocked(SIG_UNBLOCK);
}

/* --- the old process, which becomes the new one -------------------------------------------------
 */

/* Puts `fds` to FIRST_PASSED_FD and on, open for the new binary. What was there is kept in `saved`.
 * Returns: false with errno. */
static bool pass_fds(const int *fds, int count, int *saved) {
  int copies[PASSED_MAX];
  bool good = true;
  for (int i = 0; i < count; i++) {
    copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_PASSED_FD + PASSED_MAX);
    saved[i] = fcntl(FIRST_PASSED_FD + i, F_DUPFD_CLOEXEC, FIRST_PASSED_FD + PASSED_MAX);
    good = good && copies[i] >= 0 && (saved[i] >= 0 || errno == EBADF);
  }
  for (int i = 0; i < count; i++) {
    good = good && dup2(copies[i], FIRST_PASSED_FD + i) >= 0;
    if (copies[i] >= 0)
      close(copies[i]);
  }
  return good;
}

static void take_fds_back(int count, const int *saved) {
  for (int i = 0; i < count; i++) {
    if (saved[i] >= 0) {
      dup3(saved[i], FIRST_PASSED_FD + i, O_CLOEXEC);
      close(saved[i]);
    } else {
      close(FIRST_PASSED_FD + i);
    }
  }
}

/* Returns: the number of `fds`, the last of which is `ready_fd`, with their environment set. */
static int collect_fds(const struct upgrade *upgrade, int ready_fd, int fds[PASSED_MAX]) {
  char names[64] = "", number[16];
  int count = 0;
  for (int i = 0; i < LISTENER_COUNT; i++)
    if (upgrade->listeners->ios[i].fd >= 0) {
      snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", count ? ":" : "",
               listener_names[i]);
      fds[count++] = upgrade->listeners->ios[i].fd;
    }
  snprintf(number, sizeof number, "%d", count);
  setenv("LISTEN_FDS", number, 1);
  setenv("LISTEN_FDNAMES", names, 1);
  snprintf(number, sizeof number, "%d", (int)getpid());
  setenv("LISTEN_PID", number, 1);
  snprintf(number, sizeof number, "%d", FIRST_PASSED_FD + count);
  setenv(READY_VARIABLE, number, 1);
  fds[count++] = ready_fd;
  return count;
}

/* Returns only when that failed. */
static void become_new(struct upgrade *upgrade, int ready_fd) {
  int fds[PASSED_MAX], saved[PASSED_MAX];
  int count = collect_fds(upgrade, ready_fd, fds);
  if (pass_fds(fds, count, saved))
    execv(upgrade->path, upgrade->argv);
  log_error("not upgraded, going on: %s cannot be executed: %s", upgrade->path, strerror(errno));
  take_fds_back(count, saved);
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  unsetenv("LISTEN_PID");
  unsetenv(READY_VARIABLE);
}

/* --- the child, which keeps the connections ------------------------------------------------------
 */

static void leave(struct upgrade *upgrade, enum drain_cause cause) {
  struct hub *hub = upgrade->hub;
  ev_io_stop(hub->loop, &upgrade->ready);
  ev_timer_stop(hub->loop, &upgrade->patience);
  if (hub->stopping)
    return;
  log_info("the old process %d sends its %u clients to the new one", (int)getpid(),
           (unsigned)hub_open_count(hub));
  drain_start(&hub->drain, cause, hub->conf->push_drain_upgrade_ms);
  upgrade->on_leave(upgrade);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events) {
  (void)events;
  struct upgrade *upgrade = io->data;
  char byte;
  ssize_t n = read(io->fd, &byte, 1);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  int fd = io->fd;
  ev_io_stop(loop, io);
  fd_close(&fd);
  if (n == 1) {
    leave(upgrade, DRAIN_UPGRADE);
    return;
  }
  log_error("the new process ended before it could serve: the old one, %d, serves its clients %g s "
            "longer",
            (int)getpid(), PATIENCE_S);
  ev_now_update(loop);
  ev_timer_start(loop, &upgrade->patience);
}

static void on_patience_over(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  leave(timer->data, DRAIN_RESTART);
}

static void become_old(struct upgrade *upgrade, int ready_fd) {
  struct hub *hub = upgrade->hub;
  upgrade->leaving = true;
  ev_loop_fork(hub->loop);
  listeners_close(upgrade->listeners);
  hub_give_bell_up(hub);
  unsetenv("NOTIFY_SOCKET"); /* the supervisor's process is the new one */
  ev_io_init(&upgrade->ready, on_ready, ready_fd, EV_READ);
  upgrade->ready.data = upgrade;
  ev_io_start(hub->loop, &upgrade->ready);
  upgrade_unblock_signals();
}

/* --- the fork ----------------------------------------------------------------------------------
 */

/* Waits, for the moment that it takes, for the parent to have become the new binary. Nothing may be
 * read or written before: should it fail, the connections are the parent's. */
static bool parent_is_new(int failed_fd) {
  char byte;
  ssize_t n;
  do
    n = read(failed_fd, &byte, 1);
  while (n < 0 && errno == EINTR);
  return n == 0;
}

static void go_on_after_all(struct upgrade *upgrade) {
  struct belfry_error error = {0};
  upgrade_unblock_signals();
  if (report_init(upgrade->report, upgrade->hub, &error))
    log_error("the daemon's figures are not reported any more: %s", error.text);
}

static void divide(struct upgrade *upgrade) {
  int ready[2], failed[2]; /* the second is closed by the exec, or gets a byte */
  if (pipe2(ready, O_CLOEXEC | O_NONBLOCK)) {
    log_error("not upgraded: no pipe: %s", strerror(errno));
    return;
  }
  if (pipe2(failed, O_CLOEXEC)) {
    log_error("not upgraded: no pipe: %s", strerror(errno));
    close(ready[0]);
    close(ready[1]);
    return;
  }
  /* Handles of SQLite, and a connection to the writer, cannot be shared by two processes. */
  follow_close(upgrade->hub);
  report_fini(upgrade->report);
  set_blocked(SIG_BLOCK);
  pid_t pid = fork();
  if (pid == 0) {
    close(ready[1]);
    close(failed[1]);
    if (!parent_is_new(failed[0]))
      _exit(0);
    close(failed[0]);
    become_old(upgrade, ready[0]);
    return;
  }
  close(failed[0]);
  close(ready[0]);
  if (pid < 0)
    log_error("not upgraded: cannot fork: %s", strerror(errno));
  else
    become_new(upgrade, ready[1]);
  (void)!write(failed[1], "x", 1);
  close(failed[1]);
  close(ready[1]);
  go_on_after_all(upgrade);
}

/* --- the check of the new binary ----------------------------------------------------------------
 */

static void end_check(struct upgrade *upgrade) {
  ev_child_stop(upgrade->hub->loop, &upgrade->check);
  ev_timer_stop(upgrade->hub->loop, &upgrade->check_limit);
  fd_close(&upgrade->check_fd);
}

static void on_checked(struct ev_loop *loop, ev_child *child, int events) {
  (void)events;
  struct upgrade *upgrade = child->data;
  char text[128] = "";
  ssize_t n = read(upgrade->check_fd, text, sizeof text - 1);
  int status = child->rstatus;
  end_check(upgrade);
  text[n > 0 ? n : 0] = '\0';
  text[strcspn(text, "\n")] = '\0';
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
      strncmp(text, PROGRAM " ", sizeof PROGRAM)) {
    log_error("not upgraded: %s -V does not print the version of a " PROGRAM
              " (it printed '%s' and ended with %s %d)",
              upgrade->path, text, WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return;
  }
  /* A signal that came before this has its turn before the fork; one that comes later is for the
     new binary. */
  set_blocked(SIG_BLOCK);
  log_notice("upgrading to %s", text);
  ev_now_update(loop);
  ev_timer_set(&upgrade->divide, DIVIDE_SECONDS, 0.);
  ev_timer_start(loop, &upgrade->divide);
}

static void on_divide(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct upgrade *upgrade = timer->data;
  if (upgrade->hub->stopping)
    upgrade_unblock_signals();
  else
    divide(upgrade);
}

/* It has ended by a signal then, which on_checked sees. */
static void on_check_limit(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct upgrade *upgrade = timer->data;
  kill(upgrade->check.pid, SIGKILL);
}

void upgrade_start(struct upgrade *upgrade) {
  struct hub *hub = upgrade->hub;
  char *const argv[] = {upgrade->path, (char[]){"-V"}, NULL};
  posix_spawn_file_actions_t actions;
  pid_t pid;
  int out[2];
  if (upgrade->leaving || hub->stopping || upgrade->check_fd >= 0 ||
      ev_is_active(&upgrade->divide)) {
    log_warning("not upgraded: %s", upgrade->leaving ? "this is the old process, which is leaving"
                                    : hub->stopping  ? "the daemon is about to end"
                                                     : "an upgrade is under way");
    return;
  }
  if (!upgrade->path[0]) {
    log_error("not upgraded: the path of this program is not known");
    return;
  }
  if (pipe2(out, O_CLOEXEC | O_NONBLOCK)) {
    log_error("not upgraded: no pipe: %s", strerror(errno));
    return;
  }
  int failed = posix_spawn_file_actions_init(&actions);
  if (!failed) {
    failed = posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    if (!failed)
      failed = posix_spawn(&pid, upgrade->path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
  }
  close(out[1]);
  if (failed) {
    log_error("not upgraded: %s cannot be executed: %s", upgrade->path, strerror(failed));
    close(out[0]);
    return;
  }
  upgrade->check_fd = out[0];
  ev_child_set(&upgrade->check, pid, 0);
  ev_child_start(hub->loop, &upgrade->check);
  ev_now_update(hub->loop);
  ev_timer_start(hub->loop, &upgrade->check_limit);
}

/* --- the new process ----------------------------------------------------------------------------
 */

static void on_tell(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)events;
  struct upgrade *upgrade = timer->data;
  struct hub *hub = upgrade->hub;
  /* Who comes meanwhile waits; but not for ever for a history that cannot be read. */
  if (!upgrade->listeners->accepts &&
      (hub->ready || clock_monotonic_ms(hub->clock) >= upgrade->accept_ms))
    listeners_accept(upgrade->listeners);
  if (!hub->ready)
    return;
  ev_timer_stop(loop, timer);
  if (write(upgrade->tell_fd, "r", 1) != 1)
    log_warning("the old process could not be told that the new one serves");
  fd_close(&upgrade->tell_fd);
}

/* Returns: whether there is one, which is then told. */
static bool find_old_process(struct upgrade *upgrade) {
  const char *text = getenv(READY_VARIABLE);
  long long fd;
  upgrade->tell_fd = -1;
  if (!text || !slice_to_int64(slice_of(text), &fd) || fd < FIRST_PASSED_FD || fd > INT_MAX ||
      fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
    return false;
  unsetenv(READY_VARIABLE);
  upgrade->tell_fd = (int)fd;
  upgrade->accept_ms = clock_monotonic_ms(upgrade->hub->clock) + ACCEPT_AFTER_MS;
  ev_timer_start(upgrade->hub->loop, &upgrade->tell);
  return true;
}

/* Where the new binary will lie: the path that we were started by, without following a link, which
 * may point to another version by then. */
static void find_path(struct upgrade *upgrade) {
  const char *named = upgrade->argv[0];
  char folder[PATH_MAX];
  size_t size = sizeof upgrade->path;
  upgrade->path[0] = '\0';
  if (named[0] == '/') {
    snprintf(upgrade->path, size, "%s", named);
  } else if (strchr(named, '/') && getcwd(folder, sizeof folder)) {
    if ((size_t)snprintf(upgrade->path, size, "%s/%s", folder, named) >= size)
      upgrade->path[0] = '\0';
  } else {
    ssize_t len = readlink("/proc/self/exe", upgrade->path, size - 1);
    upgrade->path[len > 0 ? len : 0] = '\0';
  }
}

void upgrade_init(struct upgrade *upgrade, struct hub *hub, struct listeners *listeners,
                  struct report *report, char **argv) {
  upgrade->hub = hub;
  upgrade->listeners = listeners;
  upgrade->report = report;
  upgrade->argv = argv;
  upgrade->check_fd = -1;
  ev_init(&upgrade->check, on_checked);
  upgrade->check.data = upgrade;
  ev_timer_init(&upgrade->check_limit, on_check_limit, CHECK_SECONDS, 0.);
  upgrade->check_limit.data = upgrade;
  ev_timer_init(&upgrade->divide, on_divide, 0., 0.);
  upgrade->divide.data = upgrade;
  ev_timer_init(&upgrade->patience, on_patience_over, PATIENCE_S, 0.);
  upgrade->patience.data = upgrade;
  ev_timer_init(&upgrade->tell, on_tell, 0., TELL_SECONDS);
  upgrade->tell.data = upgrade;
  find_path(upgrade);
  if (!find_old_process(upgrade))
    listeners_accept(listeners);
}

void upgrade_fini(struct upgrade *upgrade) {
  if (!upgrade->hub)
    return;
  struct ev_loop *loop = upgrade->hub->loop;
  int fd = ev_is_active(&upgrade->ready) ? upgrade->ready.fd : -1;
  end_check(upgrade);
  ev_io_stop(loop, &upgrade->ready);
  ev_timer_stop(loop, &upgrade->divide);
  ev_timer_stop(loop, &upgrade->patience);
  ev_timer_stop(loop, &upgrade->tell);
  fd_close(&fd);
  if (upgrade->tell_fd >= 0)
    fd_close(&upgrade->tell_fd);
}
