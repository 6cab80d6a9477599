#include "watchd/recovery_limits.h"

#define HOUR_MS 3600000

void recovery_past_started(struct recovery_past *past, int64_t at_ms) {
  past->starts_ms[past->start_count++ % CONF_RECOVERIES_PER_HOUR_MAX] = at_ms;
}

void recovery_past_ended(struct recovery_past *past, int64_t at_ms, bool success) {
  past->ended_ms = at_ms;
  past->failures = success ? 0 : past->failures + 1;
}

/* Whether `wait_ms` after `at_ms` is still to come. A time that a clock has set later than now is
 * as good as now: nothing waits for longer than it was meant to. */
static bool is_before(int64_t at_ms, int64_t wait_ms, int64_t now_ms, int64_t *until_ms) {
  if (at_ms == 0 || at_ms + wait_ms <= now_ms)
    return false;
  *until_ms = (at_ms > now_ms ? now_ms : at_ms) + wait_ms;
  return true;
}

static int64_t backoff_ms(const struct recovery_past *past, const struct conf_recovery *action) {
  int64_t wait_ms = action->cooldown_ms;
  for (int64_t i = 0; i < past->failures && wait_ms < action->backoff_max_ms; i++)
    wait_ms *= 2;
  return wait_ms < action->backoff_max_ms ? wait_ms : action->backoff_max_ms;
}

/* The start that must be an hour old before there may be another. */
static int64_t oldest_start_that_counts(const struct recovery_past *past,
                                        const struct conf_recovery *action) {
  size_t most = (size_t)action->max_per_hour;
  if (past->start_count < most)
    return 0;
  return past->starts_ms[(past->start_count - most) % CONF_RECOVERIES_PER_HOUR_MAX];
}

enum recovery_limit recovery_limit(const struct recovery_past *past,
                                   const struct conf_recovery *action, int64_t service_ended_ms,
                                   bool by_hand, int64_t now_ms, int64_t *until_ms) {
  *until_ms = 0;
  if (is_before(oldest_start_that_counts(past, action), HOUR_MS, now_ms, until_ms))
    return RECOVERY_PER_HOUR;
  if (!by_hand && past->failures > 0 &&
      is_before(past->ended_ms, backoff_ms(past, action), now_ms, until_ms))
    return RECOVERY_BACKS_OFF;
  if (is_before(service_ended_ms, action->cooldown_ms, now_ms, until_ms))
    return RECOVERY_COOLS_DOWN;
  return RECOVERY_FREE;
}
