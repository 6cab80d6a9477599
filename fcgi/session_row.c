#include "fcgi/session_row.h"

#include "base/json.h"

#define TREND_MS_MIN 1000 /* less tells nothing */

/* How fast a figure grows, from far back until the last update. */
static void put_slope(struct state_text *text, const char *key, const struct history_value *then,
                      const struct history_value *now, double minutes) {
  buf_printf(text->out, ",\"%s\":", key);
  if (then->kind == HISTORY_NULL || now->kind == HISTORY_NULL)
    buf_put_text(text->out, "null");
  else
    json_put_number(text->out, (state_number(now) - state_number(then)) / minutes);
}

static void put_trend(struct state_text *text, const struct history_value *values) {
  int64_t span_ms = values[SESSION_UPDATED].integer - values[SESSION_FAR_AT].integer;
  if (span_ms < TREND_MS_MIN) {
    buf_put_text(text->out, ",\"trend\":null");
    return;
  }
  double minutes = (double)span_ms / 60000;
  buf_put_text(text->out, ",\"trend\":{\"window_seconds\":");
  json_put_number(text->out, (double)span_ms / 1000);
  put_slope(text, "tokens_per_minute", &values[SESSION_FAR_TOKENS], &values[SESSION_TOKENS],
            minutes);
  put_slope(text, "context_percentage_per_minute", &values[SESSION_FAR_CONTEXT],
            &values[SESSION_CONTEXT], minutes);
  buf_put_char(text->out, '}');
}

static void put_ages(struct state_text *text, const struct state_now *now,
                     const struct history_value *values) {
  int64_t end_ms =
      values[SESSION_ENDED].kind == HISTORY_NULL ? now->now_ms : values[SESSION_ENDED].integer;
  int64_t age_ms = end_ms - values[SESSION_STARTED].integer;
  int64_t idle_ms = now->now_ms - values[SESSION_UPDATED].integer;
  state_text_clock_starts(text);
  buf_printf(text->out, ",\"age_seconds\":%lld,\"idle_seconds\":%lld",
             (long long)(age_ms > 0 ? age_ms / 1000 : 0),
             (long long)(idle_ms > 0 ? idle_ms / 1000 : 0));
  state_text_clock_ends(text);
}

static void put_command(struct state_text *text, const struct history_value *values) {
  if (values[SESSION_COMMAND].kind == HISTORY_NULL) {
    buf_put_text(text->out, ",\"command\":null");
    return;
  }
  buf_put_text(text->out, ",\"command\":{");
  state_put_text(text, "event_id", &values[SESSION_COMMAND]);
  state_put_text(text, "reason", &values[SESSION_REASON]);
  state_put_time(text, "pending_since", &values[SESSION_TERMINATING]);
  buf_put_char(text->out, '}');
}

void session_row_put(struct state_text *text, const struct state_now *now,
                     const struct history_value *values) {
  buf_put_char(text->out, '{');
  state_put_text(text, "session_id", &values[SESSION_ID]);
  state_put_text(text, "agent", &values[SESSION_AGENT]);
  state_put_text(text, "source", &values[SESSION_SOURCE]);
  state_put_text(text, "state", &values[SESSION_STATE]);
  state_put_number(text, "token_usage", &values[SESSION_TOKENS]);
  state_put_number(text, "context_percentage", &values[SESSION_CONTEXT]);
  put_trend(text, values);
  state_put_time(text, "started", &values[SESSION_STARTED]);
  state_put_time(text, "updated", &values[SESSION_UPDATED]);
  state_put_time(text, "ended", &values[SESSION_ENDED]);
  put_ages(text, now, values);
  state_put_number(text, "updates", &values[SESSION_UPDATES]);
  put_command(text, values);
  buf_put_char(text->out, '}');
}

static struct history_value text_or_null(const char *name, struct slice text) {
  return text.data ? HISTORY_VALUE_TEXT(name, text) : HISTORY_VALUE_NULL(name);
}

int sessions_read(struct history *history, const struct session_query *query, history_row_fn on_row,
                  void *arg, struct belfry_error *error) {
  const struct history_value params[] = {
      HISTORY_VALUE_INTEGER("stale_before", query->stale_before),
      HISTORY_VALUE_INTEGER("recent", query->recent),
      text_or_null("id", query->id),
      text_or_null("agent", query->agent),
      HISTORY_VALUE_NULL("source"),
      HISTORY_VALUE_NULL("state"),
      query->open ? HISTORY_VALUE_INTEGER("ended", 0) : HISTORY_VALUE_NULL("ended"),
      HISTORY_VALUE_NULL("after_key"),
      HISTORY_VALUE_NULL("after_id"),
      HISTORY_VALUE_INTEGER("limit", query->limit),
  };
  return history_read(history, SQL_SESSIONS_PAGE, params, sizeof params / sizeof *params, on_row,
                      arg, error);
}
