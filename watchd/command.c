#include "watchd/command.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

static void release(struct command *command) {
  ev_io_stop(command->loop, &command->io);
  ev_child_stop(command->loop, &command->child);
  ev_timer_stop(command->loop, &command->timeout);
  fd_close(&command->fd);
}

void command_cancel(struct command *command) {
  kill(-command->pid, SIGKILL); /* libev takes the body */
  release(command);
  buf_fini(&command->output);
}

/* Takes what is there. Returns: whether more may come. */
static bool take_output(struct command *command) {
  char bytes[4096];
  ssize_t n;
  while ((n = read(command->fd, bytes, sizeof bytes)) > 0) {
    size_t room = command->output.limit - command->output.len,
           len = (size_t)n < room ? (size_t)n : room;
    buf_put(&command->output, bytes,
            len); /* what is beyond is read, so that it does not wait for us */
  }
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void command_on_io(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)events;
  if (!take_output(io->data))
    ev_io_stop(loop, io);
}

static void command_on_timeout(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct command *command = timer->data;
  command->timed_out = true;
  kill(-command->pid, SIGKILL);
}

static void command_on_end(struct ev_loop *loop, struct ev_child *child, int events) {
  (void)loop;
  (void)events;
  struct command *command = child->data;
  (void)take_output(command);
  kill(-command->pid, SIGKILL); /* what it left behind */
  release(command);
  const struct command_end end = {command->timed_out, child->rstatus, buf_slice(&command->output)};
  struct buf output = command->output;
  command->on_done(command->arg, &end);
  buf_fini(&output);
}

static int spawn(struct command *command, char *const *argv, int read_fd, int write_fd) {
  /* Programs where they are expected, figures with a point, messages in English. */
  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char locale[] = "LC_ALL=C.UTF-8";
  char *const environment[] = {path, locale, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (read_fd >= 0)
    posix_spawn_file_actions_adddup2(&actions, read_fd, STDIN_FILENO);
  else
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, write_fd, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, write_fd, STDERR_FILENO);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int code = posix_spawn(&command->pid, argv[0], &actions, &attributes, argv, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return code;
}

/* A file in memory: whoever reads slowly, or not at all, makes nobody wait. */
static int input_file(struct slice input, int *out_fd, struct belfry_error *error) {
  int fd = memfd_create("belfry-input", MFD_CLOEXEC);
  for (size_t done = 0; fd >= 0 && done < input.len;) {
    ssize_t n = write(fd, input.data + done, input.len - done);
    if (n <= 0 && errno != EINTR)
      fd_close(&fd);
    else if (n > 0)
      done += (size_t)n;
  }
  if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0) {
    int status = belfry_error_errno(error, errno, "cannot keep a program's input");
    fd_close(&fd);
    return status;
  }
  *out_fd = fd;
  return BELFRY_OK;
}

static int start(struct command *command, struct ev_loop *loop, char *const *argv, int read_fd,
                 int64_t timeout_ms, size_t output_bytes_max, command_done_fn on_done, void *arg,
                 struct belfry_error *error) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) < 0)
    return belfry_error_errno(error, errno, "cannot make a pipe");
  *command = (struct command){.loop = loop, .on_done = on_done, .arg = arg, .fd = pipe_fds[0]};
  fcntl(command->fd, F_SETFL, O_NONBLOCK); /* ours alone: the program may block */
  int code = spawn(command, argv, read_fd, pipe_fds[1]);
  close(pipe_fds[1]);
  if (code) {
    fd_close(&command->fd);
    return belfry_error_errno(error, code, "cannot run %s", argv[0]);
  }
  buf_init(&command->output, output_bytes_max);
  ev_now_update(loop);
  ev_io_init(&command->io, command_on_io, command->fd, EV_READ);
  ev_child_init(&command->child, command_on_end, command->pid, 0);
  ev_timer_init(&command->timeout, command_on_timeout, (double)timeout_ms / 1000, 0);
  command->io.data = command->child.data = command->timeout.data = command;
  ev_io_start(loop, &command->io);
  ev_child_start(loop, &command->child);
  ev_timer_start(loop, &command->timeout);
  return BELFRY_OK;
}

int command_start(struct command *command, struct ev_loop *loop, char *const *argv,
                  int64_t timeout_ms, size_t output_bytes_max, command_done_fn on_done, void *arg,
                  struct belfry_error *error) {
  return start(command, loop, argv, -1, timeout_ms, output_bytes_max, on_done, arg, error);
}

int command_start_fed(struct command *command, struct ev_loop *loop, char *const *argv,
                      struct slice input, int64_t timeout_ms, size_t output_bytes_max,
                      command_done_fn on_done, void *arg, struct belfry_error *error) {
  int fd = -1, status = input_file(input, &fd, error);
  if (!status)
    status = start(command, loop, argv, fd, timeout_ms, output_bytes_max, on_done, arg, error);
  fd_close(&fd);
  return status;
}
