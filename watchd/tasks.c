#include "watchd/tasks.h"

#include "base/bell.h"
#include "base/fd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX       32 /* at a time; more wait in the history */
#define LOOK_SECONDS    1.
#define REST_SECONDS    0.02  /* between two looks, however often the bell rings */
#define TASK_AGE_MAX_MS 60000 /* one that was asked longer ago is not wanted any more */

struct task_kind {
  const char *name;
  void (*begin)(struct task *task);
  void (*call_off)(struct task *task);
};

static const struct task_kind kinds[] = {
#define TASK_KIND(name) {#name, task_##name##_begin, task_##name##_call_off},
#include "watchd/task_kinds.def"
#undef TASK_KIND
};

struct tasks {
  struct tasks_parts parts;
  struct ev_io bell;
  struct ev_timer look, soon;
  int bell_fd; /* owned */
  struct task all[TASKS_MAX];
};

/* --- finishing --- */

void task_finish(struct task *task, enum task_end end, const char *message) {
  static const char *const states[] = {
      [TASK_DONE] = "done", [TASK_FAILED] = "failed", [TASK_REFUSED] = "refused"};
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("task_id", slice_of(task->id)),
      HISTORY_VALUE_TEXT("state", slice_of(states[end])),
      HISTORY_VALUE_TEXT("message", slice_of(message)),
  };
  outbox_change(task->parts->outbox, SQL_TASK_FINISH, values, 3);
  task->finished = true;
}

static void clear(struct task *task) {
  free(task->details);
  *task = (struct task){0};
}

/* --- beginning --- */

static const struct task_kind *find_kind(struct slice name) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (slice_is(name, kinds[i].name))
      return &kinds[i];
  return NULL;
}

static void begin(struct task *task, int64_t asked_ms) {
  int64_t age_ms = clock_realtime_ms(task->parts->clock) - asked_ms;
  task->begun_ms = schedule_now_ms();
  if (age_ms > TASK_AGE_MAX_MS)
    task_finish(task, TASK_FAILED, "it was asked for too long ago");
  else if (!task->kind)
    task_finish(task, TASK_FAILED, "this belfry-watchd does not know how to do it");
  else if (!task->details)
    task_finish(task, TASK_FAILED, "out of memory");
  else
    task->kind->begin(task);
}

static struct task *place_of(struct tasks *tasks, struct slice id) {
  struct task *empty = NULL;
  for (size_t i = 0; i < TASKS_MAX; i++) {
    if (slice_is(id, tasks->all[i].id))
      return &tasks->all[i];
    if (!tasks->all[i].id[0])
      empty = &tasks->all[i];
  }
  return empty;
}

static void copy_text(char *out, size_t size, const struct history_value *value) {
  snprintf(out, size, "%.*s", value->kind == HISTORY_TEXT ? (int)value->text.len : 0,
           value->kind == HISTORY_TEXT ? value->text.data : "");
}

/* Columns: task_id, kind, service, asked, asked_by, details. */
static int tasks_on_row(void *arg, const struct history_value *values, size_t count) {
  struct tasks *tasks = arg;
  if (count != 6 || values[0].text.len >= ULID_BYTES)
    return BELFRY_ECORRUPT;
  struct task *task = place_of(tasks, values[0].text);
  if (!task)
    return 0;
  task->seen = true;
  if (task->id[0])
    return 0;
  task->parts = &tasks->parts;
  task->kind = find_kind(values[1].text);
  copy_text(task->id, sizeof task->id, &values[0]);
  copy_text(task->service, sizeof task->service, &values[2]);
  copy_text(task->asked_by, sizeof task->asked_by, &values[4]);
  task->details = strndup(values[5].text.data, values[5].text.len);
  begin(task, values[3].integer);
  return 0;
}

static void look(struct tasks *tasks) {
  for (size_t i = 0; i < TASKS_MAX; i++)
    tasks->all[i].seen = false;
  bool changed = reader_changed(tasks->parts.reader);
  services_look(tasks->parts.services, changed);
  if (!changed || reader_read(tasks->parts.reader, SQL_TASKS_OPEN, tasks_on_row, tasks))
    return;
  for (size_t i = 0; i < TASKS_MAX; i++)
    if (tasks->all[i].finished && !tasks->all[i].seen) /* now the history knows too */
      clear(&tasks->all[i]);
}

/* --- the loop --- */

static void tasks_on_bell(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)events;
  struct tasks *tasks = io->data;
  bell_drain(tasks->bell_fd);
  if (ev_is_active(&tasks->soon))
    return;
  ev_timer_set(&tasks->soon, REST_SECONDS, 0);
  ev_timer_start(loop, &tasks->soon);
  look(tasks);
}

static void tasks_on_look(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  look(timer->data);
}

int tasks_new(const struct tasks_parts *parts, const char *bell_path, struct tasks **out,
              struct belfry_error *error) {
  struct tasks *tasks = calloc(1, sizeof *tasks);
  if (!tasks)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  tasks->parts = *parts;
  tasks->bell_fd = -1;
  int status = bell_open(bell_path, &tasks->bell_fd, error);
  if (status) {
    free(tasks);
    return status;
  }
  ev_io_init(&tasks->bell, tasks_on_bell, tasks->bell_fd, EV_READ);
  ev_timer_init(&tasks->look, tasks_on_look, LOOK_SECONDS, LOOK_SECONDS);
  ev_timer_init(&tasks->soon, tasks_on_look, REST_SECONDS, 0); /* rings that came meanwhile */
  tasks->bell.data = tasks->look.data = tasks->soon.data = tasks;
  ev_io_start(parts->loop, &tasks->bell);
  ev_timer_start(parts->loop, &tasks->look);
  *out = tasks;
  return BELFRY_OK;
}

void tasks_free(struct tasks *tasks) {
  if (!tasks)
    return;
  ev_io_stop(tasks->parts.loop, &tasks->bell);
  ev_timer_stop(tasks->parts.loop, &tasks->look);
  ev_timer_stop(tasks->parts.loop, &tasks->soon);
  for (size_t i = 0; i < TASKS_MAX; i++) {
    struct task *task = &tasks->all[i];
    if (task->id[0] && task->kind && !task->finished)
      task->kind->call_off(task);
    clear(task);
  }
  fd_close(&tasks->bell_fd);
  free(tasks);
}
