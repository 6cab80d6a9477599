#include "base/json.h"
#include "model/health.h"
#include "model/health_priv.h"

#include <math.h>
#include <stdlib.h>

#define HOST_METRICS_MAX 64

/* The grid of moments in the making: interval `i` goes from `from_ms + i * interval_ms` to its
   moment, which is the beginning of the next one. */
struct past {
  const struct health_rules *rules;
  int64_t from_ms;
  size_t intervals;
  struct health_services services;
  struct {
    char name[129];
    double *values; /* by interval; NaN: none */
  } host[HOST_METRICS_MAX];
  size_t host_count;
  double *numbers;       /* owned: of the services, then of the host's metrics */
  const char **statuses; /* owned: of the services */
  size_t filling;        /* the host's metric that is being read */
};

/* --- gathering --- */

static const char *word(struct slice status) {
  static const char *const words[] = {"up", "down", "degraded", "paused"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (slice_is(status, words[i]))
      return words[i];
  return "unknown";
}

static int64_t moment(const struct past *past, size_t interval) {
  return past->from_ms + (int64_t)(interval + 1) * past->rules->interval_ms;
}

static int on_span(void *arg, struct health_service *service, struct slice status, int64_t from_ms,
                   int64_t to_ms) {
  const struct past *past = arg;
  int64_t step_ms = past->rules->interval_ms, before_ms = from_ms - past->from_ms;
  size_t first = before_ms > 0 ? (size_t)((before_ms - 1) / step_ms) : 0; /* moment in the span */
  for (size_t i = first; i < past->intervals && moment(past, i) < to_ms; i++)
    service->status[i] = word(status);
  return 0;
}

/* Columns: metric, labels, last_ts, last_value. */
static int on_host_series(void *arg, const struct history_value *values, size_t count) {
  struct past *past = arg;
  if (count < 2 || !slice_is(values[1].text, "{}") || past->host_count == HOST_METRICS_MAX ||
      values[0].text.len >= sizeof past->host[0].name)
    return 0;
  char *name = past->host[past->host_count++].name;
  memcpy(name, values[0].text.data, values[0].text.len);
  name[values[0].text.len] = '\0';
  return 0;
}

static int on_host_bucket(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct past *past = arg;
  size_t index = (size_t)((bucket->start_ms - past->from_ms) / past->rules->interval_ms);
  if (slice_is(labels, "{}") && index < past->intervals && bucket->count > 0)
    past->host[past->filling].values[index] = bucket->sum / (double)bucket->count;
  return 0;
}

static int gather_host(struct history *history, struct past *past, struct belfry_error *error) {
  int status = BELFRY_OK;
  for (size_t i = 0; i < past->host_count && !status; i++) {
    struct sample_page page;
    const struct sample_query query = {.metric = slice_of(past->host[i].name),
                                       .from_ms = past->from_ms,
                                       .to_ms = moment(past, past->intervals - 1),
                                       .step_ms = past->rules->interval_ms,
                                       .max_buckets = HEALTH_PLACES_MAX};
    for (size_t k = 0; k < past->intervals; k++)
      past->host[i].values[k] = NAN;
    past->filling = i;
    status = history_samples(history, &query, on_host_bucket, past, &page, error);
  }
  return status;
}

static int make_room(struct past *past, struct belfry_error *error) {
  size_t services = past->services.count, n = past->intervals;
  if (services * n > HEALTH_PLACES_MAX)
    return belfry_error_set(
        error, BELFRY_ETOOBIG,
        "%zu snapshots of %zu services are more than %d places; ask for %zu at most", n, services,
        HEALTH_PLACES_MAX, HEALTH_PLACES_MAX / services);
  past->numbers = calloc((services + past->host_count + 1) * n, sizeof *past->numbers);
  past->statuses = calloc((services + 1) * n, sizeof *past->statuses);
  if (!past->numbers || !past->statuses)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  for (size_t i = 0; i < services; i++) {
    past->services.all[i].latency = past->numbers + i * n;
    past->services.all[i].status = past->statuses + i * n;
  }
  for (size_t i = 0; i < past->host_count; i++)
    past->host[i].values = past->numbers + (services + i) * n;
  return BELFRY_OK;
}

static int gather(struct history *history, struct past *past, struct belfry_error *error) {
  int64_t last_ms = moment(past, past->intervals - 1);
  int status = health_services__read(history, &past->services, error);
  if (!status)
    status = history_read(history, SQL_HOST_SERIES_LAST, NULL, 0, on_host_series, past, error);
  if (!status)
    status = make_room(past, error);
  if (!status)
    status = health_services__latencies(history, &past->services, past->from_ms,
                                        past->rules->interval_ms, past->intervals, error);
  if (!status)
    status = health_services__spans(history, &past->services, past->from_ms, last_ms + 1, on_span,
                                    past, error);
  return status ? status : gather_host(history, past, error);
}

/* --- putting --- */

static bool anything_measured(const struct past *past, size_t i) {
  for (size_t k = 0; k < past->host_count; k++)
    if (!isnan(past->host[k].values[i]))
      return true;
  for (size_t k = 0; k < past->services.count; k++)
    if (!isnan(past->services.all[k].latency[i]))
      return true;
  return false;
}

static enum health overall(const struct past *past, size_t i) {
  enum health worst = past->services.count ? HEALTHY : HEALTH_UNKNOWN;
  for (size_t k = 0; k < past->services.count; k++) {
    const char *status = past->services.all[k].status[i];
    enum health health = health_of_status(slice_of(status ? status : "unknown"));
    worst = health > worst ? health : worst;
  }
  for (size_t k = 0; k < past->host_count && worst < DEGRADED; k++) {
    int64_t most = strcmp(past->host[k].name, "host_cpu_percent") == 0      ? past->rules->cpu_max
                   : strcmp(past->host[k].name, "host_memory_percent") == 0 ? past->rules->mem_max
                                                                            : INT64_MAX;
    if (past->host[k].values[i] > (double)most)
      worst = DEGRADED;
  }
  return worst;
}

static void put_snapshot(const struct past *past, struct state_text *text, size_t i) {
  struct buf *out = text->out;
  buf_put_char(out, '{');
  state_put_time(text, "timestamp", &HISTORY_VALUE_INTEGER("", moment(past, i)));
  buf_printf(out, ",\"overall\":\"%s\",\"host\":{", health_name(overall(past, i)));
  unsigned count = 0;
  for (size_t k = 0; k < past->host_count; k++)
    if (!isnan(past->host[k].values[i])) {
      buf_printf(out, "%s\"%s\":", count++ ? "," : "", past->host[k].name + strlen("host_"));
      json_put_measure(out, past->host[k].values[i]);
    }
  buf_put_text(out, "},\"services\":[");
  for (size_t k = 0; k < past->services.count; k++) {
    const struct health_service *service = &past->services.all[k];
    buf_put_text(out, k ? ",{\"name\":" : "{\"name\":");
    json_put_string(out, slice_of(service->name));
    buf_printf(out, ",\"status\":\"%s\",\"latency_ms\":",
               service->status[i] ? service->status[i] : "unknown");
    json_put_number(out, service->latency[i]);
    buf_put_char(out, '}');
  }
  buf_put_text(out, "]}");
}

int health_put_past(struct history *history, const struct health_rules *rules, int64_t to_ms,
                    int64_t limit, struct state_text *text, struct belfry_error *error) {
  struct past past = {.rules = rules,
                      .from_ms = (to_ms / rules->interval_ms - limit) * rules->interval_ms,
                      .intervals = (size_t)limit};
  int status = history_begin(history, error); /* all of one moment */
  if (status)
    return status;
  status = gather(history, &past, error);
  history_end(history);
  if (!status) {
    const char *separator = "";
    buf_put_text(text->out, "{\"snapshots\":[");
    for (size_t i = past.intervals; i-- > 0;)
      if (anything_measured(&past, i)) {
        buf_put_text(text->out, separator);
        put_snapshot(&past, text, i);
        separator = ",";
      }
    buf_put_text(text->out, "]}");
    status = buf_status(text->out);
  }
  health_services__free(&past.services);
  free(past.numbers);
  free(past.statuses);
  return status;
}
