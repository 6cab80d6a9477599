#include "runner/process.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_MAX       1024 /* that it may open, unless it asks for more */
#define STATUS_NOT_SET  126  /* its surroundings could not be made; as shells say it */
#define STATUS_NO_START 127

/* --- what it is given --------------------------------------------------------------------------
 */

struct variables {
  char **all; /* owned, ended by a NULL */
  size_t count;
  bool failed;
};

/* Whether the configuration says NAME=... itself. */
static bool is_given(const struct conf_recovery *recovery, const char *variable) {
  size_t len = strcspn(variable, "=") + 1;
  for (char **given = recovery->environment; given && *given; given++)
    if (strncmp(*given, variable, len) == 0)
      return true;
  return false;
}

static void add(struct variables *variables, const struct conf_recovery *recovery, const char *name,
                struct slice value) {
  char *text = NULL;
  if (variables->failed || asprintf(&text, "%s=%.*s", name, SLICE_ARG(value)) < 0) {
    variables->failed = true;
    return;
  }
  if (is_given(recovery, text))
    free(text);
  else
    variables->all[variables->count++] = text;
}

static void free_variables(struct variables *variables) {
  for (size_t i = 0; i < variables->count; i++)
    free(variables->all[i]);
  free(variables->all);
}

/* Returns: the environment, without anything of ours in it. */
static struct variables make_variables(const struct conf_recovery *recovery,
                                       const struct process_purpose *purpose,
                                       const struct passwd *user) {
  struct variables variables = {0};
  size_t given = 0;
  while (recovery->environment && recovery->environment[given])
    given++;
  variables.all = calloc(given + 10, sizeof *variables.all);
  if (!variables.all) {
    variables.failed = true;
    return variables;
  }
  add(&variables, recovery, "PATH",
      slice_of("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  add(&variables, recovery, "LC_ALL", slice_of("C.UTF-8"));
  add(&variables, recovery, "BELFRY_SERVICE", purpose->service);
  add(&variables, recovery, "BELFRY_ACTION", slice_of(recovery->name));
  add(&variables, recovery, "BELFRY_RECOVERY_ID", purpose->recovery_id);
  if (user) {
    add(&variables, recovery, "HOME", slice_of(user->pw_dir));
    add(&variables, recovery, "USER", slice_of(user->pw_name));
    add(&variables, recovery, "LOGNAME", slice_of(user->pw_name));
  }
  for (size_t i = 0; i < given && !variables.failed; i++) {
    char *copy = strdup(recovery->environment[i]);
    if (copy)
      variables.all[variables.count++] = copy;
    else
      variables.failed = true;
  }
  return variables;
}

/* --- in the child ------------------------------------------------------------------------------
 */

_Noreturn static void give_up(const char *what, const char *which, int status) {
  /* It stands in what the command has written, where people look for the reason. */
  dprintf(STDERR_FILENO, "belfry-runner: cannot %s %s: %s\n", what, which, strerror(errno));
  _exit(status);
}

static void reset_signals(void) {
  struct sigaction plain = {.sa_handler = SIG_DFL};
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number < NSIG; number++)
    (void)sigaction(number, &plain, NULL); /* some cannot be caught, and are as they should be */
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void bound(void) {
  struct rlimit core = {0, 0}, files;
  if (setrlimit(RLIMIT_CORE, &core) < 0)
    give_up("set the limit of", "core files", STATUS_NOT_SET);
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FILES_MAX) {
    files.rlim_cur = FILES_MAX;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
      give_up("set the limit of", "open files", STATUS_NOT_SET);
  }
}

static void become(const struct passwd *user) {
  if (geteuid() != 0)
    return; /* it is us already, or we would not be here */
  if (initgroups(user->pw_name, user->pw_gid) < 0 ||
      setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
      setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
    give_up("become", user->pw_name, STATUS_NOT_SET);
  errno = EPERM;
  if (user->pw_uid != 0 && setuid(0) == 0)
    give_up("stay", user->pw_name, STATUS_NOT_SET);
}

_Noreturn static void be_command(const struct conf_recovery *recovery, const struct passwd *user,
                                 char **environment, const int write_fds[2], pid_t parent) {
  int null = open("/dev/null", O_RDONLY);
  if (setsid() < 0 || null < 0 || dup2(write_fds[1], STDERR_FILENO) < 0 ||
      dup2(write_fds[0], STDOUT_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0 ||
      close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
    give_up("make the surroundings of", recovery->command[0], STATUS_NOT_SET);
  reset_signals();
  bound();
  umask(022);
  if (user)
    become(user);
  /* Should the runner be killed, nobody would end it in time. After the change of user, which would
   * undo it. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
    _exit(STATUS_NOT_SET);
  const char *folder = recovery->folder ? recovery->folder : "/";
  if (chdir(folder) < 0)
    give_up("enter", folder, STATUS_NOT_SET);
  execve(recovery->command[0], recovery->command, environment);
  give_up("run", recovery->command[0], STATUS_NO_START);
}

/* --- in the runner -----------------------------------------------------------------------------
 */

/* Finds who is to run it. Returns: 0; `*out` NULL when it is not said. */
static int find_user(const struct conf_recovery *recovery, const struct passwd **out,
                     struct belfry_error *error) {
  *out = NULL;
  if (!recovery->user)
    return BELFRY_OK;
  *out = getpwnam(recovery->user);
  if (!*out)
    return belfry_error_set(error, BELFRY_ENOENT, "there is no user '%s' on this host",
                            recovery->user);
  if (geteuid() != 0 && (*out)->pw_uid != geteuid())
    return belfry_error_set(error, BELFRY_EDENIED,
                            "belfry-runner runs as user %u and may not become '%s': start "
                            "belfry-watchd as root (see watch.user), or as '%s'",
                            (unsigned)geteuid(), recovery->user, recovery->user);
  return BELFRY_OK;
}

static int start(struct process *process, const struct conf_recovery *recovery,
                 const struct passwd *user, char **environment, int pipes[2][2],
                 struct belfry_error *error) {
  const int write_fds[2] = {pipes[0][1], pipes[1][1]};
  pid_t parent = getpid();
  process->pid = fork();
  if (process->pid == 0)
    be_command(recovery, user, environment, write_fds, parent);
  if (process->pid < 0)
    return belfry_error_errno(error, errno, "cannot start a process");
  process->pid_fd = pidfd_open(process->pid, 0);
  if (process->pid_fd < 0) { /* we would not hear of its end */
    int status = belfry_error_errno(error, errno, "cannot follow process %d", (int)process->pid);
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    return status;
  }
  return BELFRY_OK;
}

int process_start(struct process *process, const struct conf_recovery *recovery,
                  const struct process_purpose *purpose, int64_t now_ms,
                  struct belfry_error *error) {
  int pipes[2][2] = {{-1, -1}, {-1, -1}};
  const struct passwd *user;
  *process = (struct process){.pid_fd = -1, .output_fds = {-1, -1}};
  int status = find_user(recovery, &user, error);
  if (status)
    return status;
  struct variables variables = make_variables(recovery, purpose, user);
  if (variables.failed)
    status = belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  else if (pipe2(pipes[0], O_CLOEXEC) < 0 || pipe2(pipes[1], O_CLOEXEC) < 0)
    status = belfry_error_errno(error, errno, "cannot make a pipe");
  else
    status = start(process, recovery, user, variables.all, pipes, error);
  for (int i = 0; i < 2; i++) {
    fd_close(&pipes[i][1]);
    if (!status)
      status = fd_set_nonblocking(pipes[i][0], true); /* ours alone: the command may block */
    process->output_fds[i] = pipes[i][0];
  }
  free_variables(&variables);
  process->deadline_ms = now_ms + recovery->timeout_ms;
  if (status)
    process_close(process);
  return status;
}

void process_ask_to_end(struct process *process, int64_t now_ms) {
  if (process->pid_fd < 0 || process->deadline_ms == INT64_MAX)
    return;
  kill(-process->pid, SIGTERM);
  kill(-process->pid, SIGCONT); /* one that was stopped would not hear of it */
  process->deadline_ms = now_ms + PROCESS_GRACE_MS;
}

void process_on_deadline(struct process *process, int64_t now_ms) {
  if (!process->timed_out) {
    process->timed_out = true;
    process_ask_to_end(process, now_ms);
    return;
  }
  process->forced = true;
  process->deadline_ms = INT64_MAX;
  kill(-process->pid, SIGKILL);
}

void process_reap(struct process *process) {
  /* Before its number is free for another: what is left of the group of one that took too long. */
  if (process->timed_out)
    kill(-process->pid, SIGKILL);
  while (waitpid(process->pid, &process->status, 0) < 0 && errno == EINTR)
    ;
  fd_close(&process->pid_fd);
  process->deadline_ms = INT64_MAX;
}

void process_close(struct process *process) {
  fd_close(&process->pid_fd);
  fd_close(&process->output_fds[0]);
  fd_close(&process->output_fds[1]);
}
