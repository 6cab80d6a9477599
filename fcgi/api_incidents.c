/* /api/incidents: the times in which services were down or degraded. */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/state_answer.h"
#include "fcgi/state_list.h"

enum { QUERY_SERVICE = STATE_LIST_PARAMS, QUERY_OPEN, QUERY_FROM, QUERY_TO };

const struct field api_incidents_query[] = {
    STATE_LIST_FIELDS,
    [QUERY_SERVICE] = {"service", FIELD_TEXT, .max = 64, .summary = "those of this service"},
    [QUERY_OPEN] = {"open", FIELD_BOOLEAN,
                    .summary = "true: those that go on; false: those that are over"},
    [QUERY_FROM] = {"from", FIELD_TIME, .summary = "those that were not over by then"},
    [QUERY_TO] = {"to", FIELD_TIME, .summary = "those that had begun by then"},
    {0},
};

/* The columns of incidents_page. */
enum {
  INCIDENT_ID,
  INCIDENT_SERVICE,
  INCIDENT_STATUS,
  INCIDENT_START,
  INCIDENT_END,
  INCIDENT_CAUSE,
  INCIDENT_KEY,
  INCIDENT_COLUMNS
};

static void put_row(struct state_text *text, const struct state_now *now,
                    const struct history_value *values) {
  bool open = values[INCIDENT_END].kind == HISTORY_NULL;
  int64_t end_ms = open ? now->now_ms : values[INCIDENT_END].integer;
  buf_put_text(text->out, "{\"id\":");
  buf_put_slice(text->out, values[INCIDENT_ID].text); /* the number of an event */
  state_put_text(text, "service", &values[INCIDENT_SERVICE]);
  state_put_text(text, "status", &values[INCIDENT_STATUS]);
  state_put_time(text, "start", &values[INCIDENT_START]);
  state_put_time(text, "end", &values[INCIDENT_END]);
  state_text_clock_starts(text); /* one that goes on grows */
  buf_put_text(text->out, ",\"duration_seconds\":");
  json_put_number(text->out, (double)(end_ms - values[INCIDENT_START].integer) / 1000);
  state_text_clock_ends(text);
  state_put_text(text, "cause", &values[INCIDENT_CAUSE]);
  buf_put_char(text->out, '}');
}

static struct history_value number_of(const char *name, const struct field_value *field) {
  return field->set ? HISTORY_VALUE_INTEGER(name, field->number) : HISTORY_VALUE_NULL(name);
}

static int put_list(struct worker *worker, const struct request *request, struct history *history,
                    struct state_text *text, struct belfry_error *error) {
  const struct field_value *params = request->params;
  struct state_list list = {
      .plural = "incidents",
      .letter = 'I',
      .statement = SQL_INCIDENTS_PAGE,
      .after_name = "after_id",
      .columns = INCIDENT_COLUMNS,
      .put = put_row,
      .values = {state_list_text("service", &params[QUERY_SERVICE]),
                 number_of("open", &params[QUERY_OPEN]), number_of("from", &params[QUERY_FROM]),
                 number_of("to", &params[QUERY_TO])},
      .value_count = 4,
  };
  return state_list_put(worker, request, history, &list, text, error);
}

void api_incidents_list(struct worker *worker, const struct request *request,
                        struct response *response) {
  state_answer(worker, request, response, put_list, NULL);
}
