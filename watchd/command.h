/*
 * A program that is run beside the loop, in a process group of its own: what it writes, how it
 * ends, and its end by force when it takes too long. argv only; no shell.
 */
#ifndef BELFRY_WATCHD_COMMAND_H
#define BELFRY_WATCHD_COMMAND_H

#include "base/buf.h"
#include "base/error.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct command_end {
  bool timed_out;
  int status;          /* of waitpid(2) */
  struct slice output; /* of both its outputs, the beginning; borrowed until the callback returns */
};

typedef void (*command_done_fn)(void *arg, const struct command_end *end);

/* Embedded in who runs it. */
struct command {
  struct ev_loop *loop;
  struct ev_io io;
  struct ev_child child;
  struct ev_timer timeout;
  command_done_fn on_done;
  void *arg;
  int fd; /* owned: what it writes */
  pid_t pid;
  bool timed_out;
  struct buf output;
};

/*
 * Starts `argv`, ended by a NULL, whose first is an absolute path. Takes: `loop` is the default one
 * (only that hears of children). Returns: 0, and `on_done` is called once, never from within; or an
 * error when it could not be started.
 */
int command_start(struct command *command, struct ev_loop *loop, char *const *argv,
                  int64_t timeout_ms, size_t output_bytes_max, command_done_fn on_done, void *arg,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* The same, with `input` on its standard input, which is copied. */
int command_start_fed(struct command *command, struct ev_loop *loop, char *const *argv,
                      struct slice input, int64_t timeout_ms, size_t output_bytes_max,
                      command_done_fn on_done, void *arg,
                      struct belfry_error *error) BELFRY_MUST_CHECK;

/* Ends it by force; on_done is not called. */
void command_cancel(struct command *command);

#endif
