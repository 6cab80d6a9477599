/*
 * The middle of the daemon: keeps the ring and goes over the clients. When the bell rings (and once
 * a second) it has the events above the ring's head read (follow.c) and gives each client one
 * writev. After a pass that took some time it waits several times as long before the
 * next, at most push.max_delay, so that under load many events share a write; when idle it writes
 * at once.
 */
#ifndef BELFRY_PUSHD_HUB_H
#define BELFRY_PUSHD_HUB_H

#include "auth/jwt.h"
#include "auth/used.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ulid.h"
#include "conf/conf.h"
#include "history/query.h"
#include "pushd/batch.h"
#include "pushd/behind.h"
#include "pushd/census.h"
#include "pushd/client.h"
#include "pushd/drain.h"
#include "pushd/figures.h"
#include "pushd/ring.h"
#include "pushd/state.h"
#include "pushd/subscription.h"
#include "pushd/wheel.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define HUB_READ_BYTES 65536 /* read from a socket at once */

struct hub {
  struct ev_loop *loop;
  const struct conf *conf;    /* borrowed; replaced on reload */
  const struct auth_jwt *jwt; /* borrowed; replaced on reload; NULL: no JWT is taken */
  const struct clock *clock;
  int64_t started_ms;           /* wall clock */
  int64_t started_monotonic_ms; /* ticks and buckets count from here */

  struct history *history; /* NULL while it cannot be opened */
  char history_dir[4096];
  struct history_position position; /* as it was looked at last; head is the ring's */
  bool ready;                       /* the ring has caught up with the history once */
  bool told_audit;                  /* an `audit` event was read just now ... */
  bool told_access;                 /* ... that tells of a key or a user */
  bool told_unreadable;             /* the log has it; said again only after it was readable */
  uint64_t version;                 /* of the history, when it last changed ... */
  int64_t version_ms;               /* ... and when that was seen (monotonic) */

  struct encoder encoder;
  struct ws_inflater *inflater; /* owned; for what clients send compressed */
  struct ring ring;
  int64_t passed_head; /* the ring's head when the clients were gone over last */
  struct behind behind;
  struct audiences audiences;
  struct batch batch;
  struct state_cache state;
  struct wheel wheel;

  struct client **clients; /* owned; all of them, in no order */
  uint32_t client_count, client_room;
  uint32_t open_count[REPRESENTATION_COUNT]; /* in CLIENT_OPEN */
  uint32_t handshake_count;
  struct client_line handshakes;        /* the oldest first */
  struct auth_used used;                /* keys and users that were let in */
  struct census addresses, credentials; /* of those that are let in */
  int64_t handshakes_took_us;           /* in this turn of the loop */
  struct client *dead;                  /* to be freed; linked by line_next */
  struct drain drain;
  struct h2 *h2; /* HTTP/2 connections; NULL: there was none */
  bool stopping;

  ev_timer look; /* once a second */
  ev_timer pass; /* after the wait */
  ev_timer turn; /* the wheel's */
  ev_io bell;
  ev_timer more;   /* at the loop's next turn: more events to be read, or clients that are behind */
  ev_prepare reap; /* frees the dead */
  int bell_fd;
  int64_t pass_took_us;
  int64_t pass_ended_us;

  struct figures figures;
  struct ulid_maker ulids;
  char input[HUB_READ_BYTES]; /* what was just read from a socket */
};

/* Takes: `loop`, `conf` are borrowed. Opens the bell and starts to look. The history need not be
 * there yet. */
int hub_init(struct hub *hub, struct ev_loop *loop, const struct conf *conf,
             struct belfry_error *error) BELFRY_MUST_CHECK;
void hub_fini(struct hub *hub);

/* Connections that are let in or may be soon. */
static inline uint32_t hub_open_count(const struct hub *hub) {
  uint32_t count = 0;
  for (int i = 0; i < REPRESENTATION_COUNT; i++)
    count += hub->open_count[i];
  return count;
}

/* Leaves the bell to another process, and looks often instead. */
void hub_give_bell_up(struct hub *hub);

/* Has the pass and those behind looked at in the loop's next turn. */
void hub_run_soon(struct hub *hub);

/* The wheel's tick now, and the one `ms` from now. */
uint32_t hub_tick(const struct hub *hub);
uint32_t hub_tick_in(const struct hub *hub, int64_t ms);

/* Milliseconds since the start. */
uint32_t hub_since_start_ms(const struct hub *hub);
#endif
