#include "watchd/runner_link.h"

#include "base/action.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_FIRST_SECONDS 1.
#define AGAIN_MOST_SECONDS  60.

struct runner_link {
  const char *conf_path;
  char program[PATH_MAX]; /* "": it could not be found out */
  struct ev_loop *loop;   /* borrowed; NULL: nobody listens yet */
  struct ev_io io;
  struct ev_timer again;
  double again_seconds;
  struct runner_listener listener;
  int fd; /* owned; -1: it does not run */
  bool wanted, rights_gone;
  struct belfry_error problem;
};

/* --- starting ----------------------------------------------------------------------------------
 */

/* It lies beside this program. */
static void find_program(struct runner_link *link) {
  char own[PATH_MAX];
  ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
  if (len <= 0)
    return;
  own[len] = '\0';
  char *slash = strrchr(own, '/');
  if (slash)
    *slash = '\0';
  if (snprintf(link->program, sizeof link->program, "%s/belfry-runner", own) >=
      (int)sizeof link->program)
    link->program[0] = '\0';
}

static int spawn(struct runner_link *link, int fd) {
  char *argv[] = {link->program, (char *)(uintptr_t) "-c", (char *)(uintptr_t)link->conf_path,
                  NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  pid_t pid;
  if (!link->conf_path)
    argv[1] = NULL;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, fd, ACTION_RUNNER_FD);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int code = posix_spawn(&pid, link->program, &actions, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return code;
}

static void watch(struct runner_link *link) {
  if (!link->loop || link->fd < 0)
    return;
  ev_io_set(&link->io, link->fd, EV_READ);
  ev_io_start(link->loop, &link->io);
}

void runner_link_start(struct runner_link *link) {
  int fds[2];
  link->wanted = true;
  if (link->fd >= 0)
    return;
  if (link->rights_gone) {
    belfry_error_set(&link->problem, BELFRY_EDENIED,
                     "belfry-runner does not run, and belfry-watchd has given up the rights to "
                     "start it: restart belfry-watchd");
    return;
  }
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
    belfry_error_errno(&link->problem, errno, "cannot make a pair of sockets");
    return;
  }
  int code = spawn(link, fds[1]);
  close(fds[1]);
  if (code) {
    close(fds[0]);
    belfry_error_errno(&link->problem, code, "cannot start %s", link->program);
    log_error("no recovery can be run: %s", link->problem.text);
    return;
  }
  link->fd = fds[0];
  belfry_error_clear(&link->problem);
  watch(link);
}

static void link_on_again(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct runner_link *link = timer->data;
  if (link->wanted)
    runner_link_start(link);
}

static void lose(struct runner_link *link) {
  ev_io_stop(link->loop, &link->io);
  fd_close(&link->fd);
  belfry_error_set(&link->problem, BELFRY_ECLOSED, "belfry-runner has ended%s",
                   link->rights_gone ? ", and belfry-watchd has given up the rights to start it: "
                                       "restart belfry-watchd"
                                     : " and is started again");
  log_error("%s", link->problem.text);
  link->listener.on_gone(link->listener.arg);
  if (link->rights_gone)
    return;
  ev_timer_set(&link->again, link->again_seconds, 0);
  ev_timer_start(link->loop, &link->again);
  link->again_seconds =
      link->again_seconds * 2 > AGAIN_MOST_SECONDS ? AGAIN_MOST_SECONDS : link->again_seconds * 2;
}

/* --- hearing -----------------------------------------------------------------------------------
 */

static void take_ready(struct runner_link *link, struct slice text) {
  belfry_error_clear(&link->problem);
  link->again_seconds = AGAIN_FIRST_SECONDS;
  if (text.len > 0) {
    belfry_error_set(&link->problem, BELFRY_EDENIED, "%.*s", SLICE_ARG(text));
    log_error("no recovery can be run: %s", link->problem.text);
  }
}

static void take(struct runner_link *link, const struct action_message *message) {
  const struct runner_listener *listener = &link->listener;
  struct runner_end end = {message->status, message->timed_out, message->lost_bytes, NULL};
  char refused[BELFRY_ERROR_TEXT_BYTES];
  switch (message->verb) {
  case ACTION_READY:
    take_ready(link, message->text);
    break;
  case ACTION_OUTPUT:
    listener->on_output(listener->arg, message->recovery_id, message->stream, message->text);
    break;
  case ACTION_ENDED:
    listener->on_end(listener->arg, message->recovery_id, &end);
    break;
  case ACTION_REFUSED:
    snprintf(refused, sizeof refused, "%.*s", SLICE_ARG(message->text));
    end.refused = refused;
    listener->on_end(listener->arg, message->recovery_id, &end);
    break;
  default:
    log_warning("belfry-runner says what only it is told");
  }
}

static void link_on_io(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct runner_link *link = io->data;
  char packet[ACTION_MESSAGE_BYTES_MAX];
  for (int i = 0; i < 64; i++) { /* others have their turn too */
    struct action_message message;
    ssize_t n = recv(link->fd, packet, sizeof packet, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (n <= 0) {
      lose(link);
      return;
    }
    if (action_read(slice_new(packet, (size_t)n), &message)) {
      log_error("belfry-runner says what is not understood: it is of another version");
      lose(link);
      return;
    }
    take(link, &message);
  }
}

/* --- saying ------------------------------------------------------------------------------------
 */

static int say(struct runner_link *link, const struct action_message *message) {
  struct buf out;
  int status = BELFRY_ECLOSED;
  if (link->fd < 0)
    return status;
  buf_init(&out, ACTION_MESSAGE_BYTES_MAX);
  action_put(&out, message);
  status = buf_status(&out);
  if (!status && send(link->fd, out.data, out.len, MSG_NOSIGNAL) < 0)
    status = errno == EAGAIN || errno == ENOBUFS ? BELFRY_EBUSY : BELFRY_ECLOSED;
  buf_fini(&out);
  return status;
}

int runner_link_run(struct runner_link *link, const char *recovery_id, const char *service,
                    const char *action) {
  return say(link, &(struct action_message){.verb = ACTION_RUN,
                                            .recovery_id = slice_of(recovery_id),
                                            .service = slice_of(service),
                                            .action = slice_of(action)});
}

void runner_link_reload(struct runner_link *link, bool wanted) {
  link->wanted = wanted || link->fd >= 0;
  if (link->fd < 0 && wanted)
    runner_link_start(link);
  else if (link->fd >= 0 && say(link, &(struct action_message){.verb = ACTION_RELOAD}))
    log_warning("belfry-runner could not be told to read the configuration again");
}

const char *runner_link_problem(const struct runner_link *link) {
  if (link->problem.text[0])
    return link->problem.text;
  return link->fd < 0 ? "belfry-runner does not run" : NULL;
}

/* --- its life ----------------------------------------------------------------------------------
 */

int runner_link_new(const char *conf_path, struct runner_link **out) {
  struct runner_link *link = calloc(1, sizeof *link);
  if (!link)
    return BELFRY_ENOMEM;
  link->conf_path = conf_path;
  link->fd = -1;
  link->again_seconds = AGAIN_FIRST_SECONDS;
  find_program(link);
  *out = link;
  return BELFRY_OK;
}

void runner_link_rights_gone(struct runner_link *link) {
  link->rights_gone = true;
}

void runner_link_listen(struct runner_link *link, struct ev_loop *loop,
                        const struct runner_listener *listener) {
  link->loop = loop;
  link->listener = *listener;
  ev_init(&link->io, link_on_io);
  ev_init(&link->again, link_on_again);
  link->io.data = link->again.data = link;
  watch(link);
}

void runner_link_free(struct runner_link *link) {
  if (!link)
    return;
  if (link->loop) {
    ev_io_stop(link->loop, &link->io);
    ev_timer_stop(link->loop, &link->again);
  }
  fd_close(&link->fd);
  free(link);
}
