/*
 * One alert from stage to stage: the events, its row, and whom it is told.
 */
#include "watchd/alerts_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Alerts of a group are told in one message: those of the rule, or with the same values of the
 * labels that it names. */
static void put_group(const struct alert *alert, struct buf *out) {
  char **name = alert->rule->conf->group;
  if (!name)
    buf_put_text(out, alert->rule->conf->name);
  for (const char *between = ""; name && *name; name++, between = ",") {
    const char *value = alert_label(alert, *name);
    buf_printf(out, "%s%s=%s", between, *name, value ? value : "");
  }
}

/* Returns: whether somebody is to be told. */
static bool tell(struct alerts *alerts, struct alert *alert, enum notice_kind kind,
                 int64_t fired_ms) {
  static const char *const kinds[] = {
      [NOTICE_FIRING] = "firing", [NOTICE_REPEAT] = "repeat", [NOTICE_RESOLVED] = "resolved"};
  char id[80];
  struct buf group, labels;
  bool told = false;
  buf_init(&group, 0);
  buf_init(&labels, 0);
  snprintf(id, sizeof id, "%s-%" PRId64 "-%s-%" PRId64, alert->id, fired_ms, kinds[kind],
           kind == NOTICE_REPEAT ? alerts__now_ms(alerts) : 0);
  put_group(alert, &group);
  alert_put_labels(alert, &labels);
  const struct notice notice = {
      .notice_id = slice_of(id),
      .alert_id = slice_of(alert->id),
      .rule = slice_of(alert->rule->conf->name),
      .kind = kind,
      .severity = alert->rule->severity,
      .group = buf_slice(&group),
      .labels = buf_slice(&labels),
      .summary = slice_of(alert->message),
      .value = alert->value,
      .started_ms = fired_ms,
      .ended_ms = kind == NOTICE_RESOLVED ? alert->resolved_ms : 0,
  };
  if (buf_status(&labels) == BELFRY_OK && buf_status(&group) == BELFRY_OK)
    told = notifier_put(alerts->parts.notifier, alert->rule->conf->channels, &notice);
  buf_fini(&group);
  buf_fini(&labels);
  return told;
}

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

static void tell_if_wanted(struct alerts *alerts, struct alert *alert) {
  int64_t now_ms = alerts__now_ms(alerts);
  bool again = alert->told_ms && now_ms - alert->told_ms >= alert->rule->repeat_ms;
  if (alert->quiet[0] || alert->acknowledged || (alert->told_ms && !again))
    return;
  if (tell(alerts, alert, again ? NOTICE_REPEAT : NOTICE_FIRING, alert->fired_ms))
    alert->told_ms = now_ms;
}

static void begin_firing(struct alerts *alerts, struct alert *alert) {
  alert->since_ms = alert->fired_ms = alerts__now_ms(alerts);
  alert->told_ms = 0;
  alert->acknowledged = false;
  (void)look_quiet(alerts, alert);
  outbox_begin(alerts->parts.outbox);
  alert_tell_fired(alert, alerts->parts.outbox);
  tell_if_wanted(alerts, alert);
  alert_put(alert, alerts->parts.outbox);
  outbox_end(alerts->parts.outbox);
}

void alerts__end_firing(struct alerts *alerts, struct alert *alert, const char *reason) {
  int64_t fired_ms = alert->fired_ms;
  alert->since_ms = alert->resolved_ms = alerts__now_ms(alerts);
  alert->state = (struct alert_state){.stage = ALERT_OK};
  outbox_begin(alerts->parts.outbox);
  alert_tell_resolved(alert, alerts->parts.outbox, fired_ms, reason);
  if (alert->told_ms)
    (void)tell(alerts, alert, NOTICE_RESOLVED, fired_ms);
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
  int64_t told_ms = alert->told_ms;
  bool changed = look_quiet(alerts, alert);
  outbox_begin(alerts->parts.outbox);
  tell_if_wanted(alerts, alert);
  if (changed)
    alert->since_ms = alerts__now_ms(alerts);
  if (changed || alert->told_ms != told_ms)
    alert_put(alert, alerts->parts.outbox);
  outbox_end(alerts->parts.outbox);
}
