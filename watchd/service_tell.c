#include "watchd/service_tell.h"

#include "base/json.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

void service_teller_init(struct service_teller *teller, struct outbox *outbox, struct mask *mask) {
  teller->mask = mask;
  teller->outbox = outbox;
  buf_init(&teller->data, 4096);
}

void service_teller_fini(struct service_teller *teller) {
  buf_fini(&teller->data);
}

void service_tell_watched(struct service_teller *teller, const char *name, int64_t now_ms) {
  const struct history_value values[] = {HISTORY_VALUE_TEXT("name", slice_of(name)),
                                         HISTORY_VALUE_INTEGER("last_change", now_ms)};
  outbox_change(teller->outbox, SQL_SERVICE_WATCH, values, 2);
}

void service_tell_forgotten(struct service_teller *teller, struct slice name) {
  const struct history_value values[] = {HISTORY_VALUE_TEXT("name", name)};
  outbox_change(teller->outbox, SQL_SERVICE_FORGET, values, 1);
}

void service_describe(struct service_teller *teller, const struct service_state *state,
                      const struct probe_result *result, char out[static SERVICE_MESSAGE_BYTES]) {
  size_t size = sizeof result->message;
  char said[sizeof result->message];
  buf_clear(&teller->data);
  mask_put(teller->mask, slice_of(result->message), NULL, &teller->data);
  snprintf(said, size, "%.*s", (int)teller->data.len, teller->data.data ? teller->data.data : "");
  if (state->flapping)
    snprintf(out, size, "flapping, %d changes in %d checks; at last: %.160s",
             service_changes(state), SERVICE_FLAP_CHECKS, said);
  else if (state->status == SERVICE_DEGRADED && result->outcome == PROBE_SUCCESS)
    snprintf(out, size, "slow, %.0f ms: %.160s", result->latency_ms, said);
  else
    memcpy(out, said, size);
}

void service_tell_change(struct service_teller *teller, const char *name,
                         const struct service_state *state, enum service_status previous,
                         const struct probe_result *result, const char *message, int64_t at_ms) {
  struct buf *data = &teller->data;
  buf_clear(data);
  buf_put_text(data, "{\"service\":");
  json_put_string(data, slice_of(name));
  buf_printf(data, ",\"status\":\"%s\",\"previous\":\"%s\",\"message\":",
             service_status_name(state->status), service_status_name(previous));
  json_put_string(data, slice_of(message));
  if (result->latency_ms >= 0) {
    buf_put_text(data, ",\"latency_ms\":");
    json_put_number(data, result->latency_ms);
  }
  buf_put_char(data, '}');
  log_notice("%s is %s (was %s): %s", name, service_status_name(state->status),
             service_status_name(previous), message);
  const struct event event = {.timestamp_ms = at_ms,
                              .severity = (int)service_status_severity(state->status),
                              .type = slice_of("health_changed"),
                              .source = slice_of("watchd"),
                              .data = buf_slice(data)};
  if (buf_status(data) == BELFRY_OK)
    outbox_event(teller->outbox, &event);
}

static void put_sample(struct service_teller *teller, const char *name,
                       const struct probe_figure *figure, int64_t now_ms) {
  struct label labels[] = {
      {slice_of("service"), slice_of(name)},
      {slice_of(figure->label_key ? figure->label_key : ""), slice_of(figure->label)}};
  const struct sample sample = {
      .metric = slice_of(figure->metric), .timestamp_ms = now_ms, .value = figure->value};
  outbox_labelled(teller->outbox, &sample, labels, figure->label_key ? 2 : 1);
}

void service_tell_check(struct service_teller *teller, const char *name,
                        const struct probe_result *result, const char *message, int64_t now_ms) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("name", slice_of(name)),
      result->latency_ms >= 0 ? HISTORY_VALUE_REAL("latency_ms", result->latency_ms)
                              : HISTORY_VALUE_NULL("latency_ms"),
      HISTORY_VALUE_INTEGER("last_check", now_ms),
      HISTORY_VALUE_TEXT("message", slice_of(message)),
  };
  outbox_note(teller->outbox, SQL_SERVICE_CHECKED, values, sizeof values / sizeof *values);
  const struct probe_figure up = {.metric = "service_up",
                                  .value = result->outcome != PROBE_FAILURE};
  const struct probe_figure latency = {.metric = "service_latency_ms", .value = result->latency_ms};
  if (result->outcome != PROBE_FAULT)
    put_sample(teller, name, &up, now_ms);
  if (result->latency_ms >= 0)
    put_sample(teller, name, &latency, now_ms);
  for (size_t i = 0; i < result->figure_count; i++)
    put_sample(teller, name, &result->figures[i], now_ms);
}
