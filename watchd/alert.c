#include "watchd/alert.h"

#include "base/json.h"
#include "base/log.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- making ------------------------------------------------------------------------------------
 */

/* FNV-1a, 64 bits, over the rule's name, a NUL and the subject. */
static void make_id(struct alert *alert) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  const char *texts[] = {alert->rule->conf->name, alert->subject};
  for (size_t i = 0; i < 2; i++)
    for (size_t k = 0; k <= strlen(texts[i]); k++)
      hash = (hash ^ (unsigned char)texts[i][k]) * UINT64_C(0x100000001b3);
  snprintf(alert->id, sizeof alert->id, "%016" PRIx64, hash);
}

/* The subject's, then the rule's own, then those that each has. */
static int make_labels(struct alert *alert) {
  int failed = 0;
  for (char **pair = alert->rule->conf->labels; pair && *pair; pair++) {
    const char *sign = strchr(*pair, '=');
    char name[257];
    snprintf(name, sizeof name, "%.*s", (int)(sign - *pair), *pair);
    failed |= json_object_set_new(alert->labels, name, json_string(sign + 1));
  }
  failed |= json_object_set_new(alert->labels, "alertname", json_string(alert->rule->conf->name));
  failed |= json_object_set_new(alert->labels, "severity",
                                json_string(severity_name((int)alert->rule->severity)));
  return failed;
}

struct alert *alert_new(const struct alert_rule *rule, struct slice subject) {
  struct alert *alert = calloc(1, sizeof *alert);
  if (!alert)
    return NULL;
  alert->rule = rule;
  alert->value = alert->value_told = NAN;
  alert->subject = strndup(subject.data, subject.len);
  alert->labels = json_loadb(subject.data, subject.len, 0, NULL);
  if (!alert->subject || !json_is_object(alert->labels) || make_labels(alert)) {
    alert_free(alert);
    return NULL;
  }
  make_id(alert);
  return alert;
}

void alert_free(struct alert *alert) {
  if (!alert)
    return;
  json_decref(alert->labels);
  free(alert->subject);
  free(alert);
}

const char *alert_label(const struct alert *alert, const char *name) {
  return json_string_value(json_object_get(alert->labels, name));
}

/* --- words -------------------------------------------------------------------------------------
 */

/* Puts what stands for a name in braces. Returns: false when it stands for nothing. */
static bool put_named(const struct alert *alert, struct slice name, struct buf *out) {
  char key[65];
  snprintf(key, sizeof key, "%.*s", SLICE_ARG(name));
  const char *label = alert_label(alert, key);
  if (label)
    buf_put_text(out, label);
  else if (strcmp(key, "value") == 0 && isnan(alert->value))
    buf_put_text(out, "unknown");
  else if (strcmp(key, "value") == 0)
    buf_printf(out, "%.6g", alert->value);
  else if (strcmp(key, "message") == 0)
    buf_put_text(out, alert->detail);
  else if (strcmp(key, "status") == 0 && alert->status)
    buf_put_text(out, alert->status);
  else
    return false;
  return true;
}

static void put_summary(const struct alert *alert, const char *summary, struct buf *out) {
  while (*summary) {
    const char *end = *summary == '{' ? strchr(summary, '}') : NULL;
    if (end && put_named(alert, slice_new(summary + 1, (size_t)(end - summary - 1)), out))
      summary = end + 1;
    else
      buf_put_char(out, *summary++);
  }
}

static void put_subject(const struct alert *alert, struct buf *out) {
  json_t *subject = json_loads(alert->subject, 0, NULL), *value;
  const char *name, *between = " of ";
  json_object_foreach(subject, name, value) {
    buf_printf(out, "%s%s=%s", between, name, json_string_value(value));
    between = ", ";
  }
  json_decref(subject);
}

/* Without a summary of its own: how the service is, or what the rule asks, of whom, and the figure.
 */
static void put_plain(const struct alert *alert, struct buf *out) {
  if (alert->status) {
    buf_printf(out, "%s is %s%s%s", alert_label(alert, "service"), alert->status,
               alert->detail[0] ? ": " : "", alert->detail);
    return;
  }
  alert_rule_describe(alert->rule, out);
  put_subject(alert, out);
  if (!isnan(alert->value))
    buf_printf(out, ": %.6g", alert->value);
}

void alert_describe(struct alert *alert) {
  struct buf text;
  buf_init(&text, 0);
  if (alert->rule->conf->summary)
    put_summary(alert, alert->rule->conf->summary, &text);
  else
    put_plain(alert, &text);
  if (buf_status(&text) == BELFRY_OK) {
    size_t len = text.len < sizeof alert->message - 1 ? text.len : sizeof alert->message - 1;
    len = utf8_valid_prefix(slice_new(text.data, len));
    memcpy(alert->message, text.data, len);
    alert->message[len] = '\0';
  }
  buf_fini(&text);
}

const char *alert_state_name(const struct alert *alert) {
  switch (alert->state.stage) {
  case ALERT_OK:
    return "ok";
  case ALERT_UNKNOWN:
    return "unknown";
  case ALERT_PENDING:
    return "pending";
  case ALERT_FIRING:
    break;
  }
  return alert->acknowledged ? "acknowledged" : alert->quiet[0] ? "silenced" : "firing";
}

/* --- telling the history -----------------------------------------------------------------------
 */

void alert_put_labels(const struct alert *alert, struct buf *out) {
  char *text = json_dumps(alert->labels, JSON_COMPACT | JSON_SORT_KEYS);
  if (text)
    buf_put_text(out, text);
  else
    out->status = BELFRY_ENOMEM;
  free(text);
}

/* The members that both events have; leaves the object open. */
static void put_event_head(const struct alert *alert, struct buf *data) {
  buf_printf(data, "{\"alert_id\":\"%s\",\"rule\":", alert->id);
  json_put_string(data, slice_of(alert->rule->conf->name));
  buf_printf(data, ",\"severity\":\"%s\",\"message\":", severity_name((int)alert->rule->severity));
  json_put_string(data, slice_of(alert->message));
  buf_put_text(data, ",\"labels\":");
  alert_put_labels(alert, data);
  if (!isnan(alert->value)) {
    buf_put_text(data, ",\"value\":");
    json_put_measure(data, alert->value);
  }
  if (alert_label(alert, "service")) {
    buf_put_text(data, ",\"service\":");
    json_put_string(data, slice_of(alert_label(alert, "service")));
  }
}

static void send_event(struct outbox *outbox, const char *type, enum severity severity,
                       int64_t at_ms, struct buf *data) {
  const struct event event = {.timestamp_ms = at_ms,
                              .severity = (int)severity,
                              .type = slice_of(type),
                              .source = slice_of("watchd"),
                              .data = buf_slice(data)};
  if (buf_status(data) == BELFRY_OK)
    outbox_event(outbox, &event);
}

void alert_tell_fired(const struct alert *alert, struct outbox *outbox) {
  struct buf data;
  buf_init(&data, 0);
  put_event_head(alert, &data);
  if (alert->quiet[0]) {
    buf_put_text(&data, ",\"silenced\":");
    json_put_string(&data, slice_of(alert->quiet));
  }
  buf_put_char(&data, '}');
  log_notice("the alert %s fires: %s", alert->rule->conf->name, alert->message);
  send_event(outbox, "alert_fired", alert->rule->severity, alert->fired_ms, &data);
  buf_fini(&data);
}

void alert_tell_resolved(const struct alert *alert, struct outbox *outbox, int64_t fired_ms,
                         const char *reason) {
  struct buf data;
  buf_init(&data, 0);
  put_event_head(alert, &data);
  buf_printf(&data, ",\"duration_ms\":%" PRId64, alert->resolved_ms - fired_ms);
  if (reason) {
    buf_put_text(&data, ",\"reason\":");
    json_put_string(&data, slice_of(reason));
  }
  buf_put_char(&data, '}');
  log_notice("the alert %s is over: %s", alert->rule->conf->name, alert->message);
  send_event(outbox, "alert_resolved", SEVERITY_SUCCESS, alert->resolved_ms, &data);
  buf_fini(&data);
}

static struct history_value time_or_null(const char *name, int64_t ms) {
  return ms ? HISTORY_VALUE_INTEGER(name, ms) : HISTORY_VALUE_NULL(name);
}

static struct history_value figure_or_null(const char *name, double value) {
  return isnan(value) ? HISTORY_VALUE_NULL(name) : HISTORY_VALUE_REAL(name, value);
}

void alert_put(struct alert *alert, struct outbox *outbox) {
  struct buf labels;
  buf_init(&labels, 0);
  alert_put_labels(alert, &labels);
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("alert_id", slice_of(alert->id)),
      HISTORY_VALUE_TEXT("rule", slice_of(alert->rule->conf->name)),
      HISTORY_VALUE_TEXT("severity", slice_of(severity_name((int)alert->rule->severity))),
      HISTORY_VALUE_TEXT("labels", buf_slice(&labels)),
      HISTORY_VALUE_TEXT("subject", slice_of(alert->subject)),
      HISTORY_VALUE_TEXT("state", slice_of(alert_state_name(alert))),
      HISTORY_VALUE_INTEGER("since", alert->since_ms),
      HISTORY_VALUE_TEXT("message", slice_of(alert->message)),
      figure_or_null("value", alert->value),
      time_or_null("fired", alert->fired_ms),
      time_or_null("resolved", alert->resolved_ms),
      HISTORY_VALUE_TEXT("quiet", slice_of(alert->quiet)),
      time_or_null("told", alert->told_ms),
  };
  if (buf_status(&labels) == BELFRY_OK)
    outbox_change(outbox, SQL_ALERT_PUT, values, sizeof values / sizeof *values);
  alert->value_told = alert->value;
  buf_fini(&labels);
}

void alert_put_value(struct alert *alert, struct outbox *outbox) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("alert_id", slice_of(alert->id)),
      figure_or_null("value", alert->value),
      HISTORY_VALUE_TEXT("message", slice_of(alert->message)),
  };
  if (alert->value == alert->value_told || (isnan(alert->value) && isnan(alert->value_told)))
    return;
  outbox_note(outbox, SQL_ALERT_MEASURED, values, sizeof values / sizeof *values);
  alert->value_told = alert->value;
}

void alert_forget(const struct alert *alert, struct outbox *outbox) {
  const struct history_value values[] = {HISTORY_VALUE_TEXT("alert_id", slice_of(alert->id))};
  outbox_change(outbox, SQL_ALERT_FORGET, values, 1);
}
