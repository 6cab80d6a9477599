#include "fcgi/own_health.h"

#include "base/log.h"
#include "fcgi/worker.h"
#include "model/state.h"

static void add_check(struct own_health *out, const char *name, enum health health,
                      const char *detail) {
  out->checks[out->count++] = (struct health_check){name, health_name(health), detail};
  if (health > out->overall)
    out->overall = health;
}

static void check_helper(struct own_health *out, const char *name, bool enabled,
                         const struct daemon_state *daemon, const char *missing) {
  if (!enabled)
    out->checks[out->count++] = (struct health_check){name, "disabled", NULL};
  else
    add_check(out, name, daemon ? HEALTHY : DEGRADED, daemon ? NULL : missing);
}

void own_health_check(struct worker *worker, const struct request *request, struct history *history,
                      struct own_health *out) {
  int64_t now_ms = request->now_ms;
  struct daemon_state daemons[DAEMON_COUNT_MAX];
  size_t count = 0;
  struct belfry_error error = {0};
  *out = (struct own_health){0};
  if (!history || daemon_states(history, daemons, &count, &error)) {
    worker->history_suspect = history != NULL;
    log_debug("request %s: health: %s", request->id, error.text);
    add_check(out, "history", UNHEALTHY, "the history cannot be read");
    count = 0;
  } else {
    const struct daemon_state *writer =
        daemon_find_running(daemons, count, "belfry-historyd", now_ms);
    if (!writer)
      add_check(out, "history", UNHEALTHY,
                "belfry-historyd, which writes the history, is not running");
    else if (writer->disk_full)
      add_check(out, "history", DEGRADED, "the disk is full: events and samples are refused");
    else
      add_check(out, "history", HEALTHY, NULL);
  }
  const struct daemon_state *push = daemon_find_running(daemons, count, "belfry-pushd", now_ms);
  const struct daemon_state *watch = daemon_find_running(daemons, count, "belfry-watchd", now_ms);
  check_helper(out, "push", worker->conf->push_enabled, push, "belfry-pushd is not running");
  check_helper(out, "watch", worker->conf->watch_enabled, watch, "belfry-watchd is not running");
  out->clients = push ? push->clients : 0;
}
