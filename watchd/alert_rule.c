#include "watchd/alert_rule.h"

#include "model/filter_parse.h"
#include "watchd/service.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- making ------------------------------------------------------------------------------------
 */

static const enum severity severities[] = {SEVERITY_ERROR, SEVERITY_CRITICAL, SEVERITY_WARNING,
                                           SEVERITY_INFO}; /* as CONF_ALERT_SEVERITIES */

static void take_limits(struct alert_rule *rule) {
  const struct conf_alert *conf = rule->conf;
  rule->has_below = conf->below != NULL;
  rule->has_above = conf->above != NULL ||
                    (!rule->has_below && !conf->absent_ms && rule->kind != CONF_ALERT_SERVICES);
  rule->above = conf->above ? atof(conf->above) : 0;
  rule->below = conf->below ? atof(conf->below) : 0;
  rule->clear = conf->clear ? atof(conf->clear) : rule->has_below ? rule->below : rule->above;
}

static int take_metric(struct alert_rule *rule, struct belfry_error *error) {
  const struct conf_alert *conf = rule->conf;
  struct model_problem problem = {0};
  size_t i = 0;
  for (; conf->match && conf->match[i]; i++) {
    if (i == SAMPLE_LABELS_MAX)
      return belfry_error_set(error, BELFRY_EINVAL,
                              "the rule %s has more than %d labels in `match`", conf->name,
                              SAMPLE_LABELS_MAX);
    const char *sign = strchr(conf->match[i], '=');
    rule->match[i] = (struct label_match){
        slice_new(conf->match[i], (size_t)(sign - conf->match[i])), slice_of(sign + 1)};
  }
  rule->match_count = i;
  for (i = 0; conf->by && conf->by[i]; i++) {
    if (i == SAMPLE_LABELS_MAX)
      return belfry_error_set(error, BELFRY_EINVAL, "the rule %s has more than %d labels in `by`",
                              conf->name, SAMPLE_LABELS_MAX);
    rule->by[i] = slice_of(conf->by[i]);
  }
  rule->by_count = i;
  int status = aggregate_parse(slice_of(conf->agg ? conf->agg : "avg"), &rule->agg, &problem);
  return status ? belfry_error_set(error, status, "the rule %s: agg %s", conf->name, problem.detail)
                : BELFRY_OK;
}

static size_t take_globs(char *const *words, struct slice *out) {
  size_t count = 0;
  for (; words && words[count] && count < EVENT_FILTER_PATTERNS_MAX; count++)
    out[count] = slice_of(words[count]);
  return count;
}

static void take_events(struct alert_rule *rule) {
  const struct conf_alert *conf = rule->conf;
  struct event_filter *filter = &rule->filter;
  bool logs = rule->kind == CONF_ALERT_LOGS;
  filter->types[0] = slice_of("log");
  filter->type_count = logs ? 1 : take_globs(conf->events, filter->types);
  filter->source_count = take_globs(conf->sources, filter->sources);
  for (int severity = conf->min_severity; conf->min_severity && severity <= SEVERITY_CRITICAL;
       severity++)
    filter->severities |= 1u << severity;
  const char *words = logs ? conf->logs : conf->words;
  if (words && strcmp(words, "*") != 0)
    filter->text = slice_of(words);
}

static void take_services(struct alert_rule *rule) {
  rule->statuses = rule->conf->status ? 0 : 1u << SERVICE_DOWN;
  for (char **status = rule->conf->status; status && *status; status++)
    rule->statuses |= 1u << service_status_parse(slice_of(*status));
}

int alert_rule_new(const struct conf_alert *conf, int64_t repeat_ms, struct alert_rule **out,
                   struct belfry_error *error) {
  int status = BELFRY_OK;
  struct alert_rule *rule = calloc(1, sizeof *rule);
  if (!rule || !(rule->conf = conf_alert_copy(conf))) {
    free(rule);
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  }
  rule->kind = conf_alert_kind(conf);
  rule->severity = severities[conf->severity];
  rule->repeat_ms = conf->repeat_ms ? conf->repeat_ms : repeat_ms;
  take_limits(rule);
  if (rule->kind == CONF_ALERT_METRIC)
    status = take_metric(rule, error);
  else if (rule->kind == CONF_ALERT_SERVICES)
    take_services(rule);
  else
    take_events(rule);
  if (status) {
    alert_rule_free(rule);
    return status;
  }
  *out = rule;
  return BELFRY_OK;
}

void alert_rule_free(struct alert_rule *rule) {
  if (!rule)
    return;
  conf_alert_free(rule->conf);
  free(rule);
}

/* --- asking ------------------------------------------------------------------------------------
 */

enum alert_verdict alert_rule_verdict(const struct alert_rule *rule, double value) {
  if (isnan(value))
    return ALERT_DARK;
  if (rule->has_below)
    return value < rule->below ? ALERT_BAD : value >= rule->clear ? ALERT_GOOD : ALERT_BETWEEN;
  return value > rule->above ? ALERT_BAD : value <= rule->clear ? ALERT_GOOD : ALERT_BETWEEN;
}

static void put_duration(struct buf *out, int64_t ms) {
  if (ms % 3600000 == 0)
    buf_printf(out, "%" PRId64 "h", ms / 3600000);
  else if (ms % 60000 == 0)
    buf_printf(out, "%" PRId64 "m", ms / 60000);
  else
    buf_printf(out, "%gs", (double)ms / 1000);
}

static void put_words(struct buf *out, char *const *words) {
  for (size_t i = 0; words && words[i]; i++)
    buf_printf(out, "%s%s", i ? ", " : "", words[i]);
}

void alert_rule_describe(const struct alert_rule *rule, struct buf *out) {
  const struct conf_alert *conf = rule->conf;
  static const char *const nouns[] = {
      [CONF_ALERT_EVENTS] = "events ", [CONF_ALERT_LOGS] = "log lines "};
  if (rule->kind == CONF_ALERT_SERVICES) {
    buf_put_text(out, "services ");
    put_words(out, conf->services);
    buf_put_text(out, " are ");
    if (conf->status)
      put_words(out, conf->status);
    else
      buf_put_text(out, "down");
    return;
  }
  if (rule->kind == CONF_ALERT_METRIC) {
    buf_put_text(out, conf->metric);
    if (!conf->absent_ms)
      buf_printf(out, " %s", rule->agg.items[0].name);
  } else {
    buf_put_text(out, nouns[rule->kind]);
    put_words(out, conf->events);
    buf_put_text(out, conf->logs ? conf->logs : "");
  }
  buf_put_text(out, conf->absent_ms ? " absent for " : " of ");
  put_duration(out, conf->absent_ms ? conf->absent_ms : conf->window_ms);
  if (!conf->absent_ms)
    buf_printf(out, " %s %g", rule->has_below ? "below" : "above",
               rule->has_below ? rule->below : rule->above);
}

/* --- the rules that are there by themselves ----------------------------------------------------
 */

int alert_rule_defaults(const struct conf *conf, alert_rule_fn on_rule, void *arg) {
  char cpu[24], memory[24], all[] = "*", degraded[] = "degraded", mount[] = "mount";
  char *services[] = {all, NULL}, *statuses[] = {degraded, NULL}, *by[] = {mount, NULL};
  char names[][24] = {"service_down", "service_degraded", "host_cpu", "host_memory", "host_disk"},
       metrics[][24] = {"host_cpu_percent", "host_memory_percent", "host_disk_percent"},
       disk[] = "90", disk_clear[] = "88", last[] = "last",
       down_text[] = "{service} is down: {message}",
       degraded_text[] = "{service} is degraded: {message}", cpu_text[] = "CPU use is {value} %",
       memory_text[] = "memory use is {value} %", disk_text[] = "{mount} is {value} % full";
  snprintf(cpu, sizeof cpu, "%" PRId64, conf->thresholds_cpu_max);
  snprintf(memory, sizeof memory, "%" PRId64, conf->thresholds_mem_max);
  const struct conf_alert rules[] = {
      {.name = names[0], .services = services, .summary = down_text},
      {.name = names[1],
       .services = services,
       .status = statuses,
       .severity = 2,
       .for_ms = 300000,
       .summary = degraded_text},
      {.name = names[2],
       .metric = metrics[0],
       .above = cpu,
       .window_ms = 300000,
       .for_ms = 60000,
       .resolve_after_ms = 60000,
       .severity = 2,
       .summary = cpu_text},
      {.name = names[3],
       .metric = metrics[1],
       .above = memory,
       .window_ms = 300000,
       .for_ms = 60000,
       .resolve_after_ms = 60000,
       .severity = 2,
       .summary = memory_text},
      {.name = names[4],
       .metric = metrics[2],
       .agg = last,
       .by = by,
       .above = disk,
       .clear = disk_clear,
       .window_ms = 300000,
       .for_ms = 60000,
       .summary = disk_text},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    int status = on_rule(arg, &rules[i]);
    if (status)
      return status;
  }
  return BELFRY_OK;
}
