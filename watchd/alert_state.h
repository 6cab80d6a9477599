/*
 * Where an alert stands: what the verdicts of its rule make of it over time. Knows no clock,
 * history or rule.
 */
#ifndef BELFRY_WATCHD_ALERT_STATE_H
#define BELFRY_WATCHD_ALERT_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum alert_verdict {
  ALERT_GOOD,
  ALERT_BAD,
  ALERT_BETWEEN, /* not bad any more, and not good yet */
  ALERT_DARK,    /* it cannot be told */
};

enum alert_stage { ALERT_OK, ALERT_UNKNOWN, ALERT_PENDING, ALERT_FIRING };

struct alert_state {
  enum alert_stage stage;
  int64_t held_ms; /* monotonic: pending since, or firing and good since; 0: it is not good */
};

enum alert_step { ALERT_STAYS, ALERT_CHANGES, ALERT_FIRES, ALERT_RESOLVES };

/*
 * Takes in a verdict. Takes: `now_ms` of a monotonic clock; `for_ms`, how long it must be bad
 * without a break before it fires; `resolve_after_ms`, how long good before it is over. Returns:
 * what that changed. An alert that fires stays so while nothing can be told.
 */
enum alert_step alert_judge(struct alert_state *state, enum alert_verdict verdict, int64_t now_ms,
                            int64_t for_ms, int64_t resolve_after_ms);

#endif
