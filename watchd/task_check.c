/*
 * The task `check`: has a service, or all of them, checked now, and tells what was found as the
 * event health_checked.
 */
#include "base/json.h"
#include "watchd/tasks.h"

#include <inttypes.h>
#include <stdio.h>

static void tell(const struct task *task, const struct services_count *count) {
  struct buf data;
  buf_init(&data, 8192);
  buf_printf(&data, "{\"task_id\":\"%s\",\"asked_by\":", task->id);
  json_put_string(&data, slice_of(task->asked_by));
  if (task->service[0]) {
    buf_put_text(&data, ",\"service\":");
    json_put_string(&data, slice_of(task->service));
  }
  buf_printf(&data, ",\"checked\":%" PRId64, count->checked);
  for (int status = SERVICE_UNKNOWN; status < SERVICE_PAUSED; status++)
    buf_printf(&data, ",\"%s\":%" PRId64, service_status_name((enum service_status)status),
               count->by_status[status]);
  buf_printf(&data, ",\"duration_ms\":%" PRId64 "}", schedule_now_ms() - task->begun_ms);
  const struct event event = {.timestamp_ms = clock_realtime_ms(task->parts->clock),
                              .severity = SEVERITY_INFO,
                              .type = slice_of("health_checked"),
                              .source = slice_of("watchd"),
                              .data = buf_slice(&data)};
  if (buf_status(&data) == BELFRY_OK)
    outbox_event(task->parts->outbox, &event);
  buf_fini(&data);
}

static void task_on_checked(void *arg, const struct services_count *count) {
  struct task *task = arg;
  tell(task, count);
  task_finish(task, TASK_DONE, "");
}

void task_check_begin(struct task *task) {
  task->round.on_done = task_on_checked;
  task->round.arg = task;
  snprintf(task->round.name, sizeof task->round.name, "%s", task->service);
  if (services_check(task->parts->services, &task->round))
    task_finish(task, TASK_FAILED, "the service is not watched");
}

void task_check_call_off(struct task *task) {
  services_call_off(task->parts->services, &task->round);
}
