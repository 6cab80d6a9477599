/*
 * When an action may be run again for a service. No clock, no I/O: a test gives the times.
 *
 * After a recovery of the service the action rests for its cool-down. After each of its own that
 * did not help, what comes by itself rests twice as long as before, up to a bound; who asks by hand
 * need not wait for that. And within an hour it is run only so often, by whomever.
 */
#ifndef BELFRY_WATCHD_RECOVERY_LIMITS_H
#define BELFRY_WATCHD_RECOVERY_LIMITS_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was done before, of one action and service; zeroed: nothing was. */
struct recovery_past {
  int64_t starts_ms[CONF_RECOVERIES_PER_HOUR_MAX]; /* the last ones, as a ring */
  size_t start_count;                              /* ever */
  int64_t ended_ms;                                /* the last one; 0: none */
  int64_t failures;                                /* that did not help, in a row */
};

void recovery_past_started(struct recovery_past *past, int64_t at_ms);
void recovery_past_ended(struct recovery_past *past, int64_t at_ms, bool success);

enum recovery_limit { RECOVERY_FREE, RECOVERY_COOLS_DOWN, RECOVERY_BACKS_OFF, RECOVERY_PER_HOUR };

/*
 * Takes: `service_ended_ms`, when the service's last recovery by any action ended; 0: none has.
 * Returns: RECOVERY_FREE, or what forbids it until `*until_ms`.
 */
enum recovery_limit recovery_limit(const struct recovery_past *past,
                                   const struct conf_recovery *action, int64_t service_ended_ms,
                                   bool by_hand, int64_t now_ms, int64_t *until_ms);

#endif
