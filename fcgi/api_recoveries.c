/*
 * /api/recoveries: what was done about services; /api/recovery: what can be done, and having it
 * done.
 */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/state_answer.h"
#include "fcgi/state_list.h"
#include "fcgi/task.h"
#include "model/state.h"

#include <string.h>

#define START_WAIT_MS 5000

/* --- what was done ------------------------------------------------------------------------------
 */

enum { QUERY_SERVICE = STATE_LIST_PARAMS };

const struct field api_recoveries_query[] = {
    STATE_LIST_FIELDS,
    [QUERY_SERVICE] = {"service", FIELD_TEXT, .max = 64, .summary = "those of this service"},
    {0},
};

/* The columns of recoveries_page. */
enum {
  RECOVERY_ID,
  RECOVERY_SERVICE,
  RECOVERY_ACTION,
  RECOVERY_BY,
  RECOVERY_TRIGGER,
  RECOVERY_REASON,
  RECOVERY_DRY_RUN,
  RECOVERY_STARTED,
  RECOVERY_FINISHED,
  RECOVERY_STATE,
  RECOVERY_EXIT_STATUS,
  RECOVERY_TIMED_OUT,
  RECOVERY_VERIFIED,
  RECOVERY_MESSAGE,
  RECOVERY_KEY,
  RECOVERY_COLUMNS
};

static void put_flag(struct state_text *text, const char *key, const struct history_value *value) {
  buf_printf(text->out, ",\"%s\":%s", key,
             value->kind == HISTORY_NULL ? "null"
             : value->integer            ? "true"
                                         : "false");
}

static void put_row(struct state_text *text, const struct state_now *now,
                    const struct history_value *values) {
  bool runs = values[RECOVERY_FINISHED].kind == HISTORY_NULL;
  int64_t end_ms = runs ? now->now_ms : values[RECOVERY_FINISHED].integer;
  buf_put_char(text->out, '{');
  state_put_text(text, "recovery_id", &values[RECOVERY_ID]);
  state_put_text(text, "service", &values[RECOVERY_SERVICE]);
  state_put_text(text, "action", &values[RECOVERY_ACTION]);
  state_put_text(text, "by", &values[RECOVERY_BY]);
  state_put_text(text, "trigger", &values[RECOVERY_TRIGGER]);
  state_put_text(text, "reason", &values[RECOVERY_REASON]);
  put_flag(text, "dry_run", &values[RECOVERY_DRY_RUN]);
  state_put_time(text, "started", &values[RECOVERY_STARTED]);
  state_put_time(text, "finished", &values[RECOVERY_FINISHED]);
  state_text_clock_starts(text); /* of one that runs it grows */
  buf_put_text(text->out, ",\"duration_seconds\":");
  json_put_number(text->out, (double)(end_ms - values[RECOVERY_STARTED].integer) / 1000);
  state_text_clock_ends(text);
  state_put_text(text, "state", &values[RECOVERY_STATE]);
  state_put_number(text, "exit_status", &values[RECOVERY_EXIT_STATUS]);
  put_flag(text, "timed_out", &values[RECOVERY_TIMED_OUT]);
  put_flag(text, "verified", &values[RECOVERY_VERIFIED]);
  state_put_text(text, "message", &values[RECOVERY_MESSAGE]);
  buf_put_char(text->out, '}');
}

static int put_list(struct worker *worker, const struct request *request, struct history *history,
                    struct state_text *text, struct belfry_error *error) {
  struct state_list list = {
      .plural = "recoveries",
      .letter = 'R',
      .statement = SQL_RECOVERIES_PAGE,
      .after_name = "after_id",
      .columns = RECOVERY_COLUMNS,
      .put = put_row,
      .values = {state_list_text("service", &request->params[QUERY_SERVICE])},
      .value_count = 1,
  };
  return state_list_put(worker, request, history, &list, text, error);
}

void api_recoveries_list(struct worker *worker, const struct request *request,
                         struct response *response) {
  state_answer(worker, request, response, put_list, NULL);
}

/* --- what can be done ---------------------------------------------------------------------------
 */

struct runner {
  int64_t now_ms;
  bool available;
};

/* Columns: name, version, pid, started, updated, data. */
static int on_daemon(void *arg, const struct history_value *values, size_t count) {
  struct runner *runner = arg;
  if (count < 6)
    return BELFRY_ECORRUPT;
  if (slice_is(values[0].text, "belfry-watchd"))
    runner->available = runner->now_ms - values[4].integer <= DAEMON_STALE_MS &&
                        slice_is(json_member(values[5].text, "runner"), "1");
  return 0;
}

/* The command is not told: its arguments may hold what a viewer need not know. */
static void put_action(const struct worker *worker, const struct conf_recovery *recovery,
                       const char *service, struct buf *out) {
  static const char *const triggers[] = {[CONF_TRIGGER_FAILURES] = "failures",
                                         [CONF_TRIGGER_CPU] = "cpu",
                                         [CONF_TRIGGER_MEMORY] = "memory"};
  bool failures = recovery->trigger == CONF_TRIGGER_FAILURES;
  const char *slash = strrchr(recovery->command[0], '/');
  buf_put_text(out, "{\"service\":");
  json_put_string(out, slice_of(service));
  buf_put_text(out, ",\"action\":");
  json_put_string(out, slice_of(recovery->name));
  buf_put_text(out, ",\"program\":");
  json_put_string(out, slice_of(slash + 1));
  buf_put_text(out, ",\"user\":");
  if (recovery->user)
    json_put_string(out, slice_of(recovery->user));
  else
    buf_put_text(out, "null");
  buf_printf(out, ",\"automatic\":%s,\"trigger\":\"%s\",\"after\":",
             recovery->automatic ? "true" : "false", triggers[recovery->trigger]);
  if (failures)
    json_put_integer(out,
                     recovery->after ? recovery->after : worker->conf->thresholds_restart_failures);
  else
    buf_put_text(out, "null");
  buf_put_text(out, ",\"timeout_seconds\":");
  json_put_number(out, (double)recovery->timeout_ms / 1000);
  buf_put_text(out, ",\"cooldown_seconds\":");
  json_put_number(out, (double)recovery->cooldown_ms / 1000);
  buf_printf(out, ",\"max_per_hour\":%lld}", (long long)recovery->max_per_hour);
}

static int put_actions(struct worker *worker, const struct request *request,
                       struct history *history, struct state_text *text,
                       struct belfry_error *error) {
  const struct conf *conf = worker->conf;
  struct runner runner = {.now_ms = request->now_ms};
  bool first = true;
  int status = history_read(history, SQL_DAEMONS, NULL, 0, on_daemon, &runner, error);
  buf_printf(text->out, "{\"available\":%s,\"actions\":[", runner.available ? "true" : "false");
  for (size_t i = 0; i < conf->recovery_count; i++) {
    const char *service;
    for (size_t k = 0; (service = conf_recovery_service(&conf->recoveries[i], k)); k++) {
      if (!first)
        buf_put_char(text->out, ',');
      first = false;
      put_action(worker, &conf->recoveries[i], service, text->out);
    }
  }
  buf_put_text(text->out, "]}");
  return status;
}

void api_recovery_actions(struct worker *worker, const struct request *request,
                          struct response *response) {
  state_answer(worker, request, response, put_actions, NULL);
}

/* --- having it done -----------------------------------------------------------------------------
 */

enum { FIELD_SERVICE, FIELD_ACTION, FIELD_REASON, FIELD_DRY_RUN };

const struct field api_recovery_fields[] = {
    [FIELD_SERVICE] = {"service", FIELD_TEXT, .required = true, .min = 1, .max = 64,
                       .summary = "which one"},
    [FIELD_ACTION] = {"action", FIELD_TEXT, .min = 1, .max = 64,
                      .summary = "one of its actions; may be absent where there is but one"},
    [FIELD_REASON] = {"reason", FIELD_TEXT, .max = 500, .summary = "why, for who reads of it"},
    [FIELD_DRY_RUN] = {"dry_run", FIELD_BOOLEAN,
                       .summary = "tells what would be run, and runs nothing"},
    {0},
};

static void answer_unknown(const struct request *request, struct response *response,
                           const char *pointer, const char *text) {
  struct model_problem problem = {0};
  int status = model_problem_set(&problem, BELFRY_ECONFLICT, pointer, "%s", text);
  worker_input_problem(request, response, status, "", &problem);
}

/* Finds the action that is meant. Returns: NULL, and the answer says what was wrong. */
static const struct conf_recovery *
find_action(const struct worker *worker, const struct request *request, struct response *response) {
  const struct conf *conf = worker->conf;
  const struct field_value *fields = request->fields;
  const struct conf_recovery *found = NULL;
  size_t count = 0;
  for (size_t i = 0; i < conf->recovery_count; i++)
    if (conf_recovery_is_of(&conf->recoveries[i], fields[FIELD_SERVICE].text)) {
      count++;
      if (!fields[FIELD_ACTION].set ||
          slice_is(fields[FIELD_ACTION].text, conf->recoveries[i].name))
        found = &conf->recoveries[i];
    }
  if (!conf_service_find(conf, fields[FIELD_SERVICE].text))
    answer_unknown(request, response, "/service",
                   "is none of the services of the configuration (GET /api/health lists them)");
  else if (count == 0)
    answer_unknown(request, response, "/service",
                   "has no actions: `recoveries` of the configuration has none of it");
  else if (!found)
    answer_unknown(request, response, "/action",
                   "is none of the service's actions (GET /api/recovery lists them)");
  else if (!fields[FIELD_ACTION].set && count > 1)
    answer_unknown(request, response, "/action",
                   "is missing: the service has several (GET /api/recovery lists them)");
  else
    return found;
  return NULL;
}

static void answer_begun(const struct request *request, struct response *response,
                         const struct conf_recovery *action, const char *id, const char *state) {
  struct buf *out = response_json(response, 202);
  buf_printf(out, "{\"recovery_id\":\"%s\",\"service\":", id);
  json_put_string(out, request->fields[FIELD_SERVICE].text);
  buf_put_text(out, ",\"action\":");
  json_put_string(out, slice_of(action->name));
  buf_printf(out, ",\"state\":\"%s\"}", state);
}

static void recover(struct worker *worker, const struct request *request, struct response *response,
                    struct history *history, const struct conf_recovery *action) {
  bool dry_run = request->fields[FIELD_DRY_RUN].set && request->fields[FIELD_DRY_RUN].number;
  struct belfry_error error = {0};
  struct task_result result;
  char id[ULID_BYTES];
  struct buf details;
  buf_init(&details, 0);
  buf_put_text(&details, "{\"action\":");
  json_put_string(&details, slice_of(action->name));
  buf_put_text(&details, ",\"reason\":");
  json_put_string(&details, request->fields[FIELD_REASON].text);
  buf_printf(&details, ",\"dry_run\":%s}", dry_run ? "true" : "false");
  int status = buf_status(&details);
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else
    status = task_put(worker, request, response, "recover", request->fields[FIELD_SERVICE].text,
                      buf_slice(&details), id);
  buf_fini(&details);
  if (status)
    return;
  status = task_wait(worker, request, history, id, START_WAIT_MS, &result, &error);
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (result.state == TASK_REFUSED)
    response_problem(response, request, 409, "%s", result.message);
  else if (result.state == TASK_FAILED)
    response_unavailable(response, request, 5, result.message);
  else
    answer_begun(request, response, action, id,
                 result.state == TASK_ASKED ? "asked"
                 : dry_run                  ? "dry_run"
                                            : "running");
}

void api_recovery_post(struct worker *worker, const struct request *request,
                       struct response *response) {
  struct belfry_error error = {0};
  const struct conf_recovery *action = find_action(worker, request, response);
  if (!action)
    return;
  struct history *history = worker_history(worker, &error);
  if (!history)
    worker_read_problem(worker, request, response, error.code, &error);
  else if (task_can_be_done(worker, request, response, history) &&
           worker_long_begin(worker, request, response))
    recover(worker, request, response, history, action);
}
