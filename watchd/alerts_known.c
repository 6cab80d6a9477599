/*
 * What the history knows of alerts: those of before a restart, and what people have said of them.
 */
#include "watchd/alerts_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct ruling *alerts__find_ruling(struct ruling *const *all, size_t count, struct slice name) {
  for (size_t i = 0; i < count; i++)
    if (slice_is(name, all[i]->rule->conf->name))
      return all[i];
  return NULL;
}

static void forget_row(struct alerts *alerts, struct slice alert_id) {
  const struct history_value values[] = {HISTORY_VALUE_TEXT("alert_id", alert_id)};
  outbox_change(alerts->parts.outbox, SQL_ALERT_FORGET, values, 1);
}

static int64_t time_of(const struct history_value *value) {
  return value->kind == HISTORY_INTEGER ? value->integer : 0;
}

static void restore(struct alerts *alerts, struct alert *alert,
                    const struct history_value *values) {
  struct slice state = values[4].text;
  int64_t now_ms = schedule_now_ms(), age_ms = alerts__now_ms(alerts) - values[5].integer;
  alert->since_ms = values[5].integer;
  alert->fired_ms = time_of(&values[6]);
  alert->resolved_ms = time_of(&values[7]);
  alert->told_ms = time_of(&values[9]);
  alert->acknowledged = values[10].kind == HISTORY_INTEGER;
  alert->seen_ms = now_ms;
  alert->value = values[11].kind == HISTORY_REAL      ? values[11].real
                 : values[11].kind == HISTORY_INTEGER ? (double)values[11].integer
                                                      : NAN;
  snprintf(alert->quiet, sizeof alert->quiet, "%.*s", SLICE_ARG(values[8].text));
  snprintf(alert->message, sizeof alert->message, "%.*s", SLICE_ARG(values[12].text));
  if (alert->fired_ms)
    alert->state.stage = ALERT_FIRING;
  else if (slice_is(state, "pending")) /* it has been so while nobody looked, or will be good */
    alert->state = (struct alert_state){ALERT_PENDING, age_ms > 0 ? now_ms - age_ms : now_ms};
  else
    alert->state.stage = slice_is(state, "unknown") ? ALERT_UNKNOWN : ALERT_OK;
}

/* An alert of a rule that went while nobody watched. If it fired it is over, which those are told
 * who are told of all rules: whom the rule named is not known any more. */
static void end_orphan(struct alerts *alerts, const struct history_value *values) {
  char name[65], all[] = "*";
  struct belfry_error error = {0};
  struct alert_rule *rule = NULL;
  const struct conf_alert conf = {.name = name, .logs = all};
  snprintf(name, sizeof name, "%.*s", SLICE_ARG(values[1].text));
  struct alert *alert =
      alert_rule_new(&conf, 0, &rule, &error) == BELFRY_OK ? alert_new(rule, values[3].text) : NULL;
  if (alert) {
    restore(alerts, alert, values);
    alerts__end_firing(alerts, alert, RULE_GONE);
  }
  alert_free(alert);
  alert_rule_free(rule);
}

/* Columns of `alerts`: alert_id, rule, labels, subject, state, since, fired, resolved, quiet, told,
 * acknowledged, value, message. */
static int on_known_alert(void *arg, const struct history_value *values, size_t count) {
  struct alerts *alerts = arg;
  if (count != 13)
    return BELFRY_ECORRUPT;
  struct ruling *ruling = alerts__find_ruling(alerts->all, alerts->count, values[1].text);
  if (!ruling) {
    if (values[6].kind == HISTORY_INTEGER)
      end_orphan(alerts, values);
    forget_row(alerts, values[0].text);
    return 0;
  }
  if (alerts__find(ruling, values[3].text))
    return 0;
  struct alert *alert = alerts__add(ruling, values[3].text);
  if (!alert || !slice_is(values[0].text, alert->id))
    forget_row(alerts, values[0].text);
  if (alert)
    restore(alerts, alert, values);
  return 0;
}

/* Columns: rule, ... */
static int on_known_rule(void *arg, const struct history_value *values, size_t count) {
  struct alerts *alerts = arg;
  if (count < 1)
    return BELFRY_ECORRUPT;
  if (!alerts__find_ruling(alerts->all, alerts->count, values[0].text)) {
    const struct history_value params[] = {HISTORY_VALUE_TEXT("rule", values[0].text)};
    outbox_change(alerts->parts.outbox, SQL_ALERT_RULE_FORGET, params, 1);
  }
  return 0;
}

int alerts__restore(struct alerts *alerts) {
  int status = reader_read(alerts->parts.reader, SQL_ALERT_RULES, on_known_rule, alerts);
  return status ? status : reader_read(alerts->parts.reader, SQL_ALERTS, on_known_alert, alerts);
}

/* --- acknowledgements and silences -------------------------------------------------------------
 */

/* Columns: alert_id, fired. */
static int on_acknowledged(void *arg, const struct history_value *values, size_t count) {
  struct alerts *alerts = arg;
  if (count != 2)
    return BELFRY_ECORRUPT;
  for (size_t i = 0; i < alerts->count; i++)
    for (struct alert *alert = alerts->all[i]->first; alert; alert = alert->next)
      if (slice_is(values[0].text, alert->id) && alert->fired_ms == time_of(&values[1]))
        alert->acknowledged = true;
  return 0;
}

void alerts__read_people(struct alerts *alerts) {
  struct belfry_error error = {0};
  struct history *history = reader_history(alerts->parts.reader, &error);
  uint64_t version = history ? history_version(history) : 0;
  if (!history || (version && version == alerts->version))
    return;
  int status = quiet_read(alerts->quiet, history, alerts__now_ms(alerts), &error);
  if (!status)
    status =
        history_read(history, SQL_ALERTS_ACKNOWLEDGED, NULL, 0, on_acknowledged, alerts, &error);
  if (status)
    reader_lost(alerts->parts.reader);
  alerts->version = status ? 0 : version;
}
