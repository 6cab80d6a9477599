/*
 * The task `test_channel`: sends a message that says that it is a test, now and past the queue. Its
 * details name the channel.
 */
#include "base/json.h"
#include "watchd/tasks.h"

#include <stdio.h>
#include <stdlib.h>

static void task_on_tested(void *arg, const char *problem) {
  struct task *task = arg;
  task_finish(task, problem ? TASK_FAILED : TASK_DONE, problem ? problem : "");
}

void task_test_channel_begin(struct task *task) {
  struct belfry_error error = {0};
  json_t *details = json_loads(task->details, 0, NULL);
  const char *channel = json_string_value(json_object_get(details, "channel"));
  if (notifier_test_begin(task->parts->notifier, channel ? channel : "", task->asked_by,
                          &task->test, task_on_tested, task, &error))
    task_finish(task, TASK_FAILED, error.text);
  json_decref(details);
}

void task_test_channel_call_off(struct task *task) {
  notifier_test_end(&task->test);
}
