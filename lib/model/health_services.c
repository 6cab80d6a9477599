#include "model/health_priv.h"

#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- which there are --- */

static int on_service(void *arg, const struct history_value *values, size_t count) {
  struct health_services *services = arg;
  if (count < 2 || values[0].text.len >= HEALTH_NAME_BYTES)
    return BELFRY_ECORRUPT;
  if ((services->count & (services->count + 1)) == 0) { /* full: 0, 1, 3, 7 ... */
    void *more = reallocarray(services->all, 2 * services->count + 2, sizeof *services->all);
    if (!more)
      return BELFRY_ENOMEM;
    services->all = more;
  }
  struct health_service *service = &services->all[services->count++];
  *service = (struct health_service){.health = health_of_status(values[1].text)};
  memcpy(service->name, values[0].text.data, values[0].text.len);
  return 0;
}

int health_services__read(struct history *history, struct health_services *out,
                          struct belfry_error *error) {
  *out = (struct health_services){0};
  return history_read(history, SQL_SERVICES, NULL, 0, on_service, out, error);
}

void health_services__free(struct health_services *services) {
  free(services->all);
}

static int compare(const void *key, const void *element) {
  const struct slice *name = key;
  const struct health_service *service = element;
  size_t len = strlen(service->name), least = len < name->len ? len : name->len;
  int order = memcmp(name->data, service->name, least);
  return order ? order : (name->len > len) - (name->len < len);
}

struct health_service *health_services__find(struct health_services *services, struct slice name) {
  return services->count == 0
             ? NULL
             : bsearch(&name, services->all, services->count, sizeof *services->all, compare);
}

/* --- what they went through --- */

struct spans {
  struct health_services *services;
  int64_t since_ms, until_ms;
  health_span_fn on_span;
  void *arg;
  struct health_service *service; /* of the span that is open; NULL: none is */
  char status[33];
  int64_t from_ms;
};

static int end_span(struct spans *spans, int64_t to_ms) {
  if (!spans->service || to_ms <= spans->from_ms)
    return 0;
  return spans->on_span(spans->arg, spans->service, slice_of(spans->status), spans->from_ms, to_ms);
}

/* Columns: service, at, status. */
static int on_change(void *arg, const struct history_value *values, size_t count) {
  struct spans *spans = arg;
  if (count != 3)
    return BELFRY_ECORRUPT;
  struct health_service *service = health_services__find(spans->services, values[0].text);
  int64_t at_ms = values[1].integer;
  int status = end_span(spans, service == spans->service ? at_ms : spans->until_ms);
  size_t len = values[2].text.len < sizeof spans->status ? values[2].text.len : 0;
  memcpy(spans->status, values[2].text.data, len);
  spans->status[len] = '\0';
  spans->service = service;
  spans->from_ms = at_ms < spans->since_ms ? spans->since_ms : at_ms;
  return status;
}

int health_services__spans(struct history *history, struct health_services *services,
                           int64_t since_ms, int64_t until_ms, health_span_fn on_span, void *arg,
                           struct belfry_error *error) {
  struct spans spans = {.services = services,
                        .since_ms = since_ms,
                        .until_ms = until_ms,
                        .on_span = on_span,
                        .arg = arg};
  const struct history_value params[] = {HISTORY_VALUE_INTEGER("since", since_ms)};
  int status = history_read(history, SQL_SERVICE_CHANGES, params, 1, on_change, &spans, error);
  return status ? status : end_span(&spans, until_ms);
}

/* --- how long they took --- */

struct latencies {
  struct health_services *services;
  int64_t from_ms, interval_ms;
  size_t intervals;
  struct buf name;
};

static int on_latency(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct latencies *latencies = arg;
  struct slice name;
  buf_clear(&latencies->name);
  if (json_decode_string(json_member(labels, "service"), &latencies->name, &name))
    return 0; /* a series of another form */
  struct health_service *service = health_services__find(latencies->services, name);
  size_t index = (size_t)((bucket->start_ms - latencies->from_ms) / latencies->interval_ms);
  if (service && index < latencies->intervals)
    service->latency[index] = bucket->last;
  return 0;
}

int health_services__latencies(struct history *history, struct health_services *services,
                               int64_t from_ms, int64_t interval_ms, size_t intervals,
                               struct belfry_error *error) {
  static const struct slice by[] = {{"service", 7}};
  struct latencies latencies = {
      .services = services, .from_ms = from_ms, .interval_ms = interval_ms, .intervals = intervals};
  const struct sample_query query = {.metric = slice_of("service_latency_ms"),
                                     .by = by,
                                     .by_count = 1,
                                     .from_ms = from_ms,
                                     .to_ms = from_ms + (int64_t)intervals * interval_ms,
                                     .step_ms = interval_ms,
                                     .max_buckets = HEALTH_PLACES_MAX};
  struct sample_page page;
  for (size_t i = 0; i < services->count; i++)
    for (size_t k = 0; k < intervals; k++)
      services->all[i].latency[k] = NAN;
  buf_init(&latencies.name, 0);
  int status = history_samples(history, &query, on_latency, &latencies, &page, error);
  buf_fini(&latencies.name);
  return status;
}
