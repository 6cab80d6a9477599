/* GET /metrics: Belfry's own metrics for Prometheus. Those that it stores are at /api/metrics. */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/monitors.h"
#include "fcgi/prometheus.h"
#include "fcgi/state_answer.h"
#include "model/state.h"

#include <stdio.h>

#define FIGURES_DEPTH_MAX 4

/* The daemons that there should be, and the history. */
static const char *const names[] = {"belfry-historyd", "belfry-fcgi", "belfry-pushd",
                                    "belfry-watchd", PROMETHEUS_HISTORY};
#define SOURCE_COUNT (sizeof names / sizeof *names)

struct reading {
  struct state_now now;
  struct buf monitors; /* their lines */
  struct prometheus_source sources[SOURCE_COUNT];
  json_t *figures[SOURCE_COUNT]; /* owned */
  char versions[SOURCE_COUNT][32];
};

static int on_daemon(void *arg, const struct history_value *values, size_t count) {
  struct reading *reading = arg;
  if (count < 6 || !daemon_runs(values[4].integer, reading->now.now_ms))
    return 0;
  for (size_t i = 0; i < SOURCE_COUNT; i++) {
    if (!slice_is(values[0].text, names[i]) || reading->figures[i])
      continue;
    struct slice version = values[1].text;
    size_t room = sizeof reading->versions[i] - 1;
    snprintf(reading->versions[i], room + 1, "%.*s", (int)(version.len < room ? version.len : room),
             version.data);
    reading->figures[i] = json_parse(values[5].text, FIGURES_DEPTH_MAX, NULL);
    reading->sources[i].started_ms = values[3].integer;
  }
  return 0;
}

static void set(json_t *figures, const char *name, const struct history_value *value) {
  /* A counter is stored as a real, but is a whole number. */
  json_object_set_new(figures, name,
                      value->kind == HISTORY_INTEGER ? json_integer(value->integer)
                                                     : json_real(value->real));
}

static int on_counter(void *arg, const struct history_value *values, size_t count) {
  json_t *figures = arg;
  if (count > 1 && slice_is(values[0].text, "total_events"))
    set(figures, "events", &values[1]);
  else if (count > 1 && slice_is(values[0].text, "events_error_occurred"))
    set(figures, "errors", &values[1]);
  return 0;
}

static int on_agents(void *arg, const struct history_value *values, size_t count) {
  if (count > 1) {
    set(arg, "active_agents", &values[0]);
    set(arg, "executions", &values[1]);
  }
  return 0;
}

static int on_opportunities(void *arg, const struct history_value *values, size_t count) {
  if (count > 1) {
    set(arg, "opportunities", &values[0]);
    set(arg, "opportunities_discovered", &values[1]);
  }
  return 0;
}

/* The figures of HISTORY. What was never counted is zero. */
static int read_history(struct history *history, const struct state_now *now, json_t *figures,
                        struct belfry_error *error) {
  struct history_position position;
  const struct history_value params[] = {
      HISTORY_VALUE_INTEGER("stale_before", state_agents_stale_before(now))};
  json_object_set_new(figures, "events", json_integer(0));
  json_object_set_new(figures, "errors", json_integer(0));
  int status = history_read(history, SQL_COUNTERS, NULL, 0, on_counter, figures, error);
  if (!status)
    status = history_read(history, SQL_AGENT_TOTALS, params, 1, on_agents, figures, error);
  if (!status)
    status =
        history_read(history, SQL_OPPORTUNITY_COUNT, NULL, 0, on_opportunities, figures, error);
  if (!status)
    status = history_position(history, &position, error);
  if (!status) {
    json_object_set_new(figures, "head", json_integer(position.head));
    json_object_set_new(figures, "oldest", json_integer(position.oldest));
  }
  return status;
}

static int read_all(struct history *history, const struct conf *conf, struct reading *reading,
                    struct belfry_error *error) {
  int status = history_begin(history, error);
  if (status)
    return status;
  reading->figures[SOURCE_COUNT - 1] = json_object();
  status = history_read(history, SQL_DAEMONS, NULL, 0, on_daemon, reading, error);
  if (!status)
    status = read_history(history, &reading->now, reading->figures[SOURCE_COUNT - 1], error);
  if (!status)
    status = monitors_put(history, conf, &reading->monitors, error);
  history_end(history);
  return status;
}

void api_prometheus(struct worker *worker, const struct request *request,
                    struct response *response) {
  struct belfry_error error = {0};
  struct reading reading = {.now = state_now_of(worker, request)};
  struct history *history = worker_history(worker, &error);
  buf_init(&reading.monitors, 0);
  int status = history ? read_all(history, worker->conf, &reading, &error) : error.code;
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
  } else {
    for (size_t i = 0; i < SOURCE_COUNT; i++) {
      reading.sources[i].name = names[i];
      reading.sources[i].version = reading.versions[i];
      reading.sources[i].figures = reading.figures[i];
    }
    response->content_type = PROMETHEUS_CONTENT_TYPE;
    prometheus_put(&response->body, reading.sources, SOURCE_COUNT);
    buf_put_slice(&response->body, buf_slice(&reading.monitors));
  }
  for (size_t i = 0; i < SOURCE_COUNT; i++)
    json_decref(reading.figures[i]);
  buf_fini(&reading.monitors);
}
