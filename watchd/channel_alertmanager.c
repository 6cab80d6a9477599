/*
 * The channel `alertmanager`: a POST of JSON in the shape of the webhooks of Prometheus'
 * Alertmanager, version 4
 * (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
 */
#include "watchd/delivery.h"

#include "base/json.h"

#include <stdlib.h>

static json_t *labels_of(const struct message_alert *alert) {
  struct slice text = alert->notice.labels;
  json_t *labels = json_loadb(text.data, text.len, 0, NULL);
  if (json_is_object(labels))
    return labels;
  json_decref(labels);
  return json_object();
}

/* Takes out of `common` what the alert has not, or otherwise. */
static void keep_common(json_t *common, const struct message_alert *alert) {
  json_t *labels = labels_of(alert), *value;
  const char *name;
  void *next;
  json_object_foreach_safe(common, next, name, value) {
    if (!json_equal(value, json_object_get(labels, name)))
      json_object_del(common, name);
  }
  json_decref(labels);
}

static void put_common(const struct message *message, struct buf *out) {
  json_t *common = labels_of(&message->alerts[0]);
  for (size_t i = 1; i < message->count; i++)
    keep_common(common, &message->alerts[i]);
  char *text = json_dumps(common, JSON_COMPACT | JSON_SORT_KEYS);
  buf_put_text(out, text ? text : "{}");
  free(text);
  json_decref(common);
}

static void put_alert(const struct message_alert *alert, struct buf *out) {
  const struct notice *notice = &alert->notice;
  buf_printf(out, "{\"status\":\"%s\",\"labels\":", message_alert_status(alert));
  message_put_labels(notice, out);
  buf_put_text(out, ",\"annotations\":{\"summary\":");
  json_put_string(out, notice->summary);
  buf_put_text(out, "},\"startsAt\":");
  message_put_time(out, notice->started_ms);
  buf_put_text(out, ",\"endsAt\":");
  if (notice->kind == NOTICE_RESOLVED)
    message_put_time(out, notice->ended_ms);
  else
    buf_put_text(out, "\"0001-01-01T00:00:00Z\""); /* as Go writes no time */
  buf_put_text(out, ",\"generatorURL\":\"\",\"fingerprint\":");
  json_put_string(out, notice->alert_id);
  buf_put_char(out, '}');
}

static void put_body(const struct message *message, struct buf *out) {
  buf_put_text(out, "{\"version\":\"4\",\"groupKey\":");
  json_put_string(out, message->group);
  buf_printf(out,
             ",\"truncatedAlerts\":0,\"status\":\"%s\",\"receiver\":", message_status(message));
  json_put_string(out, slice_of(message->channel));
  buf_put_text(out, ",\"groupLabels\":{},\"commonLabels\":");
  put_common(message, out);
  buf_put_text(out, ",\"commonAnnotations\":{},\"externalURL\":\"\",\"alerts\":[");
  for (size_t i = 0; i < message->count; i++) {
    buf_put_text(out, i ? "," : "");
    put_alert(&message->alerts[i], out);
  }
  buf_put_text(out, "]}");
}

static int alertmanager_send(struct delivery *delivery, struct belfry_error *error) {
  put_body(delivery->message, &delivery->body);
  return delivery_post(delivery, delivery->url, error);
}

const struct channel_type channel_alertmanager = {alertmanager_send, NULL};
