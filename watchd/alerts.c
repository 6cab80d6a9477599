#include "watchd/alerts.h"

#include "watchd/alerts_priv.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS      1000
#define OVER_KEPT_MS 86400000 /* an alert that is over is shown so long */

/* --- each second -------------------------------------------------------------------------------
 */

static void look_after(struct ruling *ruling) {
  struct alerts *alerts = ruling->alerts;
  int64_t now_ms = alerts__now_ms(alerts);
  for (struct alert **at = &ruling->first; *at;) {
    struct alert *alert = *at;
    if (alert->state.stage == ALERT_OK && now_ms - alert->since_ms > OVER_KEPT_MS) {
      alerts__forget(ruling, at, NULL);
      continue;
    }
    at = &alert->next;
    if (alert->state.stage == ALERT_FIRING)
      alerts__look_after(alerts, alert);
  }
}

static void alerts_on_tick(void *arg) {
  struct alerts *alerts = arg;
  if (!alerts->known && alerts__restore(alerts))
    return;
  alerts->known = true;
  alerts__read_people(alerts);
  quiet_look(alerts->quiet, alerts__now_ms(alerts));
  for (size_t i = 0; i < alerts->count; i++) {
    if (alerts->all[i]->rule->kind == CONF_ALERT_SERVICES)
      alerts__ask_services(alerts->all[i]);
    look_after(alerts->all[i]);
    alerts__put_rule(alerts->all[i]);
  }
}

/* --- configuration -----------------------------------------------------------------------------
 */

static void free_ruling(struct ruling *ruling) {
  if (!ruling)
    return;
  schedule_task_stop(&ruling->task);
  while (ruling->first)
    alerts__drop(ruling, &ruling->first);
  alert_rule_free(ruling->rule);
  free(ruling);
}

static void free_rulings(struct ruling **all, size_t count) {
  for (size_t i = 0; i < count; i++)
    free_ruling(all[i]);
  free(all);
}

struct making {
  struct alerts *alerts;
  const struct conf *conf;
  struct ruling **all;
  size_t count;
  struct belfry_error *error;
};

static int make_ruling(void *arg, const struct conf_alert *conf) {
  struct making *making = arg;
  struct ruling *ruling;
  if (alerts__find_ruling(making->all, making->count, slice_of(conf->name)))
    return BELFRY_OK; /* the configuration has one of that name */
  struct ruling **more = reallocarray(making->all, making->count + 1, sizeof *more);
  if (more)
    making->all = more;
  if (!more || !(ruling = calloc(1, sizeof *ruling)))
    return belfry_error_set(making->error, BELFRY_ENOMEM, "out of memory");
  ruling->alerts = making->alerts;
  schedule_task_init(&ruling->task, making->alerts->parts.schedule, alerts__on_turn, ruling);
  int status = alert_rule_new(conf, making->conf->alerting_repeat_ms, &ruling->rule, making->error);
  if (status)
    free(ruling);
  else
    making->all[making->count++] = ruling;
  return status;
}

static int make_all(struct making *making) {
  int status = BELFRY_OK;
  const struct conf *conf = making->conf;
  for (size_t i = 0; i < conf->alert_count && !status && conf->watch_enabled; i++)
    status = make_ruling(making, &conf->alerts[i]);
  if (!status && conf->alerting_defaults && conf->watch_enabled)
    status = alert_rule_defaults(conf, make_ruling, making);
  return status;
}

/* Gives the alerts of a rule to the one that takes its place. */
static void move_alerts(struct ruling *from, struct ruling *to) {
  for (struct alert *alert = from->first; alert; alert = alert->next) {
    struct alert *moved = alerts__add(to, slice_of(alert->subject));
    if (!moved)
      continue;
    moved->state = alert->state;
    moved->verdict = alert->verdict;
    moved->seen_ms = alert->seen_ms;
    moved->since_ms = alert->since_ms;
    moved->fired_ms = alert->fired_ms;
    moved->resolved_ms = alert->resolved_ms;
    moved->told_ms = alert->told_ms;
    moved->acknowledged = alert->acknowledged;
    moved->value = alert->value;
    memcpy(moved->message, alert->message, sizeof moved->message);
    memcpy(moved->quiet, alert->quiet, sizeof moved->quiet);
  }
}

static void end_ruling(struct ruling *ruling) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("rule", slice_of(ruling->rule->conf->name))};
  while (ruling->first)
    alerts__forget(ruling, &ruling->first, RULE_GONE);
  outbox_change(ruling->alerts->parts.outbox, SQL_ALERT_RULE_FORGET, values, 1);
}

static void take_place_of(struct alerts *alerts, struct ruling **old, size_t old_count) {
  for (size_t i = 0; i < old_count; i++) {
    struct ruling *heir =
        alerts__find_ruling(alerts->all, alerts->count, slice_of(old[i]->rule->conf->name));
    if (heir)
      move_alerts(old[i], heir);
    else if (alerts->known)
      end_ruling(old[i]);
  }
}

int alerts_configure(struct alerts *alerts, const struct conf *conf, struct belfry_error *error) {
  struct making making = {.alerts = alerts, .conf = conf, .error = error};
  int status = make_all(&making);
  if (!status && (status = quiet_configure(alerts->quiet, conf)))
    belfry_error_set(error, status, "out of memory");
  if (status) {
    free_rulings(making.all, making.count);
    return status;
  }
  struct ruling **old = alerts->all;
  size_t old_count = alerts->count;
  alerts->all = making.all;
  alerts->count = making.count;
  take_place_of(alerts, old, old_count);
  free_rulings(old, old_count);
  for (size_t i = 0; i < alerts->count; i++)
    if (alerts->all[i]->rule->kind != CONF_ALERT_SERVICES)
      schedule_task_start(&alerts->all[i]->task,
                          schedule_first_ms(i, alerts->count, conf->alerting_interval_ms),
                          conf->alerting_interval_ms);
  if (!schedule_task_runs(&alerts->tick))
    schedule_task_start(&alerts->tick, 0, TICK_MS);
  return BELFRY_OK;
}

int alerts_new(const struct alerts_parts *parts, struct alerts **out) {
  struct alerts *alerts = calloc(1, sizeof *alerts);
  if (!alerts || quiet_new(&alerts->quiet)) {
    free(alerts);
    return BELFRY_ENOMEM;
  }
  alerts->parts = *parts;
  schedule_task_init(&alerts->tick, parts->schedule, alerts_on_tick, alerts);
  *out = alerts;
  return BELFRY_OK;
}

void alerts_free(struct alerts *alerts) {
  if (!alerts)
    return;
  schedule_task_stop(&alerts->tick);
  free_rulings(alerts->all, alerts->count);
  quiet_free(alerts->quiet);
  free(alerts);
}
