/*
 * The rules are asked, and their alerts follow.
 */
#include "base/log.h"
#include "watchd/alert_measure.h"
#include "watchd/alerts_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ALERTS_MAX      5000
#define ALERTS_RULE_MAX 1000
#define UNSEEN_MS       3600000 /* what is not found for so long, and the window twice, is gone */
#define ASKED_TOLD_MS   60000   /* how often the row of a rule says when it was asked */

/* --- the alerts of a rule ----------------------------------------------------------------------
 */

struct alert *alerts__find(const struct ruling *ruling, struct slice subject) {
  for (struct alert *alert = ruling->first; alert; alert = alert->next)
    if (slice_is(subject, alert->subject))
      return alert;
  return NULL;
}

struct alert *alerts__add(struct ruling *ruling, struct slice subject) {
  struct alerts *alerts = ruling->alerts;
  bool full = ruling->count >= ALERTS_RULE_MAX || alerts->alert_count >= ALERTS_MAX;
  struct alert *alert = full ? NULL : alert_new(ruling->rule, subject);
  if (!alert) {
    if (!ruling->crowded)
      log_warning(
          "the rule %s finds more than there is room for: what is beyond %zu alerts is left "
          "out",
          ruling->rule->conf->name, ruling->count);
    ruling->crowded = true;
    return NULL;
  }
  alert->next = ruling->first;
  ruling->first = alert;
  ruling->count++;
  alerts->alert_count++;
  return alert;
}

void alerts__drop(struct ruling *ruling, struct alert **at) {
  struct alert *alert = *at;
  *at = alert->next;
  ruling->count--;
  ruling->alerts->alert_count--;
  alert_free(alert);
}

void alerts__forget(struct ruling *ruling, struct alert **at, const char *reason) {
  if ((*at)->state.stage == ALERT_FIRING)
    alerts__end_firing(ruling->alerts, *at, reason);
  alert_forget(*at, ruling->alerts->parts.outbox);
  alerts__drop(ruling, at);
}

/* Returns: NULL when there is nothing to say of it, or no room. */
static struct alert *find_or_add(struct ruling *ruling, struct slice subject,
                                 enum alert_verdict verdict) {
  struct alert *alert = alerts__find(ruling, subject);
  if (!alert && verdict == ALERT_BAD)
    alert = alerts__add(ruling, subject);
  if (alert)
    alert->seen_ms = schedule_now_ms();
  return alert;
}

static const char *worst_state(const struct ruling *ruling) {
  static const char *const gravest_last[] = {"ok",       "unknown",      "pending",
                                             "silenced", "acknowledged", "firing"};
  size_t worst = ruling->faults >= ALERTS_FAULTS_MAX;
  for (const struct alert *alert = ruling->first; alert; alert = alert->next)
    for (size_t i = worst + 1; i < sizeof gravest_last / sizeof *gravest_last; i++)
      if (strcmp(alert_state_name(alert), gravest_last[i]) == 0)
        worst = i;
  return gravest_last[worst];
}

void alerts__put_rule(struct ruling *ruling) {
  const char *state = worst_state(ruling);
  int64_t now_ms = alerts__now_ms(ruling->alerts);
  struct buf about;
  if (ruling->state == state &&
      (!ruling->asked_ms || now_ms - ruling->asked_put_ms < ASKED_TOLD_MS))
    return;
  buf_init(&about, 0);
  alert_rule_describe(ruling->rule, &about);
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("rule", slice_of(ruling->rule->conf->name)),
      HISTORY_VALUE_TEXT("about", buf_slice(&about)),
      HISTORY_VALUE_TEXT("severity", slice_of(severity_name((int)ruling->rule->severity))),
      HISTORY_VALUE_TEXT("state", slice_of(state)),
      ruling->asked_ms ? HISTORY_VALUE_INTEGER("asked", ruling->asked_ms)
                       : HISTORY_VALUE_NULL("asked"),
      HISTORY_VALUE_TEXT("message", slice_of(ruling->trouble)),
  };
  if (buf_status(&about) == BELFRY_OK)
    outbox_change(ruling->alerts->parts.outbox, SQL_ALERT_RULE_PUT, values,
                  sizeof values / sizeof *values);
  buf_fini(&about);
  ruling->state = state;
  ruling->asked_put_ms = ruling->asked_ms ? now_ms : 0;
}

/* --- rules about metrics, events and log lines ------------------------------------------------
 */

struct sighting {
  struct ruling *ruling;
  bool any;
};

static void on_found(void *arg, struct slice subject, double value, enum alert_verdict verdict) {
  struct sighting *sighting = arg;
  struct alert *alert = find_or_add(sighting->ruling, subject, verdict);
  sighting->any = true;
  if (!alert)
    return;
  alert->value = value;
  alerts__judge(sighting->ruling->alerts, alert, verdict);
}

/* What was not found since `turn_ms` cannot be told, and is gone at some time. */
static void judge_unseen(struct ruling *ruling, int64_t turn_ms) {
  int64_t gone_ms =
      2 * ruling->rule->conf->window_ms > UNSEEN_MS ? 2 * ruling->rule->conf->window_ms : UNSEEN_MS;
  for (struct alert **at = &ruling->first; *at;) {
    if ((*at)->seen_ms < turn_ms && turn_ms - (*at)->seen_ms > gone_ms) {
      alerts__forget(ruling, at, "there are no figures any more");
      continue;
    }
    if ((*at)->seen_ms < turn_ms) {
      (*at)->value = NAN;
      alerts__judge(ruling->alerts, *at, ALERT_DARK);
    }
    at = &(*at)->next;
  }
}

/* A rule that tells nothing apart has its one alert even when there is nothing to be found. */
static void note_nothing(struct ruling *ruling) {
  bool single = ruling->rule->kind == CONF_ALERT_METRIC && ruling->rule->by_count == 0;
  struct alert *alert = single && !ruling->first ? alerts__add(ruling, slice_of("{}")) : NULL;
  if (alert)
    alerts__judge(ruling->alerts, alert, ALERT_DARK);
}

static void take_trouble(struct ruling *ruling, const struct belfry_error *error) {
  snprintf(ruling->trouble, sizeof ruling->trouble, "%.150s", error->text);
  if (++ruling->faults < ALERTS_FAULTS_MAX)
    return;
  if (ruling->faults == ALERTS_FAULTS_MAX)
    log_warning("the rule %s cannot be asked: %s", ruling->rule->conf->name, ruling->trouble);
  for (struct alert *alert = ruling->first; alert; alert = alert->next)
    alerts__judge(ruling->alerts, alert, ALERT_DARK);
}

void alerts__on_turn(void *arg) {
  struct ruling *ruling = arg;
  struct alerts *alerts = ruling->alerts;
  struct belfry_error error = {0};
  struct sighting sighting = {.ruling = ruling};
  int64_t turn_ms = schedule_now_ms();
  if (!alerts->known)
    return;
  struct history *history = reader_history(alerts->parts.reader, &error);
  int status = history ? alert_measure(ruling->rule, history, alerts__now_ms(alerts), on_found,
                                       &sighting, &error)
                       : error.code;
  ruling->asked_ms = alerts__now_ms(alerts);
  if (status) {
    if (status != BELFRY_ETIMEDOUT && status != BELFRY_ETOOBIG)
      reader_lost(alerts->parts.reader);
    take_trouble(ruling, &error);
  } else {
    ruling->faults = 0;
    ruling->trouble[0] = '\0';
    judge_unseen(ruling, turn_ms);
    if (!sighting.any)
      note_nothing(ruling);
  }
  alerts__put_rule(ruling);
}

/* --- rules about services ----------------------------------------------------------------------
 */

static enum alert_verdict verdict_on(const struct alert_rule *rule, enum service_status status) {
  if (rule->statuses & 1u << status)
    return ALERT_BAD;
  return status == SERVICE_UNKNOWN ? ALERT_DARK : ALERT_GOOD;
}

static void on_service(void *arg, const char *name, enum service_status status,
                       const char *message) {
  struct ruling *ruling = arg;
  bool ours = false;
  for (char **glob = ruling->rule->conf->services; *glob && !ours; glob++)
    ours = slice_glob(slice_of(*glob), slice_of(name));
  if (!ours)
    return;
  char subject[128];
  snprintf(subject, sizeof subject, "{\"service\":\"%s\"}", name); /* a name needs no escapes */
  enum alert_verdict verdict = verdict_on(ruling->rule, status);
  struct alert *alert = find_or_add(ruling, slice_of(subject), verdict);
  if (!alert)
    return;
  alert->status = service_status_name(status);
  snprintf(alert->detail, sizeof alert->detail, "%s", message);
  alerts__judge(ruling->alerts, alert, verdict);
}

void alerts__ask_services(struct ruling *ruling) {
  int64_t turn_ms = schedule_now_ms();
  if (!services_each(ruling->alerts->parts.services, on_service, ruling))
    return;
  for (struct alert **at = &ruling->first; *at;)
    if ((*at)->seen_ms < turn_ms)
      alerts__forget(ruling, at, "it is not watched any more");
    else
      at = &(*at)->next;
  ruling->asked_ms = alerts__now_ms(ruling->alerts);
  alerts__put_rule(ruling);
}
