/*
 * What is known of one watched service, and what a check's result makes of it. No clock, no I/O: a
 * test gives the results.
 *
 * A service is down after as many failed checks in a row as the configuration says, and up again
 * after the first good one. A check that failed through a fault of the monitor says nothing of the
 * service: it neither counts nor ends a row; after as many of those in a row the service is
 * unknown, never down.
 */
#ifndef BELFRY_WATCHD_SERVICE_H
#define BELFRY_WATCHD_SERVICE_H

#include "base/slice.h"
#include "model/severity.h"
#include "watchd/probe_result.h"

#include <stdbool.h>
#include <stdint.h>

enum service_status {
  SERVICE_UNKNOWN,
  SERVICE_UP,
  SERVICE_DOWN,
  SERVICE_DEGRADED,
  SERVICE_PAUSED,
};

const char *service_status_name(enum service_status status);
enum service_status service_status_parse(struct slice name); /* SERVICE_UNKNOWN for another */

/* How grave the change to a status is. */
enum severity service_status_severity(enum service_status status);

struct service_state {
  enum service_status status;
  int64_t failures; /* failed checks in a row */
  int64_t faults;   /* checks in a row that told nothing, through a fault of ours */
};

/* Takes in a check's result. Returns: whether the status changed; `*previous` is then what it was.
 */
bool service_judge(struct service_state *state, const struct probe_result *result,
                   int64_t restart_failures, enum service_status *previous);

#endif
