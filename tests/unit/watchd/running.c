#include "running.h"

#include "base/clock.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 60000

const char *running_path(const struct running *running, const char *name) {
  static char paths[4][160];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", running->folder, name);
  return path;
}

void running_configure(struct running *running, const char *lists) {
  FILE *file = fopen(running_path(running, "belfry.yaml"), "w");
  assert_non_null(file);
  fprintf(file, "paths:\n  state: %s/state\n  run: %s\nlogging:\n  level: debug\n%s",
          running->folder, running->folder, lists);
  assert_int_equal(fclose(file), 0);
}

void running_make(struct running *running, const char *lists) {
  *running = (struct running){0};
  strcpy(running->folder, "/tmp/belfry-watchd-XXXXXX");
  assert_non_null(mkdtemp(running->folder));
  assert_int_equal(mkdir(running_path(running, "state"), 0700), 0);
  running_configure(running, lists);
}

static pid_t start(struct running *running, const char *program) {
  char binary[64], log[64];
  snprintf(binary, sizeof binary, "./%s", program);
  snprintf(log, sizeof log, "%s.err", program);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    int fd = open(running_path(running, log), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    execl(binary, program, "-c", running_path(running, "belfry.yaml"), (char *)NULL);
    _exit(127);
  }
  return pid;
}

void running_start_historyd(struct running *running) {
  running->historyd = start(running, "belfry-historyd");
}

void running_start_watchd(struct running *running) {
  running->watchd = start(running, "belfry-watchd");
}

void running_stop(pid_t *pid, int signal_number) {
  int status = 0;
  if (*pid <= 0)
    return;
  assert_int_equal(kill(*pid, signal_number), 0);
  assert_int_equal(waitpid(*pid, &status, 0), *pid);
  *pid = 0;
  /* One that has not come to its handlers yet is ended by the signal itself. */
  bool clean = WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGTERM;
  if (signal_number == SIGTERM && !clean)
    fail_msg("a daemon that was asked to end did so with wait status %d", status);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st;
  (void)kind;
  (void)at;
  return remove(path);
}

void running_end(struct running *running, bool keep) {
  pid_t *pids[] = {&running->watchd, &running->historyd};
  for (size_t i = 0; i < 2; i++)
    if (*pids[i] > 0) {
      kill(*pids[i], SIGKILL);
      waitpid(*pids[i], NULL, 0);
    }
  history_close(running->history);
  if (keep)
    print_message("what it left is in %s\n", running->folder);
  else
    nftw(running->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void running_until(bool (*done)(void *arg), void *arg, const char *what) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + DEADLINE_MS;
  while (!done(arg)) {
    if (clock_monotonic_ms(&clock_system) > deadline_ms)
      fail_msg("waited for a minute in vain: %s", what);
    poll(NULL, 0, 20);
  }
}

void running_events(struct running *running, const char *type, event_fn on_event, void *arg) {
  struct event_query query = {.limit = 1000};
  struct event_page page = {.more = true};
  query.filter.types[0] = slice_of(type);
  query.filter.type_count = 1;
  if (!running->history &&
      history_open(running_path(running, "state/history"), &running->history, NULL))
    return;
  while (page.more) {
    if (history_events(running->history, &query, on_event, arg, &page, NULL)) {
      history_close(running->history); /* a historyd that was just killed or started: ask again */
      running->history = NULL;
      return;
    }
    query.after = page.scanned;
  }
}
