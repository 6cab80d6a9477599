/*
 * Sends everybody away, a few at a time: at the end of the daemon, after an upgrade, or when the
 * history was replaced. Each is told `closing` with a time after which to come back, and then
 * closed with 1012. Both the closing and the coming back are spread, the more the more there are,
 * so that ten thousand do not return in the same second, and five do at once.
 */
#ifndef BELFRY_PUSHD_DRAIN_H
#define BELFRY_PUSHD_DRAIN_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct hub;

enum drain_cause {
  DRAIN_RESTART,          /* the daemon ends, and another will come */
  DRAIN_UPGRADE,          /* another is there already */
  DRAIN_HISTORY_REPLACED, /* only those who are there now; they get no more events */
};

struct drain {
  struct hub *hub; /* borrowed */
  enum drain_cause cause;
  ev_timer timer;      /* runs while somebody is to be sent away */
  int64_t started_ms;  /* monotonic */
  int64_t over_ms;     /* spread over so long */
  uint32_t total;      /* when it started */
  uint32_t done;       /* sent away so far */
  uint32_t at;         /* in the hub's clients: those below are still to be looked at */
  uint32_t first_turn; /* where in the window the first is asked to return, of 2^32 */
};

void drain_init(struct drain *drain, struct hub *hub);
void drain_fini(struct drain *drain);

/* Starts, spread over at most `most_ms`. One that runs for another cause is replaced, but that of a
 * daemon that ends stays. */
void drain_start(struct drain *drain, enum drain_cause cause, int64_t most_ms);

#endif
