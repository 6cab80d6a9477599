/*
 * The task `recover`: runs an action of a service, or tells what it would run. It is done when the
 * recovery has begun; what becomes of that, its events tell.
 */
#include "base/json.h"
#include "watchd/recoveries.h"
#include "watchd/tasks.h"

static void task_on_answer(void *arg, enum recovery_answer answer, const char *message) {
  static const enum task_end ends[] = {[RECOVERY_BEGUN] = TASK_DONE,
                                       [RECOVERY_REFUSED] = TASK_REFUSED,
                                       [RECOVERY_IMPOSSIBLE] = TASK_FAILED};
  task_finish(arg, ends[answer], message);
}

static struct slice text_of(const struct task *task, const char *key, struct buf *scratch) {
  struct slice raw = json_member(slice_of(task->details), key), text = {0};
  if (!raw.data || raw.data[0] != '"' || json_decode_string(raw, scratch, &text))
    return slice_of("");
  return text;
}

void task_recover_begin(struct task *task) {
  struct buf scratch;
  buf_init(&scratch, 65536);
  if (!buf_reserve(&scratch, strlen(task->details))) { /* so that its texts stay where they are */
    task_finish(task, TASK_FAILED, "out of memory");
    buf_fini(&scratch);
    return;
  }
  const struct recovery_wish wish = {
      .id = task->id,
      .service = slice_of(task->service),
      .action = text_of(task, "action", &scratch),
      .reason = text_of(task, "reason", &scratch),
      .by = slice_of(task->asked_by),
      .dry_run = slice_is(json_member(slice_of(task->details), "dry_run"), "true"),
      .on_answer = task_on_answer,
      .arg = task};
  recoveries_ask(task->parts->recoveries, &wish);
  buf_fini(&scratch);
}

void task_recover_call_off(struct task *task) {
  recoveries_forget(task->parts->recoveries, task);
}
