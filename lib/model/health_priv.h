/* What the snapshot of now and those of the past share: the services that are watched, by name. */
#ifndef BELFRY_MODEL_HEALTH_PRIV_H
#define BELFRY_MODEL_HEALTH_PRIV_H

#include "base/error.h"
#include "history/query.h"
#include "model/health.h"
#include "model/uptime.h"

#include <stddef.h>

#define HEALTH_NAME_BYTES 65

struct health_service {
  char name[HEALTH_NAME_BYTES];
  enum health health; /* that its status stands for */
  struct uptime uptime;
  double *latency;     /* by interval; NaN: none; borrowed from the list */
  const char **status; /* by interval: at its end; NULL: not known; likewise, of the past only */
};

/* In order of name. */
struct health_services {
  struct health_service *all; /* owned, as what they point to */
  size_t count;
};

/* Reads which there are. Takes: history_begin() was called. Ended by health_services__free() in
 * every case. */
int health_services__read(struct history *history, struct health_services *out,
                          struct belfry_error *error) BELFRY_MUST_CHECK;
void health_services__free(struct health_services *services);

/* Returns: NULL when it is none of them. */
struct health_service *health_services__find(struct health_services *services, struct slice name);

/* Called for each time that a service had one status; the last ends at `until_ms`. `status` is
 * borrowed. */
typedef int (*health_span_fn)(void *arg, struct health_service *service, struct slice status,
                              int64_t from_ms, int64_t to_ms);

/* Goes through what they went through since `since_ms`. */
int health_services__spans(struct history *history, struct health_services *services,
                           int64_t since_ms, int64_t until_ms, health_span_fn on_span, void *arg,
                           struct belfry_error *error) BELFRY_MUST_CHECK;

/* Fills in the newest latency of each interval from `from_ms`, a multiple of it. */
int health_services__latencies(struct history *history, struct health_services *services,
                               int64_t from_ms, int64_t interval_ms, size_t intervals,
                               struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
