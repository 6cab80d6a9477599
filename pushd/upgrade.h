/*
 * From one binary to the next without a gap, on SIGUSR2, in the same process id:
 *
 *   1. The new binary is asked for its version: it exists, it can be loaded.
 *   2. The process forks. The parent becomes the new binary, with the listening sockets; the child
 *      keeps the connections that are open, and serves them on.
 *   3. When the new one says that it can serve, the child sends its clients away, a few at a time
 *      (drain.h). They resume with the new one where they were. Then the child ends.
 *
 * If the new binary cannot be executed, the parent goes on as if nothing had happened.
 */
#ifndef BELFRY_PUSHD_UPGRADE_H
#define BELFRY_PUSHD_UPGRADE_H

#include <ev.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct hub;
struct listeners;
struct report;

struct upgrade {
  struct hub *hub; /* borrowed, like the next three */
  struct listeners *listeners;
  struct report *report;
  char **argv;
  char path[PATH_MAX]; /* of the binary, absolute; "" when unknown */

  ev_child check; /* of the new binary's version */
  ev_timer check_limit;
  int check_fd; /* what it prints; -1: nobody is asked */

  ev_timer divide; /* the fork, in one of the loop's next turns */

  bool leaving;      /* this is the child */
  ev_io ready;       /* its: the new process says that it can serve */
  ev_timer patience; /* its: after the new process ended instead */

  int tell_fd;       /* the new process': where it says so; -1: it was started afresh */
  ev_timer tell;     /* looks whether it can serve */
  int64_t accept_ms; /* monotonic; from then on it accepts, whether it can or not */

  void (*on_leave)(struct upgrade *upgrade); /* the child: clients are being sent away */
  void *data;
};

/* Takes: `argv` of main(). Has the listeners accept: at once, or, in a process that was upgraded
 * to, when it can serve, which it tells the old one. */
void upgrade_init(struct upgrade *upgrade, struct hub *hub, struct listeners *listeners,
                  struct report *report, char **argv);
void upgrade_fini(struct upgrade *upgrade);

/* Begins. What hinders it is logged. */
void upgrade_start(struct upgrade *upgrade);

/* Lets the signals in that were held back while one binary became the other. */
void upgrade_unblock_signals(void);

#endif
