/* GET /health: whether Belfry itself does its work. Says nothing that a stranger must not know. */
#include "fcgi/api.h"

#include "base/timestamp.h"
#include "fcgi/own_health.h"

#include "config.h"

void api_health(struct worker *worker, const struct request *request, struct response *response) {
  struct own_health report;
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  own_health_check(worker, request, history, &report);
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
             health_name(report.overall), PACKAGE_VERSION, now, uptime, uptime,
             (long long)report.clients, (long long)report.clients);
  for (size_t i = 0; i < report.count; i++) {
    const struct health_check *check = &report.checks[i];
    buf_printf(out, "%s\"%s\":{\"status\":\"%s\"", i ? "," : "", check->name, check->status);
    if (check->detail)
      buf_printf(out, ",\"detail\":\"%s\"", check->detail);
    buf_put_char(out, '}');
  }
  buf_put_text(out, "}}");
}
