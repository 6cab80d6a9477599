/*
 * How much of the time a service was up, from its changes of status. No I/O.
 *
 * Up are the statuses `up` and `degraded`, down is `down`. Time in another status (not known,
 * paused), and time before the first change, counts for neither: it is left out of the whole.
 */
#ifndef BELFRY_MODEL_UPTIME_H
#define BELFRY_MODEL_UPTIME_H

#include "base/slice.h"

#include <stdint.h>

#define UPTIME_WINDOWS 5

extern const struct uptime_window {
  const char *name; /* 1h, 24h, 7d, 30d, 1y */
  int64_t ms;
} uptime_windows[UPTIME_WINDOWS]; /* the longest is the last */

/* Zero it before the first use. */
struct uptime {
  int64_t up_ms[UPTIME_WINDOWS];
  int64_t known_ms[UPTIME_WINDOWS];
};

/* The service had `status` from `from_ms` to `to_ms`; the windows end at `now_ms`, and nothing
 * later counts. */
void uptime_add(struct uptime *uptime, int64_t now_ms, struct slice status, int64_t from_ms,
                int64_t to_ms);

/* Returns: 0 to 100; NaN when nothing is known of the window. */
double uptime_percent(const struct uptime *uptime, unsigned window);

#endif
