#include "fcgi/monitors.h"

#include "base/json.h"
#include "fcgi/prometheus.h"

#include <string.h>

struct monitors {
  const struct conf *conf;
  struct buf status, times; /* lines of the two metrics */
};

/* As Uptime Kuma counts: 1 up, 0 down, 2 pending, 3 maintenance. What is slow is up; what nobody
 * knows is pending. */
static int status_of(struct slice status) {
  return slice_is(status, "up") || slice_is(status, "degraded") ? 1
         : slice_is(status, "down")                             ? 0
         : slice_is(status, "paused")                           ? 3
                                                                : 2;
}

/* Returns: NULL for what Belfry watches by itself: its own daemons. */
static const struct conf_service *find(const struct conf *conf, struct slice name) {
  for (size_t i = 0; i < conf->service_count; i++)
    if (slice_is(name, conf->services[i].name))
      return &conf->services[i];
  return NULL;
}

/* The URL that is asked, without what may be secret in it: user, password, query. */
static void put_url(struct buf *out, const struct conf_service *service) {
  struct buf url;
  buf_init(&url, 0);
  conf_service_put_url(service, &url);
  if (!buf_status(&url)) {
    char *host = strstr(url.data, "://") + strlen("://");
    char *path = host + strcspn(host, "/?#");
    const char *user_end = memrchr(host, '@', (size_t)(path - host));
    path[strcspn(path, "?#")] = '\0';
    buf_printf(out, "%.*s%s", (int)(host - url.data), url.data, user_end ? user_end + 1 : host);
  }
  buf_fini(&url);
}

/* Uptime Kuma's word where it has one. */
static const char *type_of(const struct conf_service *service) {
  return service->type == CONF_SERVICE_tcp ? "port" : conf_service_type_name(service);
}

/* {monitor_name=...,monitor_type=...,monitor_url=...,monitor_hostname=...,monitor_port=...}; what
 * does not apply is "null" there. */
static void put_labels(struct buf *out, const struct conf *conf, struct slice name) {
  const struct conf_service *service = find(conf, name);
  bool http = service && service->health_endpoint;
  bool here = service && service->port > 0 && !(http && service->health_endpoint[0] != '/');
  struct buf url, port;
  buf_init(&url, 0);
  buf_init(&port, 0);
  if (http)
    put_url(&url, service);
  if (here)
    buf_printf(&port, "%lld", (long long)service->port);
  prometheus_put_label(out, "{", "monitor_name", name);
  prometheus_put_label(out, ",", "monitor_type", slice_of(service ? type_of(service) : "belfry"));
  prometheus_put_label(out, ",", "monitor_url", http ? buf_slice(&url) : slice_of("null"));
  prometheus_put_label(out, ",", "monitor_hostname",
                       slice_of(here ? conf_service_host(service) : "null"));
  prometheus_put_label(out, ",", "monitor_port", here ? buf_slice(&port) : slice_of("null"));
  buf_put_char(out, '}');
  buf_fini(&url);
  buf_fini(&port);
}

/* Columns: name, status, message, latency_ms, last_check, last_change. */
static int on_service(void *arg, const struct history_value *values, size_t count) {
  struct monitors *monitors = arg;
  if (count < 4)
    return BELFRY_ECORRUPT;
  buf_put_text(&monitors->status, "monitor_status");
  put_labels(&monitors->status, monitors->conf, values[0].text);
  buf_printf(&monitors->status, " %d\n", status_of(values[1].text));
  if (values[3].kind == HISTORY_NULL)
    return buf_status(&monitors->status);
  buf_put_text(&monitors->times, "monitor_response_time");
  put_labels(&monitors->times, monitors->conf, values[0].text);
  buf_put_char(&monitors->times, ' ');
  json_put_number(&monitors->times,
                  values[3].kind == HISTORY_INTEGER ? (double)values[3].integer : values[3].real);
  buf_put_char(&monitors->times, '\n');
  return buf_status(&monitors->times);
}

static void put_metric(struct buf *out, const char *name, const char *help,
                       const struct buf *lines) {
  if (lines->len == 0)
    return;
  prometheus_put_head(out, name, "gauge", help);
  buf_put_slice(out, buf_slice(lines));
}

int monitors_put(struct history *history, const struct conf *conf, struct buf *out,
                 struct belfry_error *error) {
  struct monitors monitors = {.conf = conf};
  buf_init(&monitors.status, 0);
  buf_init(&monitors.times, 0);
  int status = history_read(history, SQL_SERVICES, NULL, 0, on_service, &monitors, error);
  if (!status) {
    put_metric(out, "monitor_status",
               "How a watched service is: 1 up, 0 down, 2 not known, 3 paused.", &monitors.status);
    put_metric(out, "monitor_response_time",
               "How long the last answer of a watched service took, in milliseconds.",
               &monitors.times);
  }
  buf_fini(&monitors.status);
  buf_fini(&monitors.times);
  return status;
}
