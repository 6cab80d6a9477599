/*
 * What is known of one watched service, and what a check's result makes of it. No clock, no I/O: a
 * test gives the results.
 *
 * A service is down after a check that failed, and up again after a good one; a check that failed
 * once was repeated before it counts (watched.h). One that answers, but slowly, is degraded. A
 * check that failed through a fault of the monitor says nothing of the service; after
 * SERVICE_FAULTS_MAX of those in a row the service is unknown, never down.
 *
 * One that changes SERVICE_FLAP_BEGINS times within SERVICE_FLAP_CHECKS checks is flapping: it is
 * called degraded until it has changed no more than SERVICE_FLAP_ENDS times in as many. So it is
 * told of once, and not with every change.
 */
#ifndef BELFRY_WATCHD_SERVICE_H
#define BELFRY_WATCHD_SERVICE_H

#include "base/slice.h"
#include "model/severity.h"
#include "watchd/probe_result.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_FAULTS_MAX  3
#define SERVICE_FLAP_CHECKS 20
#define SERVICE_FLAP_BEGINS 5
#define SERVICE_FLAP_ENDS   2

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
  enum service_status status; /* as it is told */
  enum service_status seen;   /* of the last check that told something, flapping or not */
  int64_t failures;           /* failed checks in a row */
  int64_t faults;             /* checks in a row that told nothing, through a fault of ours */
  uint32_t changes;           /* of `seen`, a bit for each of the last checks */
  bool flapping;
};

/* The state of a service that was last told to be so. */
struct service_state service_state_of(enum service_status status);

/* Whether a check ended so that it is worth to be repeated before it counts. `degraded_ms`: slower
 * answers make a service degraded; 0: none do. */
bool service_result_is_bad(const struct probe_result *result, double degraded_ms);

/* Takes in a check's result. Returns: whether the status changed; `*previous` is then what it was.
 */
bool service_judge(struct service_state *state, const struct probe_result *result,
                   double degraded_ms, enum service_status *previous);

/* How often it changed within the last SERVICE_FLAP_CHECKS checks. */
int service_changes(const struct service_state *state);

#endif
