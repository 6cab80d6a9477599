/* /api/silences: times in which alerts with certain labels are not told. Each change is an audit
 * event in the same batch. */
#include "fcgi/api.h"

#include "fcgi/credential.h"
#include "fcgi/state_answer.h"
#include "fcgi/state_list.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define NO_SILENCE      "there is no silence of this id"
#define DURATION_MAX_MS INT64_C(31536000000)
#define MATCHERS_MAX    16

enum { QUERY_STATE = STATE_LIST_PARAMS };

const struct field api_silences_query[] = {
    STATE_LIST_FIELDS,
    [QUERY_STATE] = {"state", FIELD_CHOICE, .choices = "active|pending|expired",
                     .summary = "those that are so now"},
    {0},
};

enum {
  SAID_ALERT_ID,
  SAID_RULE,
  SAID_SERVICE,
  SAID_SEVERITY,
  SAID_LABELS,
  SAID_START,
  SAID_END,
  SAID_DURATION,
  SAID_COMMENT
};

const struct field api_silences_fields[] = {
    [SAID_ALERT_ID] = {"alert_id", FIELD_TEXT, .min = 16, .max = 16,
                       .summary = "this alert: all of its labels"},
    [SAID_RULE] = {"rule", FIELD_TEXT, .min = 1, .max = 64,
                   .summary = "alerts of rules whose name matches this glob"},
    [SAID_SERVICE] = {"service", FIELD_TEXT, .min = 1, .max = 64,
                      .summary = "alerts of services whose name matches this glob"},
    [SAID_SEVERITY] = {"severity", FIELD_TEXT, .min = 1, .max = 64,
                       .summary = "alerts of this severity, a glob"},
    [SAID_LABELS] = {"labels", FIELD_TEXT, .min = 1, .max = 1024,
                     .summary = "NAME=GLOB, a comma list: all must match, as all of the above"},
    [SAID_START] = {"start", FIELD_TIME, .summary = "now by default"},
    [SAID_END] = {"end", FIELD_TIME, .summary = "when it is over; or say its duration"},
    [SAID_DURATION] = {"duration", FIELD_DURATION, .min = 1000, .max = DURATION_MAX_MS,
                       .summary = "from its start on"},
    [SAID_COMMENT] = {"comment", FIELD_TEXT, .max = 500, .summary = "why"},
    {0},
};

/* The columns of silences_page and silence_get. */
enum {
  SILENCE_ID,
  SILENCE_MATCHERS,
  SILENCE_STARTS,
  SILENCE_ENDS,
  SILENCE_COMMENT,
  SILENCE_CREATED,
  SILENCE_CREATED_BY,
  SILENCE_KEY,
  SILENCE_COLUMNS
};

/* --- as JSON -----------------------------------------------------------------------------------
 */

static void put_row(struct state_text *text, const struct state_now *now,
                    const struct history_value *values) {
  const char *state = values[SILENCE_ENDS].integer <= now->now_ms    ? "expired"
                      : values[SILENCE_STARTS].integer > now->now_ms ? "pending"
                                                                     : "active";
  buf_put_char(text->out, '{');
  state_put_text(text, "id", &values[SILENCE_ID]);
  buf_printf(text->out, ",\"state\":\"%s\",\"matchers\":", state);
  buf_put_slice(text->out, values[SILENCE_MATCHERS].text); /* JSON already */
  state_put_time(text, "start", &values[SILENCE_STARTS]);
  state_put_time(text, "end", &values[SILENCE_ENDS]);
  state_put_text(text, "comment", &values[SILENCE_COMMENT]);
  state_put_time(text, "created", &values[SILENCE_CREATED]);
  state_put_text(text, "created_by", &values[SILENCE_CREATED_BY]);
  buf_put_char(text->out, '}');
}

static int put_list(struct worker *worker, const struct request *request, struct history *history,
                    struct state_text *text, struct belfry_error *error) {
  struct state_list list = {
      .plural = "silences",
      .letter = 'N',
      .statement = SQL_SILENCES_PAGE,
      .after_name = "after_id",
      .columns = SILENCE_COLUMNS,
      .put = put_row,
      .values = {state_list_text("state", &request->params[QUERY_STATE]),
                 HISTORY_VALUE_INTEGER("now", request->now_ms)},
      .value_count = 2,
  };
  return state_list_put(worker, request, history, &list, text, error);
}

void api_silences_list(struct worker *worker, const struct request *request,
                       struct response *response) {
  state_answer(worker, request, response, put_list, NULL);
}

static int put_one(struct worker *worker, const struct request *request, struct history *history,
                   struct state_text *text, struct belfry_error *error) {
  static const struct state_one one = {SQL_SILENCE_GET, "silence_id", SILENCE_COLUMNS, put_row};
  return state_one_put(worker, request, history, &one, text, error);
}

void api_silences_get(struct worker *worker, const struct request *request,
                      struct response *response) {
  state_answer(worker, request, response, put_one, NO_SILENCE);
}

/* --- making one --------------------------------------------------------------------------------
 */

static int add_matcher(json_t *matchers, struct slice name, struct slice glob,
                       struct model_problem *problem) {
  char key[65];
  if (name.len == 0 || name.len >= sizeof key || glob.len == 0)
    return model_problem_set(problem, BELFRY_ECONFLICT, "/labels",
                             "must be a comma list of NAME=GLOB");
  snprintf(key, sizeof key, "%.*s", SLICE_ARG(name));
  if (json_object_get(matchers, key) || json_object_size(matchers) == MATCHERS_MAX)
    return model_problem_set(problem, BELFRY_ECONFLICT, "/labels",
                             "must name each label once, at most %d", MATCHERS_MAX);
  if (json_object_set_new(matchers, key, json_stringn(glob.data, glob.len)))
    return model_problem_set(problem, BELFRY_ENOMEM, "/labels", "out of memory");
  return BELFRY_OK;
}

static int take_labels(json_t *matchers, struct slice list, struct model_problem *problem) {
  struct slice pair, name;
  int status = BELFRY_OK;
  while (!status && slice_split(&list, ',', &pair)) {
    pair = slice_trim(pair);
    (void)slice_split(&pair, '=', &name);
    status = add_matcher(matchers, slice_trim(name), pair.data ? slice_trim(pair) : pair, problem);
  }
  return status;
}

static int take_matchers(const struct request *request, json_t *matchers,
                         struct model_problem *problem) {
  static const struct {
    int field;
    const char *label;
  } plain[] = {{SAID_RULE, "alertname"}, {SAID_SERVICE, "service"}, {SAID_SEVERITY, "severity"}};
  const struct field_value *fields = request->fields;
  int status = BELFRY_OK;
  for (size_t i = 0; i < sizeof plain / sizeof *plain && !status; i++)
    if (fields[plain[i].field].set)
      status =
          add_matcher(matchers, slice_of(plain[i].label), fields[plain[i].field].text, problem);
  if (!status && fields[SAID_LABELS].set)
    status = take_labels(matchers, fields[SAID_LABELS].text, problem);
  if (!status && json_object_size(matchers) == 0)
    status = model_problem_set(problem, BELFRY_ECONFLICT, "",
                               "needs an alert_id, a rule, a service, a severity or labels, or it "
                               "would silence everything");
  return status;
}

struct times {
  int64_t starts_ms, ends_ms;
};

static int take_times(const struct request *request, struct times *out,
                      struct model_problem *problem) {
  const struct field_value *fields = request->fields;
  out->starts_ms = fields[SAID_START].set ? fields[SAID_START].number : request->now_ms;
  out->ends_ms = fields[SAID_END].set ? fields[SAID_END].number
                                      : out->starts_ms + fields[SAID_DURATION].number;
  if (fields[SAID_END].set == fields[SAID_DURATION].set)
    return model_problem_set(problem, BELFRY_ECONFLICT, "/end",
                             "or a duration is needed, one of them");
  if (out->ends_ms <= out->starts_ms || out->ends_ms <= request->now_ms)
    return model_problem_set(problem, BELFRY_ECONFLICT, "/end", "must be later than start and now");
  if (out->ends_ms - out->starts_ms > DURATION_MAX_MS)
    return model_problem_set(problem, BELFRY_ECONFLICT, "/end",
                             "must be within a year from its start");
  return BELFRY_OK;
}

/* Columns of alert_get: alert_id, rule, severity, labels, ... */
static int on_alert(void *arg, const struct history_value *values, size_t count) {
  json_t *matchers = arg;
  if (count < 4)
    return BELFRY_ECORRUPT;
  json_t *labels = json_loadb(values[3].text.data, values[3].text.len, 0, NULL);
  int failed = json_object_update(matchers, labels);
  json_decref(labels);
  return failed ? BELFRY_ENOMEM : 0;
}

/* Puts the labels of the alert that is named. Returns: whether it is there; else the answer is
 * made. */
static bool take_alert(struct worker *worker, const struct request *request,
                       struct response *response, json_t *matchers) {
  struct belfry_error error = {0};
  struct model_problem problem = {0};
  const struct field_value *id = &request->fields[SAID_ALERT_ID];
  const struct history_value params[] = {HISTORY_VALUE_TEXT("alert_id", id->text)};
  if (!id->set)
    return true;
  struct history *history = worker_history(worker, &error);
  int status = history ? history_read(history, SQL_ALERT_GET, params, 1, on_alert, matchers, &error)
                       : error.code;
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
  } else if (json_object_size(matchers) == 0) {
    status = model_problem_set(&problem, BELFRY_ECONFLICT, "/alert_id",
                               "is the id of no alert (GET /api/alerts lists them)");
    worker_input_problem(request, response, status, "", &problem);
  }
  return json_object_size(matchers) > 0;
}

static void put_audit(struct worker *worker, const struct request *request, const char *action,
                      struct slice silence_id, struct slice matchers, struct slice comment) {
  struct buf data;
  credential_audit_begin(&data, request, action);
  credential_put_text(&data, "silence_id", silence_id);
  if (matchers.len > 0) {
    buf_put_text(&data, ",\"matchers\":");
    buf_put_slice(&data, matchers);
    credential_put_text(&data, "comment", comment);
  }
  credential_audit_end(&data, worker, request);
}

static void answer_one(struct response *response, const struct history_value *values,
                       int64_t now_ms) {
  const struct state_now now = {.now_ms = now_ms};
  struct state_text text;
  state_text_init(&text, response_json(response, 201));
  put_row(&text, &now, values);
}

static void store(struct worker *worker, const struct request *request, struct response *response,
                  struct slice matchers, const struct times *times) {
  char id[ULID_BYTES];
  struct history_receipt receipt;
  struct slice comment = request->fields[SAID_COMMENT].text;
  ulid_make(&worker->ulids, request->now_ms, id);
  const struct history_value values[] = {
      [SILENCE_ID] = HISTORY_VALUE_TEXT("silence_id", slice_of(id)),
      [SILENCE_MATCHERS] = HISTORY_VALUE_TEXT("matchers", matchers),
      [SILENCE_STARTS] = HISTORY_VALUE_INTEGER("starts", times->starts_ms),
      [SILENCE_ENDS] = HISTORY_VALUE_INTEGER("ends", times->ends_ms),
      [SILENCE_COMMENT] = HISTORY_VALUE_TEXT("comment", comment),
      [SILENCE_CREATED] = HISTORY_VALUE_INTEGER("now", request->now_ms),
      [SILENCE_CREATED_BY] = HISTORY_VALUE_TEXT("created_by", slice_of(request->identity.name)),
  };
  history_batch_mutate(&worker->batch, SQL_SILENCE_INSERT, true, values,
                       sizeof values / sizeof *values);
  put_audit(worker, request, "silence_created", slice_of(id), matchers, comment);
  if (!worker_append(worker, request, response, false, &receipt))
    answer_one(response, values, request->now_ms);
}

void api_silences_post(struct worker *worker, const struct request *request,
                       struct response *response) {
  struct model_problem problem = {0};
  struct times times = {0};
  char *text = NULL;
  json_t *matchers = json_object();
  if (!matchers) {
    response_unavailable(response, request, 1, "out of memory");
    return;
  }
  if (take_alert(worker, request, response, matchers)) {
    int status = take_matchers(request, matchers, &problem);
    if (!status)
      status = take_times(request, &times, &problem);
    if (status)
      worker_input_problem(request, response, status, "", &problem);
    else if (!(text = json_dumps(matchers, JSON_COMPACT | JSON_SORT_KEYS)))
      response_unavailable(response, request, 1, "out of memory");
    else
      store(worker, request, response, slice_of(text), &times);
  }
  free(text);
  json_decref(matchers);
}

/* --- ending one --------------------------------------------------------------------------------
 */

static int on_there(void *arg, const struct history_value *values, size_t count) {
  bool *there = arg;
  (void)values;
  (void)count;
  *there = true;
  return 0;
}

void api_silences_delete(struct worker *worker, const struct request *request,
                         struct response *response) {
  struct belfry_error error = {0};
  struct history_receipt receipt;
  bool there = false;
  const struct history_value find[] = {HISTORY_VALUE_TEXT("silence_id", request->args[0])};
  struct history *history = worker_history(worker, &error);
  int status = history ? history_read(history, SQL_SILENCE_GET, find, 1, on_there, &there, &error)
                       : error.code;
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  if (!there) {
    response_problem(response, request, 404, NO_SILENCE);
    return;
  }
  const struct history_value values[] = {HISTORY_VALUE_TEXT("silence_id", request->args[0]),
                                         HISTORY_VALUE_INTEGER("now", request->now_ms)};
  history_batch_mutate(&worker->batch, SQL_SILENCE_END, true, values, 2);
  put_audit(worker, request, "silence_ended", request->args[0], slice_of(""), slice_of(""));
  status = worker_append(worker, request, response, true, &receipt);
  if (!status)
    response->status = 204;
  else if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 409, "the silence is over already");
}
