/* /api/alerts: alerts as they stand, the rules behind them, and acknowledging one. */
#include "fcgi/api.h"

#include "fcgi/state_answer.h"
#include "fcgi/state_list.h"

#include <stdio.h>

#define NO_ALERT "there is no alert of this id"
#define STATES   "ok|pending|firing|acknowledged|silenced|unknown"

enum { QUERY_STATE = STATE_LIST_PARAMS, QUERY_RULE };

const struct field api_alerts_query[] = {
    STATE_LIST_FIELDS,
    [QUERY_STATE] = {"state", FIELD_CHOICE, .choices = STATES "|active",
                     .summary = "those in this state; active: all that are not ok"},
    [QUERY_RULE] = {"rule", FIELD_TEXT, .max = 64, .summary = "those of this rule"},
    {0},
};

enum { FIELD_COMMENT };

const struct field api_alerts_ack_fields[] = {
    [FIELD_COMMENT] = {"comment", FIELD_TEXT, .max = 500, .summary = "for the others"},
    {0},
};

/* The columns of alerts_page and alert_get. */
enum {
  ALERT_ID,
  ALERT_RULE,
  ALERT_SEVERITY,
  ALERT_LABELS,
  ALERT_SUBJECT,
  ALERT_STATE,
  ALERT_SINCE,
  ALERT_MESSAGE,
  ALERT_VALUE,
  ALERT_FIRED,
  ALERT_RESOLVED,
  ALERT_QUIET,
  ALERT_TOLD,
  ALERT_ACKNOWLEDGED,
  ALERT_ACKNOWLEDGED_BY,
  ALERT_ACKNOWLEDGED_COMMENT,
  ALERT_KEY,
  ALERT_COLUMNS
};

/* --- the list ----------------------------------------------------------------------------------
 */

static void put_acknowledged(struct state_text *text, const struct history_value *values) {
  if (values[ALERT_ACKNOWLEDGED].kind == HISTORY_NULL) {
    buf_put_text(text->out, ",\"acknowledged\":null");
    return;
  }
  buf_put_text(text->out, ",\"acknowledged\":{");
  state_put_time(text, "at", &values[ALERT_ACKNOWLEDGED]);
  state_put_text(text, "by", &values[ALERT_ACKNOWLEDGED_BY]);
  state_put_text(text, "comment", &values[ALERT_ACKNOWLEDGED_COMMENT]);
  buf_put_char(text->out, '}');
}

static void put_row(struct state_text *text, const struct state_now *now,
                    const struct history_value *values) {
  (void)now;
  buf_put_char(text->out, '{');
  state_put_text(text, "id", &values[ALERT_ID]);
  state_put_text(text, "rule", &values[ALERT_RULE]);
  state_put_text(text, "severity", &values[ALERT_SEVERITY]);
  buf_put_text(text->out, ",\"labels\":");
  buf_put_slice(text->out, values[ALERT_LABELS].text); /* JSON already */
  state_put_text(text, "state", &values[ALERT_STATE]);
  state_put_time(text, "since", &values[ALERT_SINCE]);
  state_put_text(text, "message", &values[ALERT_MESSAGE]);
  state_put_number(text, "value", &values[ALERT_VALUE]);
  state_put_time(text, "fired", &values[ALERT_FIRED]);
  state_put_time(text, "resolved", &values[ALERT_RESOLVED]);
  state_put_text(text, "silenced_by", &values[ALERT_QUIET]);
  state_put_time(text, "notified", &values[ALERT_TOLD]);
  put_acknowledged(text, values);
  buf_put_char(text->out, '}');
}

/* As alerts_page takes them: with a comma before and behind each. */
static struct history_value states_of(const struct field_value *state,
                                      char out[static sizeof(",acknowledged,")]) {
  static const char active[] = ",pending,firing,acknowledged,silenced,unknown,";
  if (!state->set)
    return HISTORY_VALUE_NULL("states");
  if (slice_is(state->text, "active"))
    return HISTORY_VALUE_TEXT("states", slice_of(active));
  snprintf(out, sizeof ",acknowledged,", ",%.*s,", SLICE_ARG(state->text));
  return HISTORY_VALUE_TEXT("states", slice_of(out));
}

static int put_list(struct worker *worker, const struct request *request, struct history *history,
                    struct state_text *text, struct belfry_error *error) {
  char states[sizeof ",acknowledged,"];
  struct state_list list = {
      .plural = "alerts",
      .letter = 'L',
      .statement = SQL_ALERTS_PAGE,
      .after_name = "after_id",
      .columns = ALERT_COLUMNS,
      .put = put_row,
      .values = {states_of(&request->params[QUERY_STATE], states),
                 state_list_text("rule", &request->params[QUERY_RULE])},
      .value_count = 2,
  };
  return state_list_put(worker, request, history, &list, text, error);
}

void api_alerts_list(struct worker *worker, const struct request *request,
                     struct response *response) {
  state_answer(worker, request, response, put_list, NULL);
}

/* --- one of them -------------------------------------------------------------------------------
 */

static int put_one(struct worker *worker, const struct request *request, struct history *history,
                   struct state_text *text, struct belfry_error *error) {
  static const struct state_one one = {SQL_ALERT_GET, "alert_id", ALERT_COLUMNS, put_row};
  return state_one_put(worker, request, history, &one, text, error);
}

void api_alerts_get(struct worker *worker, const struct request *request,
                    struct response *response) {
  state_answer(worker, request, response, put_one, NO_ALERT);
}

/* --- acknowledging -----------------------------------------------------------------------------
 */

struct found_alert {
  bool found, fires, acknowledged;
  struct buf data; /* of the event */
};

static int on_found(void *arg, const struct history_value *values, size_t count) {
  struct found_alert *alert = arg;
  struct state_text data;
  if (count != ALERT_COLUMNS)
    return BELFRY_ECORRUPT;
  alert->found = true;
  alert->fires = values[ALERT_FIRED].kind != HISTORY_NULL;
  alert->acknowledged = values[ALERT_ACKNOWLEDGED].kind != HISTORY_NULL;
  state_text_init(&data, &alert->data);
  buf_put_char(&alert->data, '{');
  state_put_text(&data, "alert_id", &values[ALERT_ID]);
  state_put_text(&data, "rule", &values[ALERT_RULE]);
  state_put_text(&data, "message", &values[ALERT_MESSAGE]);
  return 0;
}

static int read_one(struct history *history, struct slice id, history_row_fn on_row, void *arg,
                    struct belfry_error *error) {
  const struct history_value params[] = {HISTORY_VALUE_TEXT("alert_id", id)};
  return history_read(history, SQL_ALERT_GET, params, 1, on_row, arg, error);
}

static void acknowledge(struct worker *worker, const struct request *request,
                        struct response *response, struct found_alert *alert) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("alert_id", request->args[0]),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
      HISTORY_VALUE_TEXT("by", slice_of(request->identity.name)),
      HISTORY_VALUE_TEXT("comment", request->fields[FIELD_COMMENT].text),
  };
  struct state_text data;
  struct history_receipt receipt;
  char event_id[ULID_BYTES];
  state_text_init(&data, &alert->data);
  state_put_text(&data, "by", &values[2]);
  state_put_text(&data, "comment", &values[3]);
  buf_put_char(&alert->data, '}');
  if (buf_status(&alert->data)) {
    response_unavailable(response, request, 1, "out of memory");
    return;
  }
  history_batch_mutate(&worker->batch, SQL_ALERT_ACKNOWLEDGE, true, values,
                       sizeof values / sizeof *values);
  worker_batch_event(worker, request, "alert_acknowledged", slice_of("belfry-fcgi"),
                     buf_slice(&alert->data), event_id);
  int status = worker_append(worker, request, response, true, &receipt);
  if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 409, "the alert has changed meanwhile: look again");
  else if (!status)
    buf_printf(response_json(response, 200),
               "{\"alert_id\":\"%.*s\",\"state\":\"acknowledged\",\"event_id\":\"%s\"}",
               SLICE_ARG(request->args[0]), event_id);
}

void api_alerts_ack(struct worker *worker, const struct request *request,
                    struct response *response) {
  struct belfry_error error = {0};
  struct found_alert alert = {0};
  buf_init(&alert.data, 0);
  struct history *history = worker_history(worker, &error);
  int status = history ? read_one(history, request->args[0], on_found, &alert, &error) : error.code;
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (!alert.found)
    response_problem(response, request, 404, NO_ALERT);
  else if (!alert.fires)
    response_problem(response, request, 409,
                     "the alert does not fire: there is nothing to acknowledge");
  else if (alert.acknowledged)
    response_problem(response, request, 409, "the alert has been acknowledged already");
  else
    acknowledge(worker, request, response, &alert);
  buf_fini(&alert.data);
}

/* --- rules -------------------------------------------------------------------------------------
 */

struct rule_list {
  struct state_text *text;
  bool any;
};

/* Columns: rule, about, severity, state, asked, message. */
static int on_rule(void *arg, const struct history_value *values, size_t count) {
  struct rule_list *list = arg;
  struct state_text *text = list->text;
  if (count != 6)
    return BELFRY_ECORRUPT;
  buf_put_text(text->out, list->any ? ",{" : "{");
  list->any = true;
  state_put_text(text, "name", &values[0]);
  state_put_text(text, "about", &values[1]);
  state_put_text(text, "severity", &values[2]);
  state_put_text(text, "state", &values[3]);
  state_text_clock_starts(text);
  state_put_time(text, "evaluated", &values[4]);
  state_text_clock_ends(text);
  state_put_text(text, "error", &values[5]);
  buf_put_char(text->out, '}');
  return 0;
}

static int put_rules(struct worker *worker, const struct request *request, struct history *history,
                     struct state_text *text, struct belfry_error *error) {
  struct rule_list list = {.text = text};
  (void)worker;
  (void)request;
  buf_put_text(text->out, "{\"rules\":[");
  int status = history_read(history, SQL_ALERT_RULES, NULL, 0, on_rule, &list, error);
  buf_put_text(text->out, "],\"next_cursor\":null}");
  return status;
}

void api_alert_rules_list(struct worker *worker, const struct request *request,
                          struct response *response) {
  state_answer(worker, request, response, put_rules, NULL);
}
