/*
 * What systemd says of its units, over the system's D-Bus. Nothing here waits: a question is sent,
 * and its answer comes from the loop. Where there is no such bus (a container, another init),
 * questions fail at once and without a word in the log.
 */
#ifndef BELFRY_WATCHD_SYSTEMD_H
#define BELFRY_WATCHD_SYSTEMD_H

#include "base/error.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct systemd;

/* A unit as systemd sees it, in its words (systemd(1)). Texts are borrowed until the callback
 * returns and never NULL. */
struct systemd_unit {
  const char *name;  /* "" in an answer to systemd_ask_unit() */
  const char *load;  /* loaded, not-found, masked ... */
  const char *state; /* active, reloading, inactive, failed, activating, deactivating ... */
  const char *sub;   /* by the unit's type: running, exited, dead, auto-restart ... */
  /* What follows is told in an answer to systemd_ask_unit() only. */
  const char *result;  /* success, exit-code, oom-kill ...; "": units of its type have none */
  int64_t since_us;    /* of the state, of the real-time clock; 0: not known */
  int64_t exit_status; /* of its main process, the last that ended; -1: not known */
  int64_t restarts;    /* by systemd itself; -1: not known */
};

typedef void (*systemd_unit_fn)(void *arg, const struct systemd_unit *unit);
/* `error` is NULL when the answer is complete. */
typedef void (*systemd_done_fn)(void *arg, const struct belfry_error *error);

/* A question. Embedded in who asks, and zeroed before its first use. */
struct systemd_question {
  struct systemd *systemd; /* NULL: it is not being asked */
  void *slot;              /* owned: what sd-bus keeps of it */
  struct ev_timer timeout;
  systemd_unit_fn on_unit;
  systemd_done_fn on_done; /* called once, and may ask it again; must not free `systemd` */
  void *arg;
  bool lost; /* with the connection */
  struct systemd_question *next;
};

/* Takes: `loop` borrowed. Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with systemd_free() when
 * nothing is being asked any more. */
int systemd_new(struct ev_loop *loop, struct systemd **out) BELFRY_MUST_CHECK;
void systemd_free(struct systemd *systemd);

/*
 * Asks for all units that can fail: services, sockets, mounts, timers and the like. Takes:
 * `question` borrowed until on_done or systemd_call_off(). Returns: 0, and on_done is called later,
 * within `timeout_ms`; or an error when it could not be asked.
 */
int systemd_ask_units(struct systemd *systemd, struct systemd_question *question,
                      int64_t timeout_ms, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Asks for one unit, by its whole name; likewise. One that is not there has `load` not-found. */
int systemd_ask_unit(struct systemd *systemd, struct systemd_question *question, const char *name,
                     int64_t timeout_ms, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Its answer is not wanted any more. */
void systemd_call_off(struct systemd_question *question);

#endif
