/*
 * POST /api/health-check: has services checked now, and waits for the result. The request is a task
 * for belfry-watchd, which finishes it; this worker looks until then, or until the time is over.
 */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/health_rules.h"
#include "model/state.h"

#include <time.h>

#define DEFAULT_TIMEOUT_MS 5000
#define TIMEOUT_MAX_MS     600000
#define ANSWER_MS          500 /* what is left of the request's time for the answer */
#define LOOK_MS            10

enum { FIELD_SERVICE, FIELD_TIMEOUT };

const struct field api_health_check_fields[] = {
    [FIELD_SERVICE] = {"service", FIELD_TEXT, .min = 1, .max = 64,
                       .summary = "only this one; all when it is absent"},
    [FIELD_TIMEOUT] = {"timeout", FIELD_DURATION, .max = TIMEOUT_MAX_MS,
                       .summary = "how long the result is waited for, 5s by default and no longer "
                                  "than a request may take; "
                                  "then the answer is 202 and the checks go on"},
    {0},
};

/* --- before ------------------------------------------------------------------------------------
 */

struct lookup {
  struct slice name;
  bool found;
};

static int on_service(void *arg, const struct history_value *values, size_t count) {
  struct lookup *lookup = arg;
  if (count < 1)
    return BELFRY_ECORRUPT;
  lookup->found |= slice_equal(values[0].text, lookup->name);
  return 0;
}

static int find_watchd(struct history *history, int64_t now_ms, bool *out,
                       struct belfry_error *error) {
  struct daemon_state daemons[DAEMON_COUNT_MAX];
  size_t count = 0;
  int status = daemon_states(history, daemons, &count, error);
  *out = false;
  for (size_t i = 0; i < count && !status; i++)
    *out |= strcmp(daemons[i].name, "belfry-watchd") == 0 &&
            now_ms - daemons[i].updated_ms <= DAEMON_STALE_MS;
  return status;
}

/* Returns: whether the task makes sense; else the answer says why not. */
static bool check_before(struct worker *worker, const struct request *request,
                         struct response *response, struct history *history) {
  struct belfry_error error = {0};
  struct lookup lookup = {.name = request->fields[FIELD_SERVICE].text};
  bool watching = false;
  int status = find_watchd(history, request->now_ms, &watching, &error);
  if (!status && request->fields[FIELD_SERVICE].set)
    status = history_read(history, SQL_SERVICES, NULL, 0, on_service, &lookup, &error);
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return false;
  }
  if (request->fields[FIELD_SERVICE].set && !lookup.found) {
    struct model_problem problem = {0};
    status =
        model_problem_set(&problem, BELFRY_ECONFLICT, "/service",
                          "is none of the services that are watched (GET /api/health lists them)");
    worker_input_problem(request, response, status, "", &problem);
    return false;
  }
  if (!watching)
    response_unavailable(response, request, 5,
                         worker->conf->watch_enabled ? "belfry-watchd, which checks, is not running"
                                                     : "nothing is checked: watch.enabled is off");
  return watching;
}

/* --- the task ----------------------------------------------------------------------------------
 */

static int put_task(struct worker *worker, const struct request *request, struct response *response,
                    char task_id[ULID_BYTES]) {
  const struct field_value *service = &request->fields[FIELD_SERVICE];
  struct history_receipt receipt;
  ulid_make(&worker->ulids, request->now_ms, task_id);
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("task_id", slice_of(task_id)),
      HISTORY_VALUE_TEXT("kind", slice_of("check")),
      service->set ? HISTORY_VALUE_TEXT("service", service->text) : HISTORY_VALUE_NULL("service"),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
      HISTORY_VALUE_TEXT("asked_by", slice_of(request->identity.name)),
  };
  history_batch_mutate(&worker->batch, SQL_TASK_INSERT, true, values,
                       sizeof values / sizeof *values);
  return worker_append(worker, request, response, false, &receipt);
}

struct task {
  bool finished, failed;
  char message[256];
};

/* Columns: state, message. */
static int on_task(void *arg, const struct history_value *values, size_t count) {
  struct task *task = arg;
  if (count != 2)
    return BELFRY_ECORRUPT;
  task->finished = !slice_is(values[0].text, "asked");
  task->failed = slice_is(values[0].text, "failed");
  snprintf(task->message, sizeof task->message, "%.*s", SLICE_ARG(values[1].text));
  return 0;
}

/* Looks whenever something was committed, until the task is finished or the time is over. */
static int wait_for(struct worker *worker, struct history *history, const char *task_id,
                    int64_t until_ms, struct task *out, struct belfry_error *error) {
  const struct history_value params[] = {HISTORY_VALUE_TEXT("task_id", slice_of(task_id))};
  uint64_t seen = 0;
  *out = (struct task){0};
  while (clock_monotonic_ms(worker->clock) < until_ms) {
    uint64_t version = history_version(history);
    if (version == 0 || version != seen) {
      int status = history_read(history, SQL_TASK_GET, params, 1, on_task, out, error);
      if (status || out->finished)
        return status;
    }
    seen = version;
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
  }
  return BELFRY_OK;
}

static void answer_finished(struct worker *worker, const struct request *request,
                            struct response *response, struct history *history) {
  const struct health_rules rules = health_rules_of(worker->conf);
  struct belfry_error error = {0};
  struct state_text text;
  state_text_init(&text, response_json(response, 200));
  int status = health_put(history, &rules, clock_realtime_ms(worker->clock), &text, &error);
  if (status)
    worker_read_problem(worker, request, response, status, &error);
}

static void answer_waiting(struct response *response, const char *task_id) {
  buf_printf(response_json(response, 202), "{\"task_id\":\"%s\",\"state\":\"asked\"}", task_id);
}

static void check(struct worker *worker, const struct request *request, struct response *response,
                  struct history *history) {
  const struct field_value *timeout = &request->fields[FIELD_TIMEOUT];
  int64_t wait_ms = timeout->set ? timeout->number : DEFAULT_TIMEOUT_MS;
  int64_t now_ms = clock_monotonic_ms(worker->clock);
  int64_t most_ms = request->deadline_ms - ANSWER_MS - now_ms;
  char task_id[ULID_BYTES];
  struct task task;
  struct belfry_error error = {0};
  if (put_task(worker, request, response, task_id))
    return;
  int status = wait_for(worker, history, task_id, now_ms + (wait_ms < most_ms ? wait_ms : most_ms),
                        &task, &error);
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (task.failed)
    response_unavailable(response, request, 5, task.message);
  else if (task.finished)
    answer_finished(worker, request, response, history);
  else
    answer_waiting(response, task_id);
}

void api_health_check(struct worker *worker, const struct request *request,
                      struct response *response) {
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  if (!history)
    worker_read_problem(worker, request, response, error.code, &error);
  else if (check_before(worker, request, response, history) &&
           worker_long_begin(worker, request, response))
    check(worker, request, response, history);
}
