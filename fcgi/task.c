#include "fcgi/task.h"

#include "model/state.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ANSWER_MS 500 /* what is left of the request's time for the answer */
#define LOOK_MS   10

/* --- before ------------------------------------------------------------------------------------
 */

bool task_can_be_done(struct worker *worker, const struct request *request,
                      struct response *response, struct history *history) {
  struct belfry_error error = {0};
  bool watching = false;
  int status = daemon_read_running(history, "belfry-watchd", request->now_ms, &watching, &error);
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (!watching)
    response_unavailable(response, request, 5,
                         worker->conf->watch_enabled
                             ? "belfry-watchd, which would do it, is not running"
                             : "nothing is watched: watch.enabled is off");
  return watching;
}

int task_put(struct worker *worker, const struct request *request, struct response *response,
             const char *kind, struct slice service, struct slice details,
             char task_id[static ULID_BYTES]) {
  struct history_receipt receipt;
  ulid_make(&worker->ulids, request->now_ms, task_id);
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("task_id", slice_of(task_id)),
      HISTORY_VALUE_TEXT("kind", slice_of(kind)),
      service.len > 0 ? HISTORY_VALUE_TEXT("service", service) : HISTORY_VALUE_NULL("service"),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
      HISTORY_VALUE_TEXT("asked_by", slice_of(request->identity.name)),
      HISTORY_VALUE_TEXT("details", details),
  };
  history_batch_mutate(&worker->batch, SQL_TASK_INSERT, true, values,
                       sizeof values / sizeof *values);
  return worker_append(worker, request, response, false, &receipt);
}

/* --- after -------------------------------------------------------------------------------------
 */

/* Columns: state, message. */
static int on_task(void *arg, const struct history_value *values, size_t count) {
  static const char *const states[] = {[TASK_ASKED] = "asked",
                                       [TASK_DONE] = "done",
                                       [TASK_FAILED] = "failed",
                                       [TASK_REFUSED] = "refused"};
  struct task_result *result = arg;
  if (count != 2)
    return BELFRY_ECORRUPT;
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    if (slice_is(values[0].text, states[i]))
      result->state = (enum task_state)i;
  snprintf(result->message, sizeof result->message, "%.*s", SLICE_ARG(values[1].text));
  return 0;
}

int task_wait(struct worker *worker, const struct request *request, struct history *history,
              const char *task_id, int64_t wait_ms, struct task_result *out,
              struct belfry_error *error) {
  const struct history_value params[] = {HISTORY_VALUE_TEXT("task_id", slice_of(task_id))};
  int64_t until_ms = clock_monotonic_ms(worker->clock) + wait_ms;
  if (until_ms > request->deadline_ms - ANSWER_MS)
    until_ms = request->deadline_ms - ANSWER_MS;
  uint64_t seen = 0;
  *out = (struct task_result){0};
  while (clock_monotonic_ms(worker->clock) < until_ms) {
    uint64_t version = history_version(history); /* something was committed since the last look */
    if (version == 0 || version != seen) {
      int status = history_read(history, SQL_TASK_GET, params, 1, on_task, out, error);
      if (status || out->state != TASK_ASKED)
        return status;
    }
    seen = version;
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
  }
  return BELFRY_OK;
}

void task_answer_asked(struct response *response, const char *task_id) {
  buf_printf(response_json(response, 202), "{\"task_id\":\"%s\",\"state\":\"asked\"}", task_id);
}
