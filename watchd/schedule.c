#include "watchd/schedule.h"

#include "base/fd.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_SECONDS    0.5 /* the loop comes round at least this often */
#define FIRST_SPREAD_MS 100 /* between the first turns of two tasks */

struct schedule {
  struct ev_loop *loop; /* borrowed */
  struct ev_timer tick;
  struct ev_check check;
  struct schedule_task *tasks; /* that run */
  int64_t task_count;
  int64_t last_round_ms;
  int64_t last_stall_ms; /* when the daemon came back from the last one; -1: there was none */
  int64_t late;
  int64_t turns;                          /* so far */
  uint32_t lateness[SCHEDULE_TURNS_KEPT]; /* of the last ones, in milliseconds; a ring */
};

int64_t schedule_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void schedule_on_tick(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)timer;
  (void)events;
}

static void arm(struct schedule_task *task) {
  int64_t wait_ms = task->turns.due_ms - schedule_now_ms();
  struct ev_loop *loop = task->schedule->loop;
  ev_timer_stop(loop, &task->timer);
  ev_now_update(loop); /* the loop's idea of now may be as old as the callbacks before this one */
  ev_timer_set(&task->timer, wait_ms > 0 ? (double)wait_ms / 1000 : 0, 0);
  ev_timer_start(loop, &task->timer);
}

static uint32_t chance(void) {
  uint32_t number;
  fd_random(&number, sizeof number);
  return number;
}

/* The loop's timers stand still while the host is suspended, and all that has become due since
 * would come at once. */
static void resume_tasks(struct schedule *schedule, int64_t now_ms) {
  for (struct schedule_task *task = schedule->tasks; task; task = task->next) {
    schedule->late +=
        turns_resume(&task->turns, now_ms, schedule->task_count * FIRST_SPREAD_MS, chance());
    arm(task);
  }
}

static void notice_stall(struct schedule *schedule) {
  int64_t now_ms = schedule_now_ms(), gap_ms = now_ms - schedule->last_round_ms;
  if (gap_ms > SCHEDULE_STALL_MS) {
    schedule->last_stall_ms = now_ms;
    schedule->late++;
    log_notice("was held up for %lld ms; checks that ran meanwhile do not count",
               (long long)gap_ms);
  }
  schedule->last_round_ms = now_ms;
  if (gap_ms > SCHEDULE_STALL_MS)
    resume_tasks(schedule, now_ms);
}

/* Runs right after the loop has waited and before any other callback, so that a timeout that is due
 * only because the daemon was held up is seen as such. */
static void schedule_on_check(struct ev_loop *loop, struct ev_check *check, int events) {
  (void)loop;
  (void)events;
  notice_stall(check->data);
}

int schedule_new(struct ev_loop *loop, struct schedule **out) {
  struct schedule *schedule = calloc(1, sizeof *schedule);
  if (!schedule)
    return BELFRY_ENOMEM;
  schedule->loop = loop;
  schedule->last_round_ms = schedule_now_ms();
  schedule->last_stall_ms = -1;
  ev_timer_init(&schedule->tick, schedule_on_tick, TICK_SECONDS, TICK_SECONDS);
  ev_timer_start(loop, &schedule->tick);
  ev_check_init(&schedule->check, schedule_on_check);
  ev_set_priority(&schedule->check, EV_MAXPRI);
  schedule->check.data = schedule;
  ev_check_start(loop, &schedule->check);
  *out = schedule;
  return BELFRY_OK;
}

void schedule_free(struct schedule *schedule) {
  if (!schedule)
    return;
  ev_timer_stop(schedule->loop, &schedule->tick);
  ev_check_stop(schedule->loop, &schedule->check);
  free(schedule);
}

bool schedule_stalled_since(struct schedule *schedule, int64_t since_ms) {
  /* It may be in this very round: libcurl looks at its timeouts itself, right after it has sent. */
  notice_stall(schedule);
  return schedule->last_stall_ms >= since_ms;
}

int64_t schedule_late_count(const struct schedule *schedule) {
  return schedule->late;
}

static int by_size(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

int64_t schedule_lateness_ms(const struct schedule *schedule) {
  uint32_t sorted[SCHEDULE_TURNS_KEPT];
  size_t count =
      schedule->turns < SCHEDULE_TURNS_KEPT ? (size_t)schedule->turns : SCHEDULE_TURNS_KEPT;
  if (count == 0)
    return 0;
  memcpy(sorted, schedule->lateness, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, by_size);
  return sorted[(count - 1) * 99 / 100];
}

static void note_turn(struct schedule *schedule, int64_t late_ms) {
  schedule->lateness[schedule->turns++ % SCHEDULE_TURNS_KEPT] = late_ms < 0 ? 0
                                                                : late_ms > UINT32_MAX
                                                                    ? UINT32_MAX
                                                                    : (uint32_t)late_ms;
}

static void schedule_on_turn(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct schedule_task *task = timer->data;
  int64_t now_ms = schedule_now_ms();
  note_turn(task->schedule, now_ms - task->turns.due_ms);
  task->schedule->late += turns_take(&task->turns, now_ms, chance());
  arm(task);
  task->on_turn(task->arg);
}

void schedule_task_init(struct schedule_task *task, struct schedule *schedule, schedule_fn on_turn,
                        void *arg) {
  *task = (struct schedule_task){.schedule = schedule, .on_turn = on_turn, .arg = arg};
  ev_timer_init(&task->timer, schedule_on_turn, 0, 0);
  task->timer.data = task;
}

void schedule_task_start_jittered(struct schedule_task *task, int64_t first_ms, int64_t interval_ms,
                                  int64_t jitter_percent) {
  struct schedule *schedule = task->schedule;
  if (!task->back) {
    task->back = &schedule->tasks;
    task->next = schedule->tasks;
    if (task->next)
      task->next->back = &task->next;
    schedule->tasks = task;
    schedule->task_count++;
  }
  task->turns = (struct turns){interval_ms, jitter_percent, schedule_now_ms() + first_ms};
  arm(task);
}

void schedule_task_start(struct schedule_task *task, int64_t first_ms, int64_t interval_ms) {
  schedule_task_start_jittered(task, first_ms, interval_ms, 0);
}

void schedule_task_stop(struct schedule_task *task) {
  if (task->back) {
    *task->back = task->next;
    if (task->next)
      task->next->back = task->back;
    task->back = NULL;
    task->schedule->task_count--;
  }
  if (task->schedule)
    ev_timer_stop(task->schedule->loop, &task->timer);
  task->turns.interval_ms = 0;
}

int64_t schedule_first_ms(size_t index, size_t count, int64_t interval_ms) {
  int64_t gap_ms = FIRST_SPREAD_MS;
  if (count > 0 && gap_ms > interval_ms / (int64_t)count)
    gap_ms = interval_ms / (int64_t)count;
  return (int64_t)index * gap_ms + (gap_ms > 0 ? (int64_t)(chance() % (uint32_t)gap_ms) : 0);
}
