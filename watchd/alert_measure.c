#include "watchd/alert_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX        10000 /* that are counted of a rule; more are so many */
#define SERIES_MAX        2000
#define ABSENT_LOOK_MS    3600000  /* a series that was there within this time can be absent */
#define SAMPLES_WINDOW_MS 21600000 /* a longer window is read from roll-ups of a minute */
#define MINUTE_MS         60000
#define HOUR_MS           3600000

/* --- metrics -----------------------------------------------------------------------------------
 */

/* The width of a bucket that holds all of [from, to), wherever its multiples fall: buckets begin at
 * multiples of their width. `unit_ms`: of which the width is a multiple, too. */
static int64_t bucket_around(int64_t from_ms, int64_t to_ms, int64_t unit_ms) {
  int64_t width_ms = to_ms - from_ms, step_ms = 0;
  for (int64_t times = 2; times < 1000; times++) {
    step_ms = (times * width_ms / unit_ms + 1) * unit_ms;
    bool coarser = unit_ms == 1 ? step_ms % MINUTE_MS == 0 : step_ms % HOUR_MS == 0;
    if (!coarser && from_ms / step_ms == (to_ms - 1) / step_ms)
      break;
  }
  return step_ms;
}

static struct sample_query query_of(const struct alert_rule *rule, int64_t from_ms, int64_t to_ms) {
  int64_t unit_ms = to_ms - from_ms > SAMPLES_WINDOW_MS ? MINUTE_MS : 1;
  from_ms -= from_ms % unit_ms;
  return (struct sample_query){
      .metric = slice_of(rule->conf->metric),
      .labels = rule->match,
      .label_count = rule->match_count,
      .by = rule->by,
      .by_count = rule->by_count,
      .from_ms = from_ms,
      .to_ms = to_ms,
      .step_ms = bucket_around(from_ms, to_ms, unit_ms),
      .increases = rule->agg.increases,
      .quantiles = rule->agg.quantiles,
      .budget_ms = ALERT_BUDGET_MS,
      .max_buckets = SERIES_MAX,
  };
}

struct finding {
  const struct alert_rule *rule;
  alert_found_fn on_found;
  void *arg;
};

static int on_bucket(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  const struct finding *finding = arg;
  const struct aggregate *agg = &finding->rule->agg.items[0];
  double value = agg->of(bucket, agg->quantile);
  finding->on_found(finding->arg, labels, value, alert_rule_verdict(finding->rule, value));
  return 0;
}

static int ask_samples(struct history *history, const struct sample_query *query,
                       sample_bucket_fn on_found, void *arg, struct belfry_error *error) {
  struct sample_page page = {0};
  int status = history_samples(history, query, on_found, arg, &page, error);
  if (!status && page.partial)
    return belfry_error_set(error, BELFRY_ETIMEDOUT, "the history took longer than %d ms",
                            ALERT_BUDGET_MS);
  return status;
}

static int measure_metric(const struct alert_rule *rule, struct history *history, int64_t now_ms,
                          struct finding *finding, struct belfry_error *error) {
  const struct sample_query query = query_of(rule, now_ms - rule->conf->window_ms, now_ms + 1);
  return ask_samples(history, &query, on_bucket, finding, error);
}

/* --- a metric that is absent -------------------------------------------------------------------
 */

struct seen {
  char **labels; /* owned: of the series that came in time */
  size_t count;
  const struct finding *finding;
  bool any;
};

static int on_present(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct seen *seen = arg;
  (void)bucket;
  char **more = reallocarray(seen->labels, seen->count + 1, sizeof *more);
  if (!more)
    return BELFRY_ENOMEM;
  seen->labels = more;
  if (!(seen->labels[seen->count] = strndup(labels.data, labels.len)))
    return BELFRY_ENOMEM;
  seen->count++;
  return 0;
}

static int on_known(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct seen *seen = arg;
  bool present = false;
  (void)bucket;
  for (size_t i = 0; i < seen->count && !present; i++)
    present = slice_is(labels, seen->labels[i]);
  seen->any = true;
  seen->finding->on_found(seen->finding->arg, labels, NAN, present ? ALERT_GOOD : ALERT_BAD);
  return 0;
}

static int measure_absent_metric(const struct alert_rule *rule, struct history *history,
                                 int64_t now_ms, struct finding *finding,
                                 struct belfry_error *error) {
  int64_t absent_ms = rule->conf->absent_ms,
          look_ms = 4 * absent_ms > ABSENT_LOOK_MS ? 4 * absent_ms : ABSENT_LOOK_MS;
  struct seen seen = {.finding = finding};
  struct sample_query query = query_of(rule, now_ms - absent_ms, now_ms + 1);
  int status = ask_samples(history, &query, on_present, &seen, error);
  query = query_of(rule, now_ms - look_ms, now_ms + 1);
  if (!status)
    status = ask_samples(history, &query, on_known, &seen, error);
  if (!status && !seen.any && rule->by_count == 0)
    finding->on_found(finding->arg, slice_of("{}"), NAN, ALERT_BAD);
  for (size_t i = 0; i < seen.count; i++)
    free(seen.labels[i]);
  free(seen.labels);
  return status;
}

/* --- events and log lines ----------------------------------------------------------------------
 */

static int on_event(void *arg, const struct event *event) {
  (void)arg;
  (void)event;
  return 0;
}

static int measure_events(const struct alert_rule *rule, struct history *history, int64_t now_ms,
                          struct finding *finding, struct belfry_error *error) {
  const struct conf_alert *conf = rule->conf;
  struct event_page page = {0};
  struct event_query query = {.filter = rule->filter,
                              .newest_first = true,
                              .limit = conf->absent_ms ? 1 : EVENTS_MAX,
                              .budget_ms = ALERT_BUDGET_MS,
                              .brief = true};
  query.filter.from_ms = now_ms - (conf->absent_ms ? conf->absent_ms : conf->window_ms);
  int status = history_events(history, &query, on_event, NULL, &page, error);
  if (status)
    return status;
  enum alert_verdict verdict = conf->absent_ms ? (page.count > 0 ? ALERT_GOOD : ALERT_BAD)
                                               : alert_rule_verdict(rule, page.count);
  /* What was not looked at can only make them more. */
  bool settled = conf->absent_ms ? page.count > 0 : rule->has_above && verdict == ALERT_BAD;
  if (page.partial && !settled)
    return belfry_error_set(error, BELFRY_ETIMEDOUT, "the history took longer than %d ms",
                            ALERT_BUDGET_MS);
  finding->on_found(finding->arg, slice_of("{}"),
                    conf->absent_ms ? (double)NAN : (double)page.count, verdict);
  return BELFRY_OK;
}

int alert_measure(const struct alert_rule *rule, struct history *history, int64_t now_ms,
                  alert_found_fn on_found, void *arg, struct belfry_error *error) {
  struct finding finding = {rule, on_found, arg};
  if (rule->kind != CONF_ALERT_METRIC)
    return measure_events(rule, history, now_ms, &finding, error);
  return rule->conf->absent_ms ? measure_absent_metric(rule, history, now_ms, &finding, error)
                               : measure_metric(rule, history, now_ms, &finding, error);
}
