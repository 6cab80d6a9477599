/*
 * How Belfry's own parts are, as /health and /status tell it.
 */
#ifndef BELFRY_FCGI_OWN_HEALTH_H
#define BELFRY_FCGI_OWN_HEALTH_H

#include "history/query.h"
#include "model/health.h"

#include <stddef.h>
#include <stdint.h>

struct request;
struct worker;

struct health_check {
  const char *name;   /* history, push, watch */
  const char *status; /* of health_name(), or "disabled" */
  const char *detail; /* NULL when there is nothing to say */
};

struct own_health {
  enum health overall;
  struct health_check checks[3];
  size_t count;
  int64_t clients; /* of belfry-pushd */
};

/* Takes: `history` may be NULL when it cannot be opened; a read that fails is UNHEALTHY too. */
void own_health_check(struct worker *worker, const struct request *request, struct history *history,
                      struct own_health *out);

#endif
