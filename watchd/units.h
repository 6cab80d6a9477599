/*
 * systemd's units: their states and what its services use become samples at an interval, a unit
 * that fails the event unit_failed, and unit_recovered when it has been well for a while.
 */
#ifndef BELFRY_WATCHD_UNITS_H
#define BELFRY_WATCHD_UNITS_H

#include "base/clock.h"
#include "base/error.h"
#include "watchd/outbox.h"
#include "watchd/schedule.h"
#include "watchd/systemd.h"

#include <stdint.h>

#define UNITS_FAILED_MAX    64 /* failed units that are told of at a time; others count only */
#define UNITS_WELL_READINGS 3  /* in which a unit was well before it is called so */
#define UNITS_OLD_MS        INT64_C(43200000) /* one that failed longer ago is no news */

struct units;

/* Borrowed, outlives it. */
struct units_parts {
  struct schedule *schedule;
  struct outbox *outbox;
  struct systemd *systemd;
  const struct clock *clock;
};

/* Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with units_free(). */
int units_new(const struct units_parts *parts, struct units **out) BELFRY_MUST_CHECK;
void units_free(struct units *units);

/* Reads every `interval_ms` from now on; 0 stops. Takes: `cgroup_root` copied, where the control
 * groups are mounted. Returns: 0 or BELFRY_ENOMEM. */
int units_configure(struct units *units, const char *cgroup_root,
                    int64_t interval_ms) BELFRY_MUST_CHECK;

#endif
