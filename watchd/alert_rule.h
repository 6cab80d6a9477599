/*
 * A rule of the list `alerts`, ready to be asked: numbers parsed, texts cut, defaults in their
 * places. And the rules that are there without any in the configuration.
 */
#ifndef BELFRY_WATCHD_ALERT_RULE_H
#define BELFRY_WATCHD_ALERT_RULE_H

#include "base/error.h"
#include "conf/conf.h"
#include "history/filter.h"
#include "history/query.h"
#include "model/aggregate.h"
#include "model/sample_json.h"
#include "model/severity.h"
#include "watchd/alert_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alert_rule {
  struct conf_alert *conf; /* owned; the texts below are of it */
  enum conf_alert_kind kind;
  enum severity severity;
  int64_t repeat_ms;
  bool has_above, has_below;
  double above, below, clear;
  struct aggregate_list agg;                   /* of a metric: one */
  struct label_match match[SAMPLE_LABELS_MAX]; /* likewise */
  size_t match_count;
  struct slice by[SAMPLE_LABELS_MAX];
  size_t by_count;
  struct event_filter filter; /* of events and log lines, without times */
  unsigned statuses;          /* of services: bits of 1 << enum service_status */
};

/* Takes: `conf` copied; `repeat_ms` where it says none. Returns: 0; BELFRY_EINVAL with `error` for
 * what the configuration could not see; BELFRY_ENOMEM. `*out` owned, free with alert_rule_free().
 */
int alert_rule_new(const struct conf_alert *conf, int64_t repeat_ms, struct alert_rule **out,
                   struct belfry_error *error) BELFRY_MUST_CHECK;
void alert_rule_free(struct alert_rule *rule);

/* What a figure means to the rule. NaN is one that is not known. */
enum alert_verdict alert_rule_verdict(const struct alert_rule *rule, double value);

/* What it is about, in words: "host_cpu_percent avg of 5m above 90". */
void alert_rule_describe(const struct alert_rule *rule, struct buf *out);

/* The rules that are there by themselves, for these thresholds: calls `on_rule` for each, with one
 * that is borrowed until it returns. Returns: 0, or what `on_rule` returned. */
typedef int (*alert_rule_fn)(void *arg, const struct conf_alert *conf);
int alert_rule_defaults(const struct conf *conf, alert_rule_fn on_rule,
                        void *arg) BELFRY_MUST_CHECK;

#endif
