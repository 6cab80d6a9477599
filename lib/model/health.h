/*
 * The health snapshot: one word for everything, the host, and every watched service; as they are
 * now, and as they were at moments of the past.
 */
#ifndef BELFRY_MODEL_HEALTH_H
#define BELFRY_MODEL_HEALTH_H

#include "base/error.h"
#include "history/query.h"
#include "model/state_text.h"

#include <stdbool.h>
#include <stdint.h>

/* The worse, the greater. */
enum health { HEALTHY, HEALTH_UNKNOWN, DEGRADED, UNHEALTHY };

/* Returns: "healthy", "unknown", "degraded" or "unhealthy". */
const char *health_name(enum health health);

/* What a service's status means: up, degraded, down; paused is no worse than up. */
enum health health_of_status(struct slice status);

struct health_rules {
  int64_t interval_ms;      /* of probing, which is that of the snapshots */
  int64_t cpu_max, mem_max; /* percent of the host, above which it is degraded */
  bool watching;            /* somebody should be watching (watch.enabled) */
};

#define HEALTH_SPARKLINE_POINTS 30

/*
 * Puts the snapshot of now as one JSON object: "timestamp", "overall", "watching", "host",
 * "services". A service's sparkline has its latencies of the last HEALTH_SPARKLINE_POINTS
 * intervals, null where there was none.
 */
int health_put(struct history *history, const struct health_rules *rules, int64_t now_ms,
               struct state_text *text, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Puts {"services":[...]}: the same of the services alone. */
int health_put_services(struct history *history, const struct health_rules *rules, int64_t now_ms,
                        struct state_text *text, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Puts one of them, as it is there. Returns: BELFRY_ENOENT when there is none of this name. */
int health_put_service(struct history *history, const struct health_rules *rules, int64_t now_ms,
                       struct slice name, struct state_text *text,
                       struct belfry_error *error) BELFRY_MUST_CHECK;

#define HEALTH_PAST_MAX   1000   /* snapshots in an answer */
#define HEALTH_PLACES_MAX 100000 /* snapshots times services in an answer */

/*
 * Puts {"snapshots":[...]}: the newest `limit` that lie before `to_ms`, the newest first, at
 * multiples of the interval. Each tells of the interval that ends with it: what the host's figures
 * were on average, what the services' latencies were at last, and their status at its end.
 * Intervals in which nothing was measured at all are left out. Returns: 0; BELFRY_ETOOBIG when it
 * were more than HEALTH_PLACES_MAX.
 */
int health_put_past(struct history *history, const struct health_rules *rules, int64_t to_ms,
                    int64_t limit, struct state_text *text,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
