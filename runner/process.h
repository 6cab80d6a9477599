/*
 * A command that runs: in a session and a process group of its own, as the user that its action
 * names, with an environment made for it.
 *
 * One that ends by itself leaves behind what it has started: a service that it brought up belongs
 * there. One that takes too long is ended with all of its group, first asked to (SIGTERM), then by
 * force.
 */
#ifndef BELFRY_RUNNER_PROCESS_H
#define BELFRY_RUNNER_PROCESS_H

#include "base/error.h"
#include "base/slice.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_GRACE_MS 2000 /* from the asking to the force */

struct process {
  pid_t pid;           /* and its group */
  int pid_fd;          /* owned: readable when it has ended; -1: it has */
  int output_fds[2];   /* owned, nonblocking: what it writes; -1: nothing more comes */
  int64_t deadline_ms; /* monotonic: when something is to be done about it */
  bool timed_out, forced;
  int status; /* of waitpid(2), once it has ended */
};

/* What it is for: it finds it in its environment. */
struct process_purpose {
  struct slice recovery_id, service;
};

/* Starts the command of `recovery`. Returns: 0; or why it cannot be: BELFRY_EDENIED when we may not
 * become its user. */
int process_start(struct process *process, const struct conf_recovery *recovery,
                  const struct process_purpose *purpose, int64_t now_ms,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* Asks its group to end, and by force when its grace is over. */
void process_on_deadline(struct process *process, int64_t now_ms);
void process_ask_to_end(struct process *process, int64_t now_ms);

/* Takes its end, when pid_fd is readable. */
void process_reap(struct process *process);

void process_close(struct process *process);

#endif
