/*
 * /api/services: what is watched, and its pauses. A pause is a row that belfry-watchd reads; each
 * change of it is an audit event in the same batch.
 */
#include "fcgi/api.h"

#include "fcgi/credential.h"
#include "fcgi/health_rules.h"
#include "fcgi/state_answer.h"

#define NO_SERVICE      "there is no service of this name (GET /api/services lists them)"
#define DURATION_MAX_MS INT64_C(31536000000)

enum { FIELD_DURATION_OF, FIELD_COMMENT };

const struct field api_services_pause_fields[] = {
    [FIELD_DURATION_OF] = {"duration", FIELD_DURATION, .min = 1000, .max = DURATION_MAX_MS,
                           .summary = "after which it is resumed by itself; until somebody does it "
                                      "by default"},
    [FIELD_COMMENT] = {"comment", FIELD_TEXT, .max = 500, .summary = "why"},
    {0},
};

/* --- as they are -------------------------------------------------------------------------------
 */

static int put_list(struct worker *worker, const struct request *request, struct history *history,
                    struct state_text *text, struct belfry_error *error) {
  const struct health_rules rules = health_rules_of(worker->conf);
  return health_put_services(history, &rules, request->now_ms, text, error);
}

void api_services_list(struct worker *worker, const struct request *request,
                       struct response *response) {
  state_answer(worker, request, response, put_list, NULL);
}

static int put_one(struct worker *worker, const struct request *request, struct history *history,
                   struct state_text *text, struct belfry_error *error) {
  const struct health_rules rules = health_rules_of(worker->conf);
  return health_put_service(history, &rules, request->now_ms, request->args[0], text, error);
}

void api_services_get(struct worker *worker, const struct request *request,
                      struct response *response) {
  state_answer(worker, request, response, put_one, NO_SERVICE);
}

/* --- pausing -----------------------------------------------------------------------------------
 */

static int on_there(void *arg, const struct history_value *values, size_t count) {
  (void)values;
  (void)count;
  *(bool *)arg = true;
  return 0;
}

/* Whether there is such a service; else the answer says so. */
static bool is_there(struct worker *worker, const struct request *request,
                     struct response *response) {
  struct belfry_error error = {0};
  bool there = false;
  const struct history_value find[] = {HISTORY_VALUE_TEXT("name", request->args[0])};
  struct history *history = worker_history(worker, &error);
  int status = history ? history_read(history, SQL_SERVICE_GET, find, 1, on_there, &there, &error)
                       : error.code;
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (!there)
    response_problem(response, request, 404, NO_SERVICE);
  return !status && there;
}

/* Stores what is in the batch, with the event that tells of it. Returns: whether it was done. */
static bool store(struct worker *worker, const struct request *request, struct response *response,
                  const char *action, int64_t until_ms, struct slice comment,
                  const char *conflict) {
  struct buf data;
  struct history_receipt receipt;
  credential_audit_begin(&data, request, action);
  credential_put_text(&data, "service", request->args[0]);
  if (until_ms)
    credential_put_time(&data, "until", until_ms);
  if (comment.len > 0)
    credential_put_text(&data, "comment", comment);
  credential_audit_end(&data, worker, request);
  int status = worker_append(worker, request, response, true, &receipt);
  if (status == BELFRY_ECONFLICT)
    response_problem(response, request, 409, "%s", conflict);
  return !status;
}

void api_services_pause(struct worker *worker, const struct request *request,
                        struct response *response) {
  const struct field_value *fields = request->fields;
  int64_t until_ms =
      fields[FIELD_DURATION_OF].set ? request->now_ms + fields[FIELD_DURATION_OF].number : 0;
  struct slice comment = fields[FIELD_COMMENT].set ? fields[FIELD_COMMENT].text : slice_of("");
  if (!is_there(worker, request, response))
    return;
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("service", request->args[0]),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
      until_ms ? HISTORY_VALUE_INTEGER("until", until_ms) : HISTORY_VALUE_NULL("until"),
      HISTORY_VALUE_TEXT("by", slice_of(request->identity.name)),
      HISTORY_VALUE_TEXT("comment", comment),
  };
  history_batch_mutate(&worker->batch, SQL_SERVICE_PAUSE, true, values,
                       sizeof values / sizeof *values);
  if (!store(worker, request, response, "service_paused", until_ms, comment,
             "the service is paused already"))
    return;
  struct buf *out = response_json(response, 200);
  buf_put_char(out, '{');
  credential_put_text(out, "service", request->args[0]);
  credential_put_time(out, "since", request->now_ms);
  credential_put_time(out, "until", until_ms);
  credential_put_text(out, "by", slice_of(request->identity.name));
  credential_put_text(out, "comment", comment);
  buf_put_char(out, '}');
}

void api_services_resume(struct worker *worker, const struct request *request,
                         struct response *response) {
  if (!is_there(worker, request, response))
    return;
  const struct history_value values[] = {HISTORY_VALUE_TEXT("service", request->args[0]),
                                         HISTORY_VALUE_INTEGER("now", request->now_ms)};
  history_batch_mutate(&worker->batch, SQL_SERVICE_RESUME, true, values, 2);
  if (store(worker, request, response, "service_resumed", 0, slice_of(""),
            "the service is not paused"))
    response->status = 204;
}
