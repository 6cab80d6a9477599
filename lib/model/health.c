#include "model/health.h"

#include "base/json.h"
#include "model/health_priv.h"
#include "model/state.h"

#include <math.h>
#include <stdlib.h>

/* The host is as it was on average over so long: no spike degrades it. */
#define HOST_WINDOW_MS 60000

const char *health_name(enum health health) {
  static const char *const names[] = {"healthy", "unknown", "degraded", "unhealthy"};
  return names[health];
}

enum health health_of_status(struct slice status) {
  static const struct {
    const char *status;
    enum health health;
  } rows[] = {{"up", HEALTHY}, {"paused", HEALTHY}, {"degraded", DEGRADED}, {"down", UNHEALTHY}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (slice_is(status, rows[i].status))
      return rows[i].health;
  return HEALTH_UNKNOWN;
}

/* The snapshot of now in the making. */
struct now {
  const struct health_rules *rules;
  struct health_services services;
  double *latencies; /* owned */
  struct slice only; /* the name of the one that is put; empty: all */
  int64_t now_ms;
  enum health overall;
  struct state_text *text;
  unsigned count;
};

static void worsen(struct now *now, enum health health) {
  if (health > now->overall)
    now->overall = health;
}

/* --- the host ----------------------------------------------------------------------------------
 */

struct mean {
  double sum;
  int64_t count;
};

static int on_host(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct mean *mean = arg;
  if (slice_is(labels, "{}")) { /* not of one processor */
    mean->sum += bucket->sum;
    mean->count += bucket->count;
  }
  return 0;
}

static int judge_host(struct history *history, struct now *now, const char *metric, int64_t most,
                      struct belfry_error *error) {
  struct mean mean = {0};
  struct sample_page page;
  const struct sample_query query = {.metric = slice_of(metric),
                                     .from_ms = now->now_ms - HOST_WINDOW_MS,
                                     .to_ms = now->now_ms + 1,
                                     .step_ms = HOST_WINDOW_MS,
                                     .max_buckets = HEALTH_PLACES_MAX};
  int status = history_samples(history, &query, on_host, &mean, &page, error);
  if (!status && mean.count > 0 && mean.sum / (double)mean.count > (double)most)
    worsen(now, DEGRADED);
  return status;
}

/* --- the services ------------------------------------------------------------------------------
 */

static int on_span(void *arg, struct health_service *service, struct slice status, int64_t from_ms,
                   int64_t to_ms) {
  const struct now *now = arg;
  uptime_add(&service->uptime, now->now_ms, status, from_ms, to_ms);
  return 0;
}

static void put_uptimes(struct buf *out, const struct uptime *uptime) {
  buf_put_text(out, ",\"uptime_percent\":{");
  for (unsigned i = 0; i < UPTIME_WINDOWS; i++) {
    buf_printf(out, "%s\"%s\":", i ? "," : "", uptime_windows[i].name);
    json_put_measure(out, uptime_percent(uptime, i));
  }
  buf_put_char(out, '}');
}

static void put_sparkline(struct buf *out, const double *latency) {
  buf_put_text(out, ",\"sparkline\":[");
  for (size_t i = 0; i < HEALTH_SPARKLINE_POINTS; i++) {
    buf_put_text(out, i ? "," : "");
    json_put_number(out, latency[i]);
  }
  buf_put_char(out, ']');
}

static void put_pause(struct state_text *text, const struct history_value *values) {
  buf_put_text(text->out, ",\"pause\":{");
  state_put_time(text, "since", &values[0]);
  state_put_time(text, "until", &values[1]);
  state_put_text(text, "by", &values[2]);
  state_put_text(text, "comment", &values[3]);
  buf_put_char(text->out, '}');
}

/* Columns: name, status, message, latency_ms, last_check, last_change; of its pause since, until,
 * by, comment. */
static int on_service(void *arg, const struct history_value *values, size_t count) {
  struct now *now = arg;
  struct state_text *text = now->text;
  struct health_service *service =
      count < 10 ? NULL : health_services__find(&now->services, values[0].text);
  if (!service)
    return BELFRY_ECORRUPT;
  if (now->only.len > 0 && !slice_equal(now->only, values[0].text))
    return 0;
  buf_put_text(text->out, now->count++ ? ",{" : "{");
  state_put_text(text, "name", &values[0]);
  state_put_text(text, "status", &values[1]);
  state_put_number(text, "latency_ms", &values[3]);
  state_text_clock_starts(text);
  put_uptimes(text->out, &service->uptime);
  state_put_time(text, "last_check", &values[4]);
  state_text_clock_ends(text);
  state_put_time(text, "last_change", &values[5]);
  state_put_text(text, "message", &values[2]);
  if (values[6].kind != HISTORY_NULL)
    put_pause(text, &values[6]);
  state_text_clock_starts(text); /* it moves on with the time */
  put_sparkline(text->out, service->latency);
  state_text_clock_ends(text);
  buf_put_char(text->out, '}');
  return buf_status(text->out);
}

static int gather_services(struct history *history, struct now *now, struct belfry_error *error) {
  struct health_services *services = &now->services;
  int64_t interval_ms = now->rules->interval_ms;
  int64_t from_ms = (now->now_ms / interval_ms - (HEALTH_SPARKLINE_POINTS - 1)) * interval_ms;
  int status = health_services__read(history, services, error);
  if (status)
    return status;
  now->latencies = calloc(services->count + 1, HEALTH_SPARKLINE_POINTS * sizeof *now->latencies);
  if (!now->latencies)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  for (size_t i = 0; i < services->count; i++)
    services->all[i].latency = now->latencies + i * HEALTH_SPARKLINE_POINTS;
  status = health_services__latencies(history, services, from_ms, interval_ms,
                                      HEALTH_SPARKLINE_POINTS, error);
  if (!status)
    status = health_services__spans(history, services,
                                    now->now_ms - uptime_windows[UPTIME_WINDOWS - 1].ms,
                                    now->now_ms, on_span, now, error);
  return status;
}

/* --- all of it ---------------------------------------------------------------------------------
 */

/* Whether what watches is running; without it all of this is of the past. */
static int read_watching(struct history *history, const struct now *now, bool *out,
                         struct belfry_error *error) {
  int status = daemon_read_running(history, "belfry-watchd", now->now_ms, out, error);
  *out = *out && now->rules->watching;
  return status;
}

static int judge(struct history *history, struct now *now, bool watching,
                 struct belfry_error *error) {
  if (!watching || now->services.count == 0)
    worsen(now, HEALTH_UNKNOWN);
  for (size_t i = 0; i < now->services.count; i++)
    worsen(now, now->services.all[i].health);
  int status = judge_host(history, now, "host_cpu_percent", now->rules->cpu_max, error);
  if (!status)
    status = judge_host(history, now, "host_memory_percent", now->rules->mem_max, error);
  return status;
}

static int put(struct history *history, struct now *now, struct belfry_error *error) {
  struct buf *out = now->text->out;
  bool watching = false;
  int status = gather_services(history, now, error);
  if (!status)
    status = read_watching(history, now, &watching, error);
  if (!status)
    status = judge(history, now, watching, error);
  if (status)
    return status;
  buf_put_char(out, '{');
  state_text_clock_starts(now->text);
  state_put_time(now->text, "timestamp", &HISTORY_VALUE_INTEGER("", now->now_ms));
  state_text_clock_ends(now->text);
  buf_printf(out, ",\"overall\":\"%s\",\"watching\":%s", health_name(now->overall),
             watching ? "true" : "false");
  status = state_put_host(history, now->now_ms, now->text, error);
  buf_put_text(out, ",\"services\":[");
  if (!status)
    status = history_read(history, SQL_SERVICES, NULL, 0, on_service, now, error);
  buf_put_text(out, "]}");
  return status;
}

static int put_services(struct history *history, struct now *now, struct belfry_error *error) {
  int status = gather_services(history, now, error);
  return status ? status : history_read(history, SQL_SERVICES, NULL, 0, on_service, now, error);
}

static int put_at_once(struct history *history, struct now *now,
                       int (*put_fn)(struct history *, struct now *, struct belfry_error *),
                       struct belfry_error *error) {
  int status = history_begin(history, error); /* all of one moment */
  if (status)
    return status;
  status = put_fn(history, now, error);
  history_end(history);
  health_services__free(&now->services);
  free(now->latencies);
  return status;
}

int health_put(struct history *history, const struct health_rules *rules, int64_t now_ms,
               struct state_text *text, struct belfry_error *error) {
  struct now now = {.rules = rules, .now_ms = now_ms, .text = text};
  return put_at_once(history, &now, put, error);
}

int health_put_services(struct history *history, const struct health_rules *rules, int64_t now_ms,
                        struct state_text *text, struct belfry_error *error) {
  struct now now = {.rules = rules, .now_ms = now_ms, .text = text};
  buf_put_text(text->out, "{\"services\":[");
  int status = put_at_once(history, &now, put_services, error);
  buf_put_text(text->out, "],\"next_cursor\":null}");
  return status;
}

int health_put_service(struct history *history, const struct health_rules *rules, int64_t now_ms,
                       struct slice name, struct state_text *text, struct belfry_error *error) {
  struct now now = {.rules = rules, .now_ms = now_ms, .text = text, .only = name};
  int status = name.len == 0 ? BELFRY_ENOENT : put_at_once(history, &now, put_services, error);
  return status ? status : now.count > 0 ? BELFRY_OK : BELFRY_ENOENT;
}
