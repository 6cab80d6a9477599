#include "watchd/watched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void end_check(struct watched *watched) {
  watched->checking = false;
  watched->checked_begun_ms = watched->check_begun_ms;
  watched->checked_took_ms = schedule_now_ms() - watched->check_begun_ms;
  watched->parts->on_checked(watched->parts->arg, watched);
}

static void settle(struct watched *watched, const struct probe_result *result) {
  const struct watched_parts *parts = watched->parts;
  int64_t now_ms = clock_realtime_ms(parts->clock);
  enum service_status previous;
  bool changed = service_judge(&watched->state, result, watched->options.degraded_ms, &previous);
  service_describe(parts->teller, &watched->state, result, watched->message);
  if (changed)
    service_tell_change(parts->teller, watched->name, &watched->state, previous, result,
                        watched->message, now_ms);
  service_tell_check(parts->teller, watched->name, result, watched->message, now_ms);
}

static void try_again(struct watched *watched) {
  struct ev_loop *loop = watched->parts->tools.loop;
  watched->attempts++;
  ev_now_update(loop);
  ev_timer_set(&watched->again, (double)watched->options.retry_delay_ms / 1000, 0);
  ev_timer_start(loop, &watched->again);
}

static void take_result(struct watched *watched, struct probe_result *result) {
  /* What ran out of our own time says nothing, and what took so long measured us. */
  bool held_up = schedule_stalled_since(watched->parts->schedule, watched->attempt_begun_ms);
  if (held_up)
    result->latency_ms = -1;
  if (service_result_is_bad(result, watched->options.degraded_ms) &&
      watched->attempts < watched->options.retries) {
    try_again(watched);
    return;
  }
  if (!held_up || result->outcome == PROBE_SUCCESS)
    settle(watched, result);
  end_check(watched);
}

static void watched_on_done(void *arg, const struct probe_result *result) {
  struct watched *watched = arg;
  struct probe_result copy = *result;
  watched->probe = NULL;
  take_result(watched, &copy);
}

static void attempt(struct watched *watched) {
  struct belfry_error error = {0};
  watched->attempt_begun_ms = schedule_now_ms();
  if (probe_start(&watched->parts->tools, &watched->options.target, watched_on_done, watched,
                  &watched->probe, &error)) {
    struct probe_result result = {.outcome = PROBE_FAULT, .latency_ms = -1};
    snprintf(result.message, sizeof result.message, "cannot check: %.200s", error.text);
    take_result(watched, &result);
  }
}

static void watched_on_again(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  attempt(timer->data);
}

void watched_check(struct watched *watched) {
  if (watched->checking || watched->paused)
    return;
  watched->checking = true;
  watched->attempts = 0;
  watched->check_begun_ms = schedule_now_ms();
  attempt(watched);
}

static void watched_on_turn(void *arg) {
  watched_check(arg); /* none, while the last one still waits for its answer */
}

void watched_start(struct watched *watched, int64_t first_ms) {
  service_tell_watched(watched->parts->teller, watched->name,
                       clock_realtime_ms(watched->parts->clock));
  schedule_task_start_jittered(&watched->task, first_ms, watched->options.interval_ms,
                               watched->options.jitter_percent);
}

void watched_pause(struct watched *watched, const char *why) {
  const struct probe_result nothing = {.outcome = PROBE_FAULT, .latency_ms = -1};
  enum service_status previous = watched->state.status;
  schedule_task_stop(&watched->task);
  ev_timer_stop(watched->parts->tools.loop, &watched->again);
  probe_cancel(watched->probe);
  watched->probe = NULL;
  watched->checking = false;
  watched->paused = true;
  watched->state = service_state_of(SERVICE_PAUSED);
  snprintf(watched->message, sizeof watched->message, "%s", why);
  if (previous != SERVICE_PAUSED) /* else that was told before a restart */
    service_tell_change(watched->parts->teller, watched->name, &watched->state, previous, &nothing,
                        watched->message, clock_realtime_ms(watched->parts->clock));
}

void watched_resume(struct watched *watched) {
  watched->paused = false;
  watched->state.seen = SERVICE_UNKNOWN;
  schedule_task_start_jittered(&watched->task, 0, watched->options.interval_ms,
                               watched->options.jitter_percent);
}

struct watched *watched_new(const struct watched_parts *parts,
                            const struct watched_options *options) {
  const struct probe_target *target = &options->target;
  struct watched *watched = calloc(1, sizeof *watched);
  if (!watched)
    return NULL;
  snprintf(watched->name, sizeof watched->name, "%s", target->name);
  watched->options = *options;
  watched->parts = parts;
  schedule_task_init(&watched->task, parts->schedule, watched_on_turn, watched);
  ev_timer_init(&watched->again, watched_on_again, 0, 0);
  watched->again.data = watched;
  if (target->service)
    watched->service = conf_service_copy(target->service);
  else
    watched->socket = strdup(target->socket);
  if (!watched->service && !watched->socket) {
    watched_free(watched);
    return NULL;
  }
  watched->options.target.name = watched->name;
  watched->options.target.service = watched->service;
  watched->options.target.socket = watched->socket;
  return watched;
}

void watched_free(struct watched *watched) {
  if (!watched)
    return;
  schedule_task_stop(&watched->task);
  ev_timer_stop(watched->parts->tools.loop, &watched->again);
  probe_cancel(watched->probe);
  conf_service_free(watched->service);
  free(watched->socket);
  free(watched);
}

bool watched_same(const struct watched *a, const struct watched *b) {
  const struct watched_options *one = &a->options, *other = &b->options;
  if (one->target.timeout_ms != other->target.timeout_ms ||
      one->interval_ms != other->interval_ms || one->jitter_percent != other->jitter_percent ||
      one->retries != other->retries || one->retry_delay_ms != other->retry_delay_ms ||
      one->degraded_ms != other->degraded_ms)
    return false;
  if (!a->service || !b->service)
    return a->socket && b->socket && strcmp(a->socket, b->socket) == 0;
  return conf_service_same(a->service, b->service);
}
