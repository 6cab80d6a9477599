/*
 * The state snapshot: what is so now, from the projections, as /stats and metrics_update say it.
 */
#ifndef BELFRY_MODEL_STATE_H
#define BELFRY_MODEL_STATE_H

#include "base/buf.h"
#include "base/error.h"
#include "history/append.h"
#include "history/query.h"
#include "model/state_text.h"

#include <stdbool.h>
#include <stdint.h>

/* "recent_events" counts the newest events that a page shows at once. */
#define STATE_RECENT_EVENTS_MAX 100

enum state_parts {
  STATE_STATS = 1, /* the members of /stats */
  STATE_HOST =
      2, /* "host": the newest value of each host_* metric without labels, and those with */
  STATE_SERVICES = 4, /* "services": [...] */
  STATE_DAEMONS = 8,  /* "daemons": [...] Belfry's own */
  STATE_ALL = 15,     /* what metrics_update carries */
  STATE_PUSH = 16, /* "push": what belfry-pushd counts (push_figures.def); no change of the state */
};

/*
 * The moment that a snapshot is of, and how long what began and was not ended is believed in. What
 * is stale follows from the clock when it is asked for, and is stored nowhere: agents whose task
 * was never completed, sessions without updates.
 */
struct state_now {
  int64_t now_ms;
  int64_t agent_stale_ms, session_stale_ms;
};

static inline int64_t state_agents_stale_before(const struct state_now *now) {
  return now->now_ms - now->agent_stale_ms;
}

static inline int64_t state_sessions_stale_before(const struct state_now *now) {
  return now->now_ms - now->session_stale_ms;
}

/* Puts the snapshot as one JSON object. */
int state_put(struct history *history, unsigned parts, const struct state_now *now,
              struct state_text *text, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Puts the member "host" by itself, with a comma before it. */
int state_put_host(struct history *history, int64_t now_ms, struct state_text *text,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/* What a daemon tells about itself. */
struct daemon_report {
  const char *name; /* "belfry-pushd" */
  int64_t started_ms;
  struct slice figures; /* text of a JSON object: {"clients":3} */
};

/* Puts the row into a batch, with version and process id. */
void daemon_report_put(struct history_batch *batch, const struct daemon_report *report,
                       int64_t now_ms);

/* One daemon's row as it is stored. */
struct daemon_state {
  char name[32];
  char version[32];
  int64_t pid, started_ms, updated_ms;
  int64_t clients; /* of belfry-pushd; 0 for others */
  bool disk_full;  /* of belfry-historyd: events and samples are refused */
};

#define DAEMON_COUNT_MAX 8

/* Reads all rows. Returns: 0 with `*count`. */
int daemon_states(struct history *history, struct daemon_state out[DAEMON_COUNT_MAX], size_t *count,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* A daemon whose row is older than this is not running. */
#define DAEMON_STALE_MS 5000

/* Whether a daemon runs that has told of itself at `updated_ms`. */
static inline bool daemon_runs(int64_t updated_ms, int64_t now_ms) {
  return now_ms - updated_ms <= DAEMON_STALE_MS;
}

/* Finds the row of a daemon that runs. Returns: borrowed from `daemons`; NULL when none does. */
const struct daemon_state *daemon_find_running(const struct daemon_state *daemons, size_t count,
                                               const char *name, int64_t now_ms);

/* Reads whether a daemon runs. Returns: 0 with `*out`, which is false otherwise. */
int daemon_read_running(struct history *history, const char *name, int64_t now_ms, bool *out,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
