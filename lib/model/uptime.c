#include "model/uptime.h"

#include <math.h>

#define HOUR_MS INT64_C(3600000)

const struct uptime_window uptime_windows[UPTIME_WINDOWS] = {
    {"1h", HOUR_MS},
    {"24h", 24 * HOUR_MS},
    {"7d", 7 * 24 * HOUR_MS},
    {"30d", 30 * 24 * HOUR_MS},
    {"1y", 365 * 24 * HOUR_MS},
};

void uptime_add(struct uptime *uptime, int64_t now_ms, struct slice status, int64_t from_ms,
                int64_t to_ms) {
  bool up = slice_is(status, "up") || slice_is(status, "degraded");
  if (!up && !slice_is(status, "down"))
    return;
  if (to_ms > now_ms)
    to_ms = now_ms;
  for (unsigned i = 0; i < UPTIME_WINDOWS; i++) {
    int64_t start_ms = now_ms - uptime_windows[i].ms;
    int64_t begun_ms = from_ms > start_ms ? from_ms : start_ms;
    if (begun_ms >= to_ms)
      continue;
    uptime->known_ms[i] += to_ms - begun_ms;
    uptime->up_ms[i] += up ? to_ms - begun_ms : 0;
  }
}

double uptime_percent(const struct uptime *uptime, unsigned window) {
  return uptime->known_ms[window] > 0
             ? 100. * (double)uptime->up_ms[window] / (double)uptime->known_ms[window]
             : NAN;
}
