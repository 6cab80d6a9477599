/* /api/sessions: sessions of agents as they are now, and the command to end one. */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/session_row.h"
#include "fcgi/state_answer.h"
#include "fcgi/state_list.h"

#include <inttypes.h>
#include <stdio.h>

enum { QUERY_STATE = STATE_LIST_PARAMS, QUERY_AGENT, QUERY_SOURCE, QUERY_ENDED, QUERY_ORDER };

const struct field api_sessions_query[] = {
    STATE_LIST_FIELDS,
    [QUERY_STATE] = {"state", FIELD_TEXT, .max = 128,
                     .summary = "those of this state; stale and terminating among them"},
    [QUERY_AGENT] = {"agent", FIELD_TEXT, .max = 512, .summary = "those of this agent"},
    [QUERY_SOURCE] = {"source", FIELD_TEXT, .max = 128, .summary = "those of this source"},
    [QUERY_ENDED] = {"ended", FIELD_CHOICE, .choices = "false|true",
                     .summary = "only those that have ended, or have not"},
    [QUERY_ORDER] = {"order", FIELD_CHOICE, .choices = "started|updated",
                     .summary = "those started or updated last first; started by default"},
    {0},
};

enum { FIELD_REASON };

const struct field api_sessions_terminate_fields[] = {
    [FIELD_REASON] = {"reason", FIELD_TEXT, .max = 500, .summary = "why, for the application"},
    {0},
};

static int put_list(struct worker *worker, const struct request *request, struct history *history,
                    struct state_text *text, struct belfry_error *error) {
  const struct field_value *params = request->params;
  const struct state_now now = state_now_of(worker, request);
  bool recent = params[QUERY_ORDER].set && params[QUERY_ORDER].number == 1;
  struct state_list list = {
      .plural = "sessions",
      .letter = recent ? 'T' : 'S',
      .statement = SQL_SESSIONS_PAGE,
      .after_name = "after_id",
      .columns = SESSION_COLUMNS,
      .put = session_row_put,
      .values = {HISTORY_VALUE_INTEGER("stale_before", state_sessions_stale_before(&now)),
                 HISTORY_VALUE_INTEGER("recent", recent), HISTORY_VALUE_NULL("id"),
                 state_list_text("agent", &params[QUERY_AGENT]),
                 state_list_text("source", &params[QUERY_SOURCE]),
                 state_list_text("state", &params[QUERY_STATE]),
                 params[QUERY_ENDED].set
                     ? HISTORY_VALUE_INTEGER("ended", params[QUERY_ENDED].number)
                     : HISTORY_VALUE_NULL("ended")},
      .value_count = 7,
  };
  return state_list_put(worker, request, history, &list, text, error);
}

void api_sessions_list(struct worker *worker, const struct request *request,
                       struct response *response) {
  state_answer(worker, request, response, put_list, NULL);
}

/* --- one of them --------------------------------------------------------------------------------
 */

static int read_one(struct history *history, struct slice id, int64_t stale_before,
                    history_row_fn on_row, void *arg, struct belfry_error *error) {
  const struct session_query query = {.stale_before = stale_before, .id = id, .limit = 1};
  return sessions_read(history, &query, on_row, arg, error);
}

struct one {
  struct state_text *text;
  struct state_now now;
  bool found;
};

static int on_one(void *arg, const struct history_value *values, size_t count) {
  struct one *one = arg;
  if (count != SESSION_COLUMNS)
    return BELFRY_ECORRUPT;
  one->found = true;
  session_row_put(one->text, &one->now, values);
  return 0;
}

static int put_one(struct worker *worker, const struct request *request, struct history *history,
                   struct state_text *text, struct belfry_error *error) {
  struct one one = {.text = text, .now = state_now_of(worker, request)};
  int status = read_one(history, request->args[0], state_sessions_stale_before(&one.now), on_one,
                        &one, error);
  return status ? status : one.found ? BELFRY_OK : BELFRY_ENOENT;
}

#define NO_SESSION "there is no session of this id"

void api_sessions_get(struct worker *worker, const struct request *request,
                      struct response *response) {
  state_answer(worker, request, response, put_one, NO_SESSION);
}

/* --- to end it ----------------------------------------------------------------------------------
 */

struct found_session {
  bool found, ended;
  struct buf source, data; /* of the command */
};

static int on_found(void *arg, const struct history_value *values, size_t count) {
  struct found_session *session = arg;
  if (count != SESSION_COLUMNS)
    return BELFRY_ECORRUPT;
  session->found = true;
  session->ended = values[SESSION_ENDED].kind != HISTORY_NULL;
  buf_put_slice(&session->source, values[SESSION_SOURCE].text);
  struct state_text data;
  state_text_init(&data, &session->data);
  buf_put_text(&session->data, "{\"command\":\"terminate_session\"");
  state_put_text(&data, "session_id", &values[SESSION_ID]);
  state_put_text(&data, "agent", &values[SESSION_AGENT]);
  return 0;
}

/* The command is an event of the session's source, so that this is who may receive it. */
static void give_command(struct worker *worker, const struct request *request,
                         struct response *response, struct found_session *session) {
  const struct field_value *reason = &request->fields[FIELD_REASON];
  char event_id[ULID_BYTES];
  struct history_receipt receipt;
  struct state_text data;
  state_text_init(&data, &session->data);
  const struct history_value why = state_list_text("", reason);
  const struct history_value by = HISTORY_VALUE_TEXT("", slice_of(request->identity.name));
  state_put_text(&data, "reason", &why);
  state_put_text(&data, "by", &by);
  buf_put_char(&session->data, '}');
  worker_batch_event(worker, request, "command", buf_slice(&session->source),
                     buf_slice(&session->data), event_id);
  if (buf_status(&session->source) || buf_status(&session->data)) {
    response_unavailable(response, request, 1, "out of memory");
    return;
  }
  if (worker_append(worker, request, response, false, &receipt))
    return;
  struct buf *out = response_json(response, 202);
  buf_printf(out, "{\"event_id\":\"%s\",\"id\":%" PRId64 ",\"session_id\":", event_id,
             receipt.first_id);
  json_put_string(out, request->args[0]);
  buf_put_text(out, ",\"state\":\"terminating\"}");
}

void api_sessions_terminate(struct worker *worker, const struct request *request,
                            struct response *response) {
  struct belfry_error error = {0};
  struct found_session session = {0};
  buf_init(&session.source, 0);
  buf_init(&session.data, 0);
  struct history *history = worker_history(worker, &error);
  int status =
      history ? read_one(history, request->args[0], 0, on_found, &session, &error) : error.code;
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (!session.found)
    response_problem(response, request, 404, NO_SESSION);
  else if (session.ended)
    response_problem(response, request, 409, "the session has ended already");
  else
    give_command(worker, request, response, &session);
  buf_fini(&session.source);
  buf_fini(&session.data);
}
