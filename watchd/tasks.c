#include "watchd/tasks.h"

#include "base/bell.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/ulid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX       32 /* at a time; more wait in the history */
#define LOOK_SECONDS    1.
#define REST_SECONDS    0.02  /* between two looks, however often the bell rings */
#define TASK_AGE_MAX_MS 60000 /* one that was asked longer ago is not wanted any more */

struct task {
  char id[ULID_BYTES]; /* "": the place is free */
  char asked_by[129];
  int64_t begun_ms; /* of schedule_now_ms */
  bool finished;    /* the history may not know yet */
  bool seen;        /* in the look that is being taken */
  struct services_round round;
  struct tasks *tasks;
};

struct tasks {
  struct tasks_parts parts;
  struct ev_io bell;
  struct ev_timer look, soon;
  int bell_fd; /* owned */
  struct task all[TASKS_MAX];
  struct buf data;
};

/* --- finishing --- */

static void finish(struct task *task, const char *state, const char *message) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("task_id", slice_of(task->id)),
      HISTORY_VALUE_TEXT("state", slice_of(state)),
      HISTORY_VALUE_TEXT("message", slice_of(message)),
  };
  outbox_change(task->tasks->parts.outbox, SQL_TASK_FINISH, values, 3);
  task->finished = true;
}

static void tell_checked(struct task *task, const struct services_count *count) {
  struct tasks *tasks = task->tasks;
  struct buf *data = &tasks->data;
  buf_clear(data);
  buf_printf(data, "{\"task_id\":\"%s\",\"asked_by\":", task->id);
  json_put_string(data, slice_of(task->asked_by));
  if (task->round.name[0]) {
    buf_put_text(data, ",\"service\":");
    json_put_string(data, slice_of(task->round.name));
  }
  buf_printf(data, ",\"checked\":%" PRId64, count->checked);
  for (int status = SERVICE_UNKNOWN; status < SERVICE_PAUSED; status++)
    buf_printf(data, ",\"%s\":%" PRId64, service_status_name((enum service_status)status),
               count->by_status[status]);
  buf_printf(data, ",\"duration_ms\":%" PRId64 "}", schedule_now_ms() - task->begun_ms);
  const struct event event = {.timestamp_ms = clock_realtime_ms(tasks->parts.clock),
                              .severity = SEVERITY_INFO,
                              .type = slice_of("health_checked"),
                              .source = slice_of("watchd"),
                              .data = buf_slice(data)};
  if (buf_status(data) == BELFRY_OK)
    outbox_event(tasks->parts.outbox, &event);
}

static void tasks_on_checked(void *arg, const struct services_count *count) {
  struct task *task = arg;
  tell_checked(task, count);
  finish(task, "done", "");
}

/* --- beginning --- */

static void begin(struct task *task, struct slice kind, int64_t asked_ms) {
  struct tasks *tasks = task->tasks;
  int64_t age_ms = clock_realtime_ms(tasks->parts.clock) - asked_ms;
  task->begun_ms = schedule_now_ms();
  if (age_ms > TASK_AGE_MAX_MS)
    finish(task, "failed", "it was asked for too long ago");
  else if (!slice_is(kind, "check"))
    finish(task, "failed", "this belfry-watchd does not know how to do it");
  else if (services_check(tasks->parts.services, &task->round))
    finish(task, "failed", "the service is not watched");
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

/* Columns: task_id, kind, service, asked, asked_by. */
static int tasks_on_row(void *arg, const struct history_value *values, size_t count) {
  struct tasks *tasks = arg;
  if (count != 5 || values[0].text.len >= ULID_BYTES)
    return BELFRY_ECORRUPT;
  struct task *task = place_of(tasks, values[0].text);
  if (!task)
    return 0;
  task->seen = true;
  if (task->id[0])
    return 0;
  task->tasks = tasks;
  copy_text(task->id, sizeof task->id, &values[0]);
  copy_text(task->asked_by, sizeof task->asked_by, &values[4]);
  task->round = (struct services_round){.on_done = tasks_on_checked, .arg = task};
  copy_text(task->round.name, sizeof task->round.name, &values[2]);
  begin(task, values[1].text, values[3].integer);
  return 0;
}

static void look(struct tasks *tasks) {
  for (size_t i = 0; i < TASKS_MAX; i++)
    tasks->all[i].seen = false;
  if (!reader_changed(tasks->parts.reader) ||
      reader_read(tasks->parts.reader, SQL_TASKS_OPEN, tasks_on_row, tasks))
    return;
  for (size_t i = 0; i < TASKS_MAX; i++)
    if (tasks->all[i].finished && !tasks->all[i].seen) /* now the history knows too */
      memset(&tasks->all[i], 0, sizeof tasks->all[i]);
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
  buf_init(&tasks->data, 8192);
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
  for (size_t i = 0; i < TASKS_MAX; i++)
    services_call_off(tasks->parts.services, &tasks->all[i].round);
  fd_close(&tasks->bell_fd);
  buf_fini(&tasks->data);
  free(tasks);
}
