/*
 * The way to belfry-runner, which runs the commands of recoveries: it is started, told what to run,
 * and started again when it ends, unless this program has given up the rights that it would need.
 */
#ifndef BELFRY_WATCHD_RUNNER_LINK_H
#define BELFRY_WATCHD_RUNNER_LINK_H

#include "base/error.h"
#include "base/slice.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct runner_link;

struct runner_end {
  int status; /* of waitpid(2) */
  bool timed_out;
  int64_t lost_bytes;
  const char *refused; /* why it was not run at all; NULL: it was */
};

struct runner_listener {
  void (*on_output)(void *arg, struct slice recovery_id, int stream, struct slice bytes);
  void (*on_end)(void *arg, struct slice recovery_id, const struct runner_end *end);
  void (*on_gone)(void *arg); /* the runner has ended, and with it all that it ran */
  void *arg;
};

/* Takes: `conf_path` borrowed, NULL for the default. Returns: 0 or BELFRY_ENOMEM; `*out` owned,
 * free with runner_link_free(), which ends the runner. */
int runner_link_new(const char *conf_path, struct runner_link **out) BELFRY_MUST_CHECK;
void runner_link_free(struct runner_link *link);

/* Starts the runner, unless it runs. A failure is kept for runner_link_problem(). */
void runner_link_start(struct runner_link *link);

/* The rights are gone: it is not started again. */
void runner_link_rights_gone(struct runner_link *link);

/* Listens from now on. Takes: `loop` borrowed; `listener` is copied. */
void runner_link_listen(struct runner_link *link, struct ev_loop *loop,
                        const struct runner_listener *listener);

/* The configuration has changed. `wanted`: it has recoveries. */
void runner_link_reload(struct runner_link *link, bool wanted);

/* Has an action run; on_end follows, or on_gone. Returns: 0, or BELFRY_ECLOSED, BELFRY_EBUSY. */
int runner_link_run(struct runner_link *link, const char *recovery_id, const char *service,
                    const char *action) BELFRY_MUST_CHECK;

/* Returns: why nothing can be run now; NULL when it can. Borrowed until the loop goes on. */
const char *runner_link_problem(const struct runner_link *link);

#endif
