/* GET /health: whether Belfry itself does its work. Says nothing that a stranger must not know. */
#include "fcgi/api.h"

#include "base/json.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "model/state.h"

#include "config.h"

enum health { HEALTHY, DEGRADED, UNHEALTHY };

static const char *const health_names[] = {"healthy", "degraded", "unhealthy"};

struct check {
  const char *name;
  const char *status; /* one of health_names, or "disabled" */
  const char *detail; /* NULL when there is nothing to say */
};

struct health_report {
  enum health overall;
  struct check checks[3];
  size_t count;
  int64_t clients;
};

static void add_check(struct health_report *report, const char *name, enum health health,
                      const char *detail) {
  report->checks[report->count++] = (struct check){name, health_names[health], detail};
  if (health > report->overall)
    report->overall = health;
}

static const struct daemon_state *find_daemon(const struct daemon_state *daemons, size_t count,
                                              const char *name, int64_t now_ms) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(daemons[i].name, name) == 0 && now_ms - daemons[i].updated_ms <= DAEMON_STALE_MS)
      return &daemons[i];
  return NULL;
}

static void check_helper(struct health_report *report, const char *name, bool enabled,
                         const struct daemon_state *daemon, const char *missing) {
  if (!enabled)
    report->checks[report->count++] = (struct check){name, "disabled", NULL};
  else
    add_check(report, name, daemon ? HEALTHY : DEGRADED, daemon ? NULL : missing);
}

static void check_all(struct worker *worker, const struct request *request,
                      struct health_report *report) {
  struct daemon_state daemons[DAEMON_COUNT_MAX];
  size_t count = 0;
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  if (!history || daemon_states(history, daemons, &count, &error)) {
    worker->history_suspect = history != NULL;
    log_debug("health: %s", error.text);
    add_check(report, "history", UNHEALTHY, "the history cannot be read");
    count = 0;
  } else {
    const struct daemon_state *writer =
        find_daemon(daemons, count, "belfry-historyd", request->now_ms);
    if (!writer)
      add_check(report, "history", UNHEALTHY,
                "belfry-historyd, which writes the history, is not running");
    else if (writer->disk_full)
      add_check(report, "history", DEGRADED, "the disk is full: events and samples are refused");
    else
      add_check(report, "history", HEALTHY, NULL);
  }
  const struct daemon_state *push = find_daemon(daemons, count, "belfry-pushd", request->now_ms);
  const struct daemon_state *watch = find_daemon(daemons, count, "belfry-watchd", request->now_ms);
  check_helper(report, "push", worker->conf->push_enabled, push, "belfry-pushd is not running");
  check_helper(report, "watch", worker->conf->watch_enabled, watch, "belfry-watchd is not running");
  report->clients = push ? push->clients : 0;
}

void api_health(struct worker *worker, const struct request *request, struct response *response) {
  struct health_report report = {0};
  check_all(worker, request, &report);
  if (report.overall == UNHEALTHY)
    response_header(response, "Retry-After", "5");
  struct buf *out = response_json(response, report.overall == UNHEALTHY ? 503 : 200);
  char now[TIMESTAMP_BYTES];
  timestamp_format(request->now_ms, now);
  long long uptime = (long long)(request->now_ms - worker->shared->started_ms) / 1000;
  uptime = uptime < 0 ? 0 : uptime; /* the clock was set back */
  buf_printf(out,
             "{\"status\":\"%s\",\"service\":\"belfry\",\"version\":\"%s\",\"timestamp\":\"%s\","
             "\"uptime_seconds\":%lld,\"uptime\":%lld,\"connected_clients\":%lld,"
             "\"connections\":%lld,\"checks\":{",
             health_names[report.overall], PACKAGE_VERSION, now, uptime, uptime,
             (long long)report.clients, (long long)report.clients);
  for (size_t i = 0; i < report.count; i++) {
    const struct check *check = &report.checks[i];
    buf_printf(out, "%s\"%s\":{\"status\":\"%s\"", i ? "," : "", check->name, check->status);
    if (check->detail)
      buf_printf(out, ",\"detail\":\"%s\"", check->detail);
    buf_put_char(out, '}');
  }
  buf_put_text(out, "}}");
}
