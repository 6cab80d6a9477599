/*
 * POST /api/health-check: has services checked now, and waits for the result.
 */
#include "fcgi/api.h"

#include "fcgi/health_rules.h"
#include "fcgi/task.h"

#define DEFAULT_TIMEOUT_MS 5000
#define TIMEOUT_MAX_MS     600000

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

/* Whether the service that was named is there; else the answer says so. */
static bool service_is_watched(struct worker *worker, const struct request *request,
                               struct response *response, struct history *history) {
  struct belfry_error error = {0};
  struct lookup lookup = {.name = request->fields[FIELD_SERVICE].text};
  if (!request->fields[FIELD_SERVICE].set)
    return true;
  int status = history_read(history, SQL_SERVICES, NULL, 0, on_service, &lookup, &error);
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
  } else if (!lookup.found) {
    struct model_problem problem = {0};
    status =
        model_problem_set(&problem, BELFRY_ECONFLICT, "/service",
                          "is none of the services that are watched (GET /api/health lists them)");
    worker_input_problem(request, response, status, "", &problem);
  }
  return lookup.found;
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

static void check(struct worker *worker, const struct request *request, struct response *response,
                  struct history *history) {
  const struct field_value *timeout = &request->fields[FIELD_TIMEOUT];
  char task_id[ULID_BYTES];
  struct task_result result;
  struct belfry_error error = {0};
  if (task_put(worker, request, response, "check", request->fields[FIELD_SERVICE].text,
               slice_of("{}"), task_id))
    return;
  int status = task_wait(worker, request, history, task_id,
                         timeout->set ? timeout->number : DEFAULT_TIMEOUT_MS, &result, &error);
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (result.state == TASK_DONE)
    answer_finished(worker, request, response, history);
  else if (result.state == TASK_ASKED)
    task_answer_asked(response, task_id);
  else
    response_unavailable(response, request, 5, result.message);
}

void api_health_check(struct worker *worker, const struct request *request,
                      struct response *response) {
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  if (!history)
    worker_read_problem(worker, request, response, error.code, &error);
  else if (service_is_watched(worker, request, response, history) &&
           task_can_be_done(worker, request, response, history) &&
           worker_long_begin(worker, request, response))
    check(worker, request, response, history);
}
