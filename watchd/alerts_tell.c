/*
 * One alert from stage to stage: the events, and its row.
 */
#include "watchd/alerts_priv.h"

#include <stdio.h>
#include <string.h>

/* Whether another rule of that name has an alert that fires. */
static bool rule_fires(const struct alerts *alerts, const char *name) {
  for (size_t i = 0; i < alerts->count; i++)
    if (strcmp(alerts->all[i]->rule->conf->name, name) == 0)
      for (const struct alert *alert = alerts->all[i]->first; alert; alert = alert->next)
        if (alert->state.stage == ALERT_FIRING)
          return true;
  return false;
}

/* Sees why the alert is not to be told now. Returns: whether that changed. */
static bool look_quiet(const struct alerts *alerts, struct alert *alert) {
  char why[ALERT_QUIET_BYTES] = "";
  const char *service = alert_label(alert, "service"),
             *down = service ? services_down_dependency(alerts->parts.services, service) : NULL;
  for (char **name = alert->rule->conf->depends_on; name && *name && !down; name++)
    if (services_is_down(alerts->parts.services, *name) || rule_fires(alerts, *name))
      down = *name;
  if (!quiet_match(alerts->quiet, alert->labels, why, sizeof why) && down)
    snprintf(why, sizeof why, "depends on %s", down);
  if (strcmp(why, alert->quiet) == 0)
    return false;
  memcpy(alert->quiet, why, sizeof why);
  return true;
}

static void begin_firing(struct alerts *alerts, struct alert *alert) {
  alert->since_ms = alert->fired_ms = alerts__now_ms(alerts);
  alert->told_ms = 0;
  alert->acknowledged = false;
  (void)look_quiet(alerts, alert);
  outbox_begin(alerts->parts.outbox);
  alert_tell_fired(alert, alerts->parts.outbox);
  alert_put(alert, alerts->parts.outbox);
  outbox_end(alerts->parts.outbox);
}

void alerts__end_firing(struct alerts *alerts, struct alert *alert, const char *reason) {
  int64_t fired_ms = alert->fired_ms;
  alert->since_ms = alert->resolved_ms = alerts__now_ms(alerts);
  alert->state = (struct alert_state){.stage = ALERT_OK};
  outbox_begin(alerts->parts.outbox);
  alert_tell_resolved(alert, alerts->parts.outbox, fired_ms, reason);
  alert->fired_ms = alert->told_ms = 0;
  alert->acknowledged = false;
  alert->quiet[0] = '\0';
  alert_put(alert, alerts->parts.outbox);
  outbox_end(alerts->parts.outbox);
}

void alerts__judge(struct alerts *alerts, struct alert *alert, enum alert_verdict verdict) {
  const struct conf_alert *conf = alert->rule->conf;
  alert->verdict = verdict;
  enum alert_step step =
      alert_judge(&alert->state, verdict, schedule_now_ms(), conf->for_ms, conf->resolve_after_ms);
  alert_describe(alert);
  switch (step) {
  case ALERT_FIRES:
    begin_firing(alerts, alert);
    break;
  case ALERT_RESOLVES:
    alerts__end_firing(alerts, alert, NULL);
    break;
  case ALERT_CHANGES:
    alert->since_ms = alerts__now_ms(alerts);
    alert_put(alert, alerts->parts.outbox);
    break;
  case ALERT_STAYS:
    if (alert->state.stage != ALERT_OK)
      alert_put_value(alert, alerts->parts.outbox);
    break;
  }
}

void alerts__look_after(struct alerts *alerts, struct alert *alert) {
  if (!look_quiet(alerts, alert))
    return;
  alert->since_ms = alerts__now_ms(alerts);
  alert_put(alert, alerts->parts.outbox);
}
