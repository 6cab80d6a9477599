/*
 * Entries of `alerts`, and what only one as a whole can be asked: what it is about, and whether
 * what it names is there.
 */
#include "conf/conf_priv.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_WINDOW_MS 300000

static const struct conf_row alert_rows[] = {
    {.key = "name",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_alert, name),
     .required = true,
     .fallback_text = "",
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "What the rule is called. Unique."},
    {.key = "metric",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_alert, metric),
     .fallback_text = "",
     .max = 128,
     .form = CONF_FORM_NAME,
     .doc = "Of which samples it asks. With above, below or absent."},
    {.key = "agg",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_alert, agg),
     .fallback_text = "",
     .max = 12,
     .form = CONF_FORM_AGGREGATE,
     .doc = "What the samples within the window come to: avg (the default), min, max, sum, count, "
            "last, rate, or a quantile such as p95."},
    {.key = "match",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, match),
     .max = 256,
     .form = CONF_FORM_PAIR,
     .doc = "Only series with these labels."},
    {.key = "by",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, by),
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "Names of labels: each of their values is asked, and has an alert, by itself. All "
            "series are one by default."},
    {.key = "services",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, services),
     .max = 64,
     .form = CONF_FORM_ANY,
     .doc = "Which services it is about: globs. Each has an alert by itself."},
    {.key = "status",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, status),
     .max = 16,
     .form = CONF_FORM_LABEL,
     .doc =
         "The statuses of a service that are bad: down, degraded, unknown. Only down by default."},
    {.key = "events",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, events),
     .max = 64,
     .form = CONF_FORM_ANY,
     .doc = "The types of the events that it counts: globs."},
    {.key = "logs",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_alert, logs),
     .fallback_text = "",
     .max = 512,
     .form = CONF_FORM_ANY,
     .doc = "Words, phrases and -words of the log lines that it counts, as on the page of the "
            "logs; * counts all."},
    {.key = "words",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_alert, words),
     .fallback_text = "",
     .max = 512,
     .form = CONF_FORM_ANY,
     .doc = "Words that the events must hold."},
    {.key = "sources",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, sources),
     .max = 128,
     .form = CONF_FORM_ANY,
     .doc = "The sources of the events or log lines: globs. All by default."},
    {.key = "min_severity",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_alert, min_severity),
     .fallback_text = "",
     .choices = "debug|info|success|warning|error|critical",
     .doc = "Only events or log lines that are so severe, or more."},
    {.key = "above",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_alert, above),
     .fallback_text = "",
     .max = 32,
     .form = CONF_FORM_NUMBER,
     .doc = "The figure is bad above this. Of events and log lines it is how many came within the "
            "window; 0 by default."},
    {.key = "below",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_alert, below),
     .fallback_text = "",
     .max = 32,
     .form = CONF_FORM_NUMBER,
     .doc = "The figure is bad below this."},
    {.key = "clear",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_alert, clear),
     .fallback_text = "",
     .max = 32,
     .form = CONF_FORM_NUMBER,
     .doc = "The figure is good again only when it is back beyond this. As above, or below, by "
            "default."},
    {.key = "window",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_alert, window_ms),
     .min = 1000,
     .max = 86400000,
     .doc = "Over how long the figure is taken. 5m by default."},
    {.key = "absent",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_alert, absent_ms),
     .min = 1000,
     .max = 2592000000,
     .doc = "It is bad that no sample, event or log line has come for so long."},
    {.key = "for",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_alert, for_ms),
     .min = 1000,
     .max = 604800000,
     .doc = "How long it must be bad, without a break, before the alert fires; until then it is "
            "pending. At once by default."},
    {.key = "resolve_after",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_alert, resolve_after_ms),
     .min = 1000,
     .max = 604800000,
     .doc = "How long it must be good, without a break, before the alert is over. At once by "
            "default."},
    {.key = "repeat",
     .kind = CONF_KIND_DURATION,
     .offset = offsetof(struct conf_alert, repeat_ms),
     .min = 60000,
     .max = 2592000000,
     .doc = "After how long an alert that goes on, and that nobody has acknowledged, is told "
            "again. As alerting.repeat says by default."},
    {.key = "severity",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_alert, severity),
     .fallback_text = "",
     .choices = CONF_ALERT_SEVERITIES,
     .doc = "How grave it is. An error by default."},
    {.key = "labels",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, labels),
     .max = 256,
     .form = CONF_FORM_PAIR,
     .doc = "Labels of its alerts beside alertname, severity and those of what is bad."},
    {.key = "group",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, group),
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "Names of labels: alerts with the same values of these are told in one message. Those "
            "of the rule by default."},
    {.key = "depends_on",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, depends_on),
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "Services and rules: while one of these services is down, or one of these rules has an "
            "alert that fires, it is not told."},
    {.key = "channels",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_alert, channels),
     .max = 64,
     .form = CONF_FORM_NAME,
     .doc = "The channels that are told."},
    {.key = "summary",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_alert, summary),
     .fallback_text = "",
     .max = 500,
     .form = CONF_FORM_ANY,
     .doc = "One line for a person. {value}, {status} and {message} (of a service) and the name of "
            "a label in braces stand for what they are."},
};

/* --- one entry --- */

static const struct {
  const char *name;
  size_t offset;
} subjects[] = {
    [CONF_ALERT_METRIC] = {"metric", offsetof(struct conf_alert, metric)},
    [CONF_ALERT_SERVICES] = {"services", offsetof(struct conf_alert, services)},
    [CONF_ALERT_EVENTS] = {"events", offsetof(struct conf_alert, events)},
    [CONF_ALERT_LOGS] = {"logs", offsetof(struct conf_alert, logs)},
};

static bool is_about(const struct conf_alert *alert, size_t kind) {
  void *field;
  memcpy(&field, (const char *)alert + subjects[kind].offset, sizeof field);
  return field != NULL;
}

enum conf_alert_kind conf_alert_kind(const struct conf_alert *alert) {
  size_t kind = 0;
  while (kind < CONF_ALERT_LOGS && !is_about(alert, kind))
    kind++;
  return (enum conf_alert_kind)kind;
}

/* Which members mean something only to some kinds: bits of 1 << enum conf_alert_kind. */
#define COUNTED (1u << CONF_ALERT_EVENTS | 1u << CONF_ALERT_LOGS)
#define FIGURED (COUNTED | 1u << CONF_ALERT_METRIC)

static const struct {
  const char *key;
  unsigned kinds;
} limited[] = {
    {"agg", 1u << CONF_ALERT_METRIC},
    {"match", 1u << CONF_ALERT_METRIC},
    {"by", 1u << CONF_ALERT_METRIC},
    {"below", FIGURED},
    {"above", FIGURED},
    {"clear", FIGURED},
    {"window", FIGURED},
    {"absent", FIGURED},
    {"status", 1u << CONF_ALERT_SERVICES},
    {"words", 1u << CONF_ALERT_EVENTS},
    {"sources", COUNTED},
    {"min_severity", COUNTED},
};

static bool is_there(const struct conf_alert *alert, const char *key) {
  for (size_t i = 0; i < sizeof alert_rows / sizeof *alert_rows; i++)
    if (strcmp(alert_rows[i].key, key) == 0)
      return !conf__value_absent(&alert_rows[i], alert);
  return false;
}

static void check_subject(const struct conf_alert *alert, struct buf *why) {
  size_t count = 0;
  for (size_t kind = 0; kind <= CONF_ALERT_LOGS; kind++)
    count += is_about(alert, kind);
  if (count != 1)
    buf_printf(why, "is about %s: write exactly one of `metric`, `services`, `events` and `logs`",
               count == 0 ? "nothing" : "several things");
  for (size_t i = 0; i < sizeof limited / sizeof *limited && why->len == 0; i++)
    if (is_there(alert, limited[i].key) && !(limited[i].kinds & 1u << conf_alert_kind(alert)))
      buf_printf(why, "`%s` means nothing to a rule about `%s`: remove it", limited[i].key,
                 subjects[conf_alert_kind(alert)].name);
}

static void check_limits(const struct conf_alert *alert, struct buf *why) {
  bool metric = conf_alert_kind(alert) == CONF_ALERT_METRIC;
  if (alert->above && alert->below)
    buf_put_text(why, "is bad above and below a number: write two rules");
  else if (alert->absent_ms && (alert->above || alert->below))
    buf_put_text(why, "`absent` asks whether there is any, `above` and `below` how many: write two "
                      "rules");
  else if (alert->absent_ms && alert->agg)
    buf_put_text(why, "`agg` means nothing to a rule with `absent`: remove it");
  else if (metric && !alert->absent_ms && !alert->above && !alert->below)
    buf_put_text(why, "needs `above`, `below` or `absent`, or nothing is ever bad");
  else if (alert->clear && !alert->above && !alert->below)
    buf_put_text(why, "`clear` needs `above` or `below`");
  else if (alert->clear && alert->above && atof(alert->clear) > atof(alert->above))
    buf_put_text(why, "`clear` must not be greater than `above`");
  else if (alert->clear && alert->below && atof(alert->clear) < atof(alert->below))
    buf_put_text(why, "`clear` must not be less than `below`");
}

static bool is_aggregate(const char *agg) {
  static const char *const names[] = {"avg", "min", "max", "sum", "count", "last", "rate"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(agg, names[i]) == 0)
      return true;
  char *end = NULL;
  return agg[0] == 'p' && agg[1] >= '0' && agg[1] <= '9' && strtod(agg + 1, &end) <= 100 &&
         *end == '\0' && end[-1] != '.' && strlen(agg) <= 8;
}

static void check_words(const struct conf_alert *alert, struct buf *why) {
  if (alert->agg && !is_aggregate(alert->agg))
    buf_printf(why,
               "there is no `agg` '%s': write avg, min, max, sum, count, last, rate, or a "
               "quantile such as p95",
               alert->agg);
  for (char **status = alert->status; status && *status && why->len == 0; status++)
    if (strcmp(*status, "down") != 0 && strcmp(*status, "degraded") != 0 &&
        strcmp(*status, "unknown") != 0)
      buf_printf(why, "'%s' is no status of a service that is bad: write down, degraded or unknown",
                 *status);
}

static bool is_repeated(const struct conf *conf, const struct conf_alert *alert) {
  for (const struct conf_alert *other = conf->alerts; other < alert; other++)
    if (other->name && strcmp(other->name, alert->name) == 0)
      return true;
  return false;
}

static void finish(const struct conf *conf, void *entry, struct buf *why) {
  struct conf_alert *alert = entry;
  if (is_repeated(conf, alert)) {
    buf_printf(why, "there is a rule '%s' already: names must differ", alert->name);
    return;
  }
  check_subject(alert, why);
  if (why->len == 0)
    check_limits(alert, why);
  if (why->len == 0)
    check_words(alert, why);
  if (alert->window_ms == 0 && conf_alert_kind(alert) != CONF_ALERT_SERVICES)
    alert->window_ms = DEFAULT_WINDOW_MS;
}

/* --- the whole file --- */

static bool is_rule(const struct conf *conf, const char *name) {
  for (size_t i = 0; i < conf->alert_count; i++)
    if (strcmp(conf->alerts[i].name, name) == 0)
      return true;
  return false;
}

static void check(const struct conf *conf, const void *entry, struct buf *why) {
  const struct conf_alert *alert = entry;
  for (char **name = alert->depends_on; name && *name && why->len == 0; name++)
    if (strcmp(*name, alert->name) == 0)
      buf_put_text(why, "depends on itself: remove that");
    else if (!conf_service_find(conf, slice_of(*name)) && !is_rule(conf, *name))
      buf_printf(why,
                 "depends on '%s', which is none of the services and rules: add it, or correct "
                 "the name",
                 *name);
  for (char **name = alert->channels; name && *name && why->len == 0; name++)
    if (!conf_channel_find(conf, slice_of(*name)))
      buf_printf(why,
                 "names the channel '%s', which is none of the channels: add it, or correct the "
                 "name",
                 *name);
}

const struct conf_list conf__alert_list = {
    CONF_LIST_OF(alerts, alert, alert_rows),
    .finish = finish,
    .check = check,
    .example = "- name: disk_full",
    .doc = "Rules that raise alerts, each about a metric, services, events or log lines. There are "
           "some already (alerting.defaults); one of the same name takes the place of such a rule.",
};

struct conf_alert *conf_alert_copy(const struct conf_alert *alert) {
  return conf__copy_entry(&conf__alert_list, alert);
}

void conf_alert_free(struct conf_alert *alert) {
  conf__free_entry(&conf__alert_list, alert);
}

bool conf_alert_same(const struct conf_alert *a, const struct conf_alert *b) {
  return conf__same_entry(&conf__alert_list, a, b);
}
