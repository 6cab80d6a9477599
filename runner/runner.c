#include "runner/runner.h"

#include "base/action.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/ulid.h"
#include "conf/conf.h"
#include "runner/process.h"
#include "runner/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX ((int64_t)256 << 10) /* of one command; what is beyond is counted */
#define REST_BYTES_MAX   (128 << 10)          /* that are still in its pipes when it has ended */
#define POLL_FDS         (1 + ACTIONS_MAX * 3)

struct running {
  char recovery_id[ULID_BYTES]; /* "": the place is free */
  struct process process;
  int64_t told_bytes, lost_bytes, rest_bytes;
};

struct runner {
  const char *conf_path;
  struct conf *conf; /* owned; NULL: it could not be read, or may not be believed */
  struct belfry_error problem;
  struct running all[ACTIONS_MAX];
  struct buf unsent; /* the message that did not fit; nothing is read before it has gone */
  bool closed;       /* belfry-watchd has gone */
};

/* --- saying ------------------------------------------------------------------------------------
 */

static void send_unsent(struct runner *runner) {
  if (runner->unsent.len == 0 || runner->closed)
    return;
  ssize_t n = send(ACTION_RUNNER_FD, runner->unsent.data, runner->unsent.len, MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
    return;
  if (n < 0)
    runner->closed = true;
  buf_clear(&runner->unsent);
}

/* Takes: nothing is unsent. */
static void say(struct runner *runner, const struct action_message *message) {
  action_put(&runner->unsent, message);
  if (buf_status(&runner->unsent)) {
    log_critical("out of memory");
    runner->closed = true;
  }
  send_unsent(runner);
}

static bool may_say(const struct runner *runner) {
  return runner->unsent.len == 0 && !runner->closed;
}

/* --- the configuration -------------------------------------------------------------------------
 */

static void load(struct runner *runner) {
  struct belfry_error error = {0};
  struct conf *conf = NULL;
  char buf[PATH_MAX];
  const char *path;
  if (!trust_find(runner->conf_path, buf, &path, &error))
    conf = conf_load(path, &error);
  if (conf) {
    conf_free(runner->conf);
    runner->conf = conf;
    log_set_level((enum log_level)(LOG_LEVEL_CRITICAL + conf->logging_level));
  } else {
    log_error("%s%s", error.text, runner->conf ? "; what was read before stays in force" : "");
  }
  runner->problem = error;
  say(runner, &(struct action_message){.verb = ACTION_READY,
                                       .text = slice_of(conf ? "" : runner->problem.text)});
}

/* --- running -----------------------------------------------------------------------------------
 */

static struct running *free_place(struct runner *runner) {
  for (size_t i = 0; i < ACTIONS_MAX; i++)
    if (!runner->all[i].recovery_id[0])
      return &runner->all[i];
  return NULL;
}

static int start(struct runner *runner, const struct action_message *message,
                 struct belfry_error *error) {
  const struct process_purpose purpose = {message->recovery_id, message->service};
  struct running *running = free_place(runner);
  if (!runner->conf)
    return belfry_error_set(error, BELFRY_EDENIED, "%s", runner->problem.text);
  const struct conf_recovery *recovery =
      conf_recovery_find(runner->conf, message->service, message->action);
  if (!recovery)
    return belfry_error_set(error, BELFRY_ENOENT,
                            "the configuration has no action '%.*s' of the service %.*s",
                            SLICE_ARG(message->action), SLICE_ARG(message->service));
  if (!running)
    return belfry_error_set(error, BELFRY_EBUSY, "%d actions run already", ACTIONS_MAX);
  if (message->recovery_id.len == 0 || message->recovery_id.len >= ULID_BYTES)
    return belfry_error_set(error, BELFRY_EPROTO, "the recovery's id is none");
  int status = process_start(&running->process, recovery, &purpose,
                             clock_monotonic_ms(&clock_system), error);
  if (status)
    return status;
  running->told_bytes = running->lost_bytes = running->rest_bytes = 0;
  snprintf(running->recovery_id, sizeof running->recovery_id, "%.*s",
           SLICE_ARG(message->recovery_id));
  log_info("running %s of %.*s (%s, process %d)", recovery->name, SLICE_ARG(message->service),
           running->recovery_id, (int)running->process.pid);
  return BELFRY_OK;
}

static void take_message(struct runner *runner, struct slice packet) {
  struct action_message message;
  struct belfry_error error = {0};
  if (action_read(packet, &message)) {
    log_critical("belfry-watchd says what is not understood: restart it");
    runner->closed = true;
  } else if (message.verb == ACTION_RELOAD) {
    load(runner);
  } else if (message.verb == ACTION_RUN && start(runner, &message, &error)) {
    log_warning("not run: %s", error.text);
    say(runner, &(struct action_message){.verb = ACTION_REFUSED,
                                         .recovery_id = message.recovery_id,
                                         .text = slice_of(error.text)});
  }
}

static void hear(struct runner *runner) {
  char packet[ACTION_MESSAGE_BYTES_MAX];
  while (may_say(runner)) { /* it may have to be answered */
    ssize_t n = recv(ACTION_RUNNER_FD, packet, sizeof packet, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (n <= 0)
      runner->closed = true;
    else
      take_message(runner, slice_new(packet, (size_t)n));
  }
}

/* --- what they write, and their ends -----------------------------------------------------------
 */

/* Returns: whether there may be more at once. */
static bool take_some(struct runner *runner, struct running *running, int stream) {
  char bytes[ACTION_OUTPUT_BYTES_MAX];
  int *fd = &running->process.output_fds[stream];
  ssize_t n = read(*fd, bytes, sizeof bytes);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  if (n <= 0) {
    fd_close(fd);
    return false;
  }
  if (running->process.pid_fd < 0)
    running->rest_bytes += n;
  if (running->told_bytes + n > OUTPUT_BYTES_MAX) {
    running->lost_bytes += n; /* read, so that it does not wait for us */
    return true;
  }
  running->told_bytes += n;
  say(runner, &(struct action_message){.verb = ACTION_OUTPUT,
                                       .recovery_id = slice_of(running->recovery_id),
                                       .stream = (uint8_t)(stream + 1),
                                       .text = slice_new(bytes, (size_t)n)});
  return true;
}

/* One that has ended is told of when what is left in its pipes has been; not when they are closed:
 * what it left behind may hold them. */
static void take_output(struct runner *runner, struct running *running) {
  bool ended = running->process.pid_fd < 0;
  for (int stream = 0; stream < 2; stream++)
    while (may_say(runner) && running->process.output_fds[stream] >= 0 &&
           take_some(runner, running, stream) && (!ended || running->rest_bytes < REST_BYTES_MAX))
      ;
  if (!ended || !may_say(runner))
    return;
  say(runner, &(struct action_message){.verb = ACTION_ENDED,
                                       .recovery_id = slice_of(running->recovery_id),
                                       .status = running->process.status,
                                       .timed_out = running->process.timed_out,
                                       .lost_bytes = running->lost_bytes});
  process_close(&running->process);
  running->recovery_id[0] = '\0';
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static size_t collect(const struct runner *runner, struct pollfd *fds, int *timeout_ms) {
  int64_t next_ms = INT64_MAX, now_ms = clock_monotonic_ms(&clock_system);
  size_t count = 0;
  fds[count++] = (struct pollfd){ACTION_RUNNER_FD, may_say(runner) ? POLLIN : POLLOUT, 0};
  for (size_t i = 0; i < ACTIONS_MAX; i++) {
    const struct process *process = &runner->all[i].process;
    if (!runner->all[i].recovery_id[0])
      continue;
    if (process->pid_fd >= 0)
      fds[count++] = (struct pollfd){process->pid_fd, POLLIN, 0};
    for (int stream = 0; stream < 2 && may_say(runner); stream++)
      if (process->output_fds[stream] >= 0)
        fds[count++] = (struct pollfd){process->output_fds[stream], POLLIN, 0};
    if (process->deadline_ms < next_ms)
      next_ms = process->deadline_ms;
  }
  *timeout_ms = next_ms == INT64_MAX ? -1 : next_ms <= now_ms ? 0 : (int)(next_ms - now_ms);
  return count;
}

static bool has_ended(const struct process *process) {
  struct pollfd one = {process->pid_fd, POLLIN, 0};
  return process->pid_fd >= 0 && poll(&one, 1, 0) > 0;
}

static void look_after(struct runner *runner, struct running *running) {
  int64_t now_ms = clock_monotonic_ms(&clock_system);
  if (has_ended(&running->process))
    process_reap(&running->process);
  else if (running->process.pid_fd >= 0 && now_ms >= running->process.deadline_ms)
    process_on_deadline(&running->process, now_ms);
  take_output(runner, running);
}

static void turn(struct runner *runner) {
  struct pollfd fds[POLL_FDS];
  int timeout_ms;
  size_t count = collect(runner, fds, &timeout_ms);
  if (poll(fds, count, timeout_ms) < 0 && errno != EINTR) {
    log_critical("cannot wait: %s", strerror(errno));
    runner->closed = true;
    return;
  }
  send_unsent(runner);
  hear(runner);
  for (size_t i = 0; i < ACTIONS_MAX; i++)
    if (runner->all[i].recovery_id[0])
      look_after(runner, &runner->all[i]);
}

/* Nobody hears of what still runs any more, and nobody would know that it does. */
static void end_all(struct runner *runner) {
  int64_t now_ms = clock_monotonic_ms(&clock_system), until_ms = now_ms + PROCESS_GRACE_MS;
  for (size_t i = 0; i < ACTIONS_MAX; i++)
    if (runner->all[i].recovery_id[0]) {
      runner->all[i].process.timed_out = true;
      process_ask_to_end(&runner->all[i].process, now_ms);
    }
  for (size_t i = 0; i < ACTIONS_MAX; i++) {
    struct process *process = &runner->all[i].process;
    if (!runner->all[i].recovery_id[0] || process->pid_fd < 0)
      continue;
    struct pollfd one = {process->pid_fd, POLLIN, 0};
    now_ms = clock_monotonic_ms(&clock_system);
    if (poll(&one, 1, until_ms > now_ms ? (int)(until_ms - now_ms) : 0) <= 0)
      kill(-process->pid, SIGKILL);
    process_reap(process);
  }
  for (size_t i = 0; i < ACTIONS_MAX; i++)
    if (runner->all[i].recovery_id[0])
      process_close(&runner->all[i].process);
}

/* Whether belfry-watchd has started us. */
static bool is_started_right(void) {
  int type = 0;
  socklen_t len = sizeof type;
  return getsockopt(ACTION_RUNNER_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
         type == SOCK_SEQPACKET;
}

int runner_run(const char *conf_path) {
  struct runner runner = {.conf_path = conf_path};
  if (!is_started_right() || fd_set_nonblocking(ACTION_RUNNER_FD, true) ||
      fcntl(ACTION_RUNNER_FD, F_SETFD, FD_CLOEXEC) < 0) {
    log_critical("this program is started by belfry-watchd, when recoveries are configured");
    return 2;
  }
  close_range(ACTION_RUNNER_FD + 1, ~0U, 0);
  setsid(); /* signals to belfry-watchd's group are not for us: we end when it does */
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  buf_init(&runner.unsent, ACTION_MESSAGE_BYTES_MAX);
  load(&runner);
  while (!runner.closed)
    turn(&runner);
  end_all(&runner);
  buf_fini(&runner.unsent);
  conf_free(runner.conf);
  return 0;
}
