/*
 * The middle of the daemon: follows the history, keeps the ring, and goes over the clients. When
 * the bell rings (and once a second) it reads the events above the ring's head and gives each
 * client one writev. After a pass that took some time it waits about as long before the next, at
 * most push.max_delay, so that under load many events share a write; when idle it writes at once.
 */
#ifndef BELFRY_PUSHD_HUB_H
#define BELFRY_PUSHD_HUB_H

#include "base/clock.h"
#include "base/error.h"
#include "base/ulid.h"
#include "conf/conf.h"
#include "history/query.h"
#include "pushd/batch.h"
#include "pushd/client.h"
#include "pushd/figures.h"
#include "pushd/ring.h"
#include "pushd/state.h"
#include "pushd/subscription.h"
#include "pushd/wheel.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define HUB_READ_BYTES  65536 /* read from a socket at once */
#define HUB_PAGE_EVENTS 256   /* events of one page of the history for those who lag */
#define HUB_PAGE_BYTES  262144

struct hub {
  struct ev_loop *loop;
  const struct conf *conf; /* borrowed; replaced on reload */
  const struct clock *clock;
  int64_t started_ms;           /* wall clock */
  int64_t started_monotonic_ms; /* ticks and buckets count from here */

  struct history *history; /* NULL while it cannot be opened */
  char history_dir[4096];
  struct history_position position; /* as it was looked at last; head is the ring's */
  bool ready;                       /* the ring has caught up with the history once */
  bool told_unreadable;             /* the log has it; said again only after it was readable */
  uint64_t version;                 /* of the history, when it last changed ... */
  int64_t version_ms;               /* ... and when that was seen (monotonic) */

  struct ring ring;
  int64_t passed_head; /* the ring's head when the clients were gone over last */
  struct ring page;    /* a piece of the history for those who lag */
  struct audience *page_audience;
  struct audiences audiences;
  struct batch batch;
  struct state_cache state;
  struct wheel wheel;

  struct client **clients; /* owned; all of them, in no order */
  uint32_t client_count, client_room;
  uint32_t open_count[REPRESENTATION_COUNT]; /* in CLIENT_OPEN */
  uint32_t handshake_count;
  struct client *lagging, **lagging_end; /* read from the history when they can be written to */
  struct client *dead;                   /* to be freed; linked by lagging_next */
  bool stopping;

  ev_timer look; /* once a second */
  ev_timer pass; /* after the wait */
  ev_timer turn; /* the wheel's */
  ev_io bell;
  ev_timer more;   /* at the loop's next turn: more events to be read, or lagging clients */
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
  return hub->open_count[REPRESENTATION_WS] + hub->open_count[REPRESENTATION_SSE] +
         hub->open_count[REPRESENTATION_SSE_NAMED];
}

/* Where a client asks to start. */
struct hub_start {
  bool has_since;
  int64_t since;
  struct slice epoch; /* that `since` is of; NULL data: not said */
  bool has_last;
  int64_t last; /* so many of the newest */
};

/*
 * Finds the cursor at which a client starts. `*complete` says whether nothing is missing after
 * `since`; when something is, the cursor is the head (or what `last` says). Returns: 0, or
 * BELFRY_EBUSY when the history cannot be read now.
 */
int hub_resolve(struct hub *hub, const struct hub_start *start, struct audience *audience,
                int64_t *cursor, bool *complete, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Looks for new events now, within a bound. Returns: false when the history cannot be read. */
bool hub_look(struct hub *hub);

/* Puts a client whose next events are no longer in the ring into the line for the history. */
void hub_add_lagging(struct hub *hub, struct client *client);
void hub_remove_lagging(struct hub *hub, struct client *client);

/* The page, when it has what the client needs next; else NULL. */
struct ring *hub_page_for(struct hub *hub, const struct client *client);

/* The wheel's tick now, and the one `ms` from now. */
uint32_t hub_tick(const struct hub *hub);
uint32_t hub_tick_in(const struct hub *hub, int64_t ms);

/* Milliseconds since the start. */
uint32_t hub_since_start_ms(const struct hub *hub);

/* Ends all connections: `closing` with a jittered retry_after_ms, then close 1012. */
void hub_close_all(struct hub *hub, const char *reason);

#endif
