#include "watchd/recovery_run.h"

#include "base/json.h"
#include "watchd/schedule.h"

#include <stdio.h>
#include <sys/wait.h>

#define LINES_MAX         1000 /* that are stored of one recovery */
#define CHECK_AGAIN_MS    1000
#define MESSAGE_TEXT_MOST 180 /* of a line that is quoted */

struct recovery_story recovery_run_story(const struct recovery_run *run) {
  return (struct recovery_story){.recovery_id = run->id,
                                 .service = run->service,
                                 .action = run->action->name,
                                 .by = run->by,
                                 .trigger = run->trigger,
                                 .reason = run->reason};
}

void recovery_run_clear(struct recovery_run *run) {
  if (!run->id[0])
    return;
  outbox_recall(run->parts->outbox, &run->letter);
  ev_timer_stop(run->parts->loop, &run->timer);
  if (run->in_round)
    services_call_off(run->parts->services, &run->round);
  conf_recovery_free(run->action);
  *run = (struct recovery_run){0};
}

/* --- the end ------------------------------------------------------------------------------------
 */

static void finish(struct recovery_run *run, const char *message) {
  const struct recovery_story story = recovery_run_story(run);
  run->outcome.duration_ms = schedule_now_ms() - run->begun_ms;
  run->outcome.message = message;
  recovery_tell_finished(run->parts->teller, &story, &run->outcome);
  run->parts->listener.on_finished(run->parts->listener.arg, run, run->outcome.success);
  recovery_run_clear(run);
}

/* --- verifying ----------------------------------------------------------------------------------
 */

static void check_later(struct recovery_run *run, int64_t after_ms) {
  ev_now_update(run->parts->loop);
  ev_timer_set(&run->timer, (double)after_ms / 1000, 0);
  ev_timer_start(run->parts->loop, &run->timer);
}

static bool is_well(const struct service_state *state) {
  return state->faults == 0 && state->failures == 0 &&
         (state->seen == SERVICE_UP || state->seen == SERVICE_DEGRADED);
}

static void run_on_round(void *arg, const struct services_count *count) {
  struct recovery_run *run = arg;
  const struct service_state *state = services_state(run->parts->services, run->service);
  char message[RECOVERY_TEXT_BYTES];
  int64_t waited_ms = schedule_now_ms() - run->ran_ms;
  (void)count;
  run->in_round = false;
  run->outcome.checked = true;
  if (state && is_well(state)) {
    run->outcome.success = run->outcome.verified = true;
    snprintf(message, sizeof message, "exit status 0; the service is %s, %.1f s after it",
             service_status_name(state->seen), (double)waited_ms / 1000);
    finish(run, message);
  } else if (state && waited_ms + CHECK_AGAIN_MS < run->action->verify_timeout_ms) {
    check_later(run, CHECK_AGAIN_MS);
  } else {
    snprintf(message, sizeof message, "exit status 0, but the service is %s still, %.1f s after it",
             state ? service_status_name(state->seen) : "not watched", (double)waited_ms / 1000);
    finish(run, message);
  }
}

static void run_on_timer(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct recovery_run *run = timer->data;
  snprintf(run->round.name, sizeof run->round.name, "%s", run->service);
  run->round.on_done = run_on_round;
  run->round.arg = run;
  run->in_round = services_check(run->parts->services, &run->round) == BELFRY_OK;
  if (!run->in_round)
    finish(run, "exit status 0; the service is not watched any more");
}

/* --- running ------------------------------------------------------------------------------------
 */

struct line_from {
  struct recovery_run *run;
  int stream;
};

static void run_on_line(void *arg, struct slice line) {
  const struct line_from *from = arg;
  struct recovery_run *run = from->run;
  const struct recovery_story story = recovery_run_story(run);
  if (run->line_count >= LINES_MAX) {
    run->left_out++;
    return;
  }
  run->line_count++;
  struct slice shown = recovery_tell_line(run->parts->teller, &story, from->stream, line,
                                          &run->places[from->stream - 1]);
  snprintf(run->last_line, sizeof run->last_line, "%.*s",
           shown.len < MESSAGE_TEXT_MOST ? (int)shown.len : MESSAGE_TEXT_MOST, shown.data);
  utf8_repair(run->last_line);
}

void recovery_run_output(struct recovery_run *run, int stream, struct slice bytes) {
  struct line_from from = {run, stream};
  if (run->phase == RECOVERY_RUNNING)
    recovery_lines_take(&run->lines[stream - 1], bytes, run_on_line, &from);
}

static void end_lines(struct recovery_run *run, int64_t lost_bytes) {
  const struct recovery_story story = recovery_run_story(run);
  char text[160];
  for (int stream = 1; stream <= 2; stream++) {
    struct line_from from = {run, stream};
    recovery_lines_end(&run->lines[stream - 1], run_on_line, &from);
  }
  if (run->left_out == 0 && lost_bytes == 0)
    return;
  snprintf(text, sizeof text, "%lld lines and %lld bytes more were not stored",
           (long long)run->left_out, (long long)lost_bytes);
  (void)recovery_tell_line(run->parts->teller, &story, 1, slice_of(text), NULL);
}

/* Says how a command ended that did not do it. */
static void put_failure(const struct recovery_run *run, const struct runner_end *end, char *out,
                        size_t size) {
  const char *colon = run->last_line[0] ? ": " : "";
  if (end->refused)
    snprintf(out, size, "was not run: %s", end->refused);
  else if (end->timed_out)
    snprintf(out, size, "did not end within %lld ms, and was ended with all of its group%s%s",
             (long long)run->action->timeout_ms, colon, run->last_line);
  else if (WIFSIGNALED(end->status))
    snprintf(out, size, "was ended by the signal %d%s%s", WTERMSIG(end->status), colon,
             run->last_line);
  else
    snprintf(out, size, "exit status %d%s%s", WEXITSTATUS(end->status), colon, run->last_line);
}

void recovery_run_ended(struct recovery_run *run, const struct runner_end *end) {
  char message[RECOVERY_TEXT_BYTES];
  if (run->phase != RECOVERY_RUNNING)
    return;
  end_lines(run, end->lost_bytes);
  run->ran_ms = schedule_now_ms();
  run->outcome.timed_out = end->timed_out;
  run->outcome.exited = !end->refused && !end->timed_out && WIFEXITED(end->status);
  run->outcome.exit_status = run->outcome.exited ? WEXITSTATUS(end->status) : 0;
  if (run->outcome.exited && run->outcome.exit_status == 0) {
    run->phase = RECOVERY_VERIFYING;
    check_later(run, run->action->verify_after_ms);
    return;
  }
  put_failure(run, end, message, sizeof message);
  finish(run, message);
}

void recovery_run_runner_gone(struct recovery_run *run) {
  if (run->phase != RECOVERY_RUNNING)
    return;
  end_lines(run, 0);
  run->outcome.interrupted = true;
  finish(run, "interrupted: belfry-runner has ended");
}

/* --- the start ----------------------------------------------------------------------------------
 */

static void run_on_receipt(void *arg, int status, const char *error_text) {
  struct recovery_run *run = arg;
  const struct recovery_run_parts *parts = run->parts;
  char why[RECOVERY_TEXT_BYTES];
  if (status) { /* it may be on disk all the same: then this is its end there */
    snprintf(why, sizeof why, "its start could not be stored: %.300s",
             error_text && error_text[0] ? error_text : belfry_strerror(status));
    const struct recovery_story story = recovery_run_story(run);
    run->outcome.interrupted = true;
    run->outcome.message = why;
    recovery_tell_finished(parts->teller, &story, &run->outcome);
    parts->listener.on_not_started(parts->listener.arg, run, why);
    recovery_run_clear(run);
    return;
  }
  run->phase = RECOVERY_RUNNING;
  run->begun_ms = schedule_now_ms();
  parts->listener.on_started(parts->listener.arg, run);
  if (runner_link_run(parts->runner, run->id, run->service, run->action->name)) {
    const char *problem = runner_link_problem(parts->runner);
    const struct runner_end end = {.refused = problem ? problem : "belfry-runner takes no more"};
    recovery_run_ended(run, &end);
  }
}

int recovery_run_begin(struct recovery_run *run, const char *task_id) {
  const struct recovery_story story = recovery_run_story(run);
  struct history_batch batch;
  history_batch_init(&batch, 0);
  recovery_put_started(run->parts->teller, &story, &batch);
  if (task_id) { /* so that nobody asks for it again who was told that it began, and the reverse */
    const struct history_value values[] = {HISTORY_VALUE_TEXT("task_id", slice_of(task_id)),
                                           HISTORY_VALUE_TEXT("state", slice_of("done")),
                                           HISTORY_VALUE_TEXT("message", slice_of(""))};
    history_batch_mutate(&batch, SQL_TASK_FINISH, false, values, 3);
  }
  run->letter = (struct outbox_letter){.on_receipt = run_on_receipt, .arg = run};
  run->phase = RECOVERY_STORING;
  run->begun_ms = schedule_now_ms();
  ev_timer_init(&run->timer, run_on_timer, 0, 0);
  run->timer.data = run;
  int status = history_batch_status(&batch);
  if (!status)
    status = outbox_send(run->parts->outbox, &run->letter, &batch);
  history_batch_fini(&batch);
  return status;
}
