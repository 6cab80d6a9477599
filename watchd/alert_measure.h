/*
 * Asks the history what a rule is about: which series, or how many events, and what that comes to.
 */
#ifndef BELFRY_WATCHD_ALERT_MEASURE_H
#define BELFRY_WATCHD_ALERT_MEASURE_H

#include "watchd/alert_rule.h"

/* One finding of a rule. Takes: `labels`, a JSON object that says whose it is ("{}" when the rule
 * does not tell apart), borrowed until it returns; `value`, NaN for none. */
typedef void (*alert_found_fn)(void *arg, struct slice labels, double value,
                               enum alert_verdict verdict);

/* For rules about a metric, events or log lines. Calls `on_found` for each finding there is, within
 * ALERT_BUDGET_MS. Returns: 0, or why nothing can be told: `error` says it. */
int alert_measure(const struct alert_rule *rule, struct history *history, int64_t now_ms,
                  alert_found_fn on_found, void *arg, struct belfry_error *error) BELFRY_MUST_CHECK;

#define ALERT_BUDGET_MS 100

#endif
