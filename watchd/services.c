#include "watchd/services.h"

#include "base/json.h"
#include "base/log.h"
#include "model/sample_json.h"
#include "watchd/service.h"

#include <stdio.h>
#include <stdlib.h>

#define OWN_INTERVAL_MS 10000 /* of Belfry's own programs */

struct service {
  char name[65];
  struct probe_target target; /* its texts are the fields here */
  char *address;              /* owned; NULL for tcp */
  int64_t interval_ms;
  struct services *services;
  struct schedule_task task;
  struct probe *probe; /* the check that runs; NULL: none */
  int64_t begun_ms;    /* of schedule_now_ms */
  struct service_state state;
};

struct services {
  struct services_parts parts;
  struct service **all; /* owned */
  size_t count;
  int64_t restart_failures;
  struct schedule_task wait; /* for the known states */
  int64_t wait_until_ms;
  bool known;   /* the states have been read from the history */
  bool started; /* probing has begun */
  struct buf data, labels;
  int64_t checks, last_run_ms, last_duration_ms;
};

/* --- telling ------------------------------------------------------------------------------------
 */

static void put_sample(struct service *service, const char *metric, int64_t now_ms, double value) {
  struct services *services = service->services;
  struct label labels[] = {{slice_of("service"), slice_of(service->name)}};
  buf_clear(&services->labels);
  labels_put_json(&services->labels, labels, 1);
  const struct sample sample = {slice_of(metric), buf_slice(&services->labels), now_ms, value};
  if (buf_status(&services->labels) == BELFRY_OK)
    outbox_sample(services->parts.outbox, &sample);
}

static void tell_change(struct service *service, const struct probe_result *result,
                        enum service_status previous, int64_t now_ms) {
  struct services *services = service->services;
  struct buf *data = &services->data;
  enum service_status status = service->state.status;
  buf_clear(data);
  buf_put_text(data, "{\"service\":");
  json_put_string(data, slice_of(service->name));
  buf_printf(data,
             ",\"status\":\"%s\",\"previous\":\"%s\",\"message\":", service_status_name(status),
             service_status_name(previous));
  json_put_string(data, slice_of(result->message));
  if (result->latency_ms >= 0) {
    buf_put_text(data, ",\"latency_ms\":");
    json_put_number(data, result->latency_ms);
  }
  buf_put_char(data, '}');
  log_notice("%s is %s (was %s): %s", service->name, service_status_name(status),
             service_status_name(previous), result->message);
  const struct event event = {.timestamp_ms = now_ms,
                              .severity = (int)service_status_severity(status),
                              .type = slice_of("health_changed"),
                              .source = slice_of("watchd"),
                              .data = buf_slice(data)};
  if (buf_status(data) == BELFRY_OK)
    outbox_event(services->parts.outbox, &event);
}

static void tell_check(struct service *service, const struct probe_result *result, int64_t now_ms) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("name", slice_of(service->name)),
      result->latency_ms >= 0 ? HISTORY_VALUE_REAL("latency_ms", result->latency_ms)
                              : HISTORY_VALUE_NULL("latency_ms"),
      HISTORY_VALUE_INTEGER("last_check", now_ms),
      HISTORY_VALUE_TEXT("message", slice_of(result->message)),
  };
  outbox_note(service->services->parts.outbox, SQL_SERVICE_CHECKED, values,
              sizeof values / sizeof *values);
}

/* --- checking -----------------------------------------------------------------------------------
 */

static void settle(struct service *service, struct probe_result *result) {
  struct services *services = service->services;
  int64_t now_ms = clock_realtime_ms(services->parts.clock);
  enum service_status previous;
  services->checks++;
  services->last_duration_ms = schedule_now_ms() - service->begun_ms;
  if (schedule_stalled_since(services->parts.schedule, service->begun_ms)) {
    if (result->outcome != PROBE_SUCCESS)
      return;                /* it ran out of our time: the next turn asks again */
    result->latency_ms = -1; /* it measured us */
  }
  if (service_judge(&service->state, result, services->restart_failures, &previous))
    tell_change(service, result, previous, now_ms);
  tell_check(service, result, now_ms);
  if (service->state.status != SERVICE_UNKNOWN && result->outcome != PROBE_FAULT)
    put_sample(service, "service_up", now_ms, service->state.status == SERVICE_DOWN ? 0 : 1);
  if (result->latency_ms >= 0)
    put_sample(service, "service_latency_ms", now_ms, result->latency_ms);
}

static void services_on_done(void *arg, const struct probe_result *result) {
  struct service *service = arg;
  struct probe_result copy = *result;
  service->probe = NULL;
  settle(service, &copy);
}

static void services_on_turn(void *arg) {
  struct service *service = arg;
  struct services *services = service->services;
  struct belfry_error error = {0};
  if (service->probe)
    return; /* the last check still waits for its answer */
  service->begun_ms = schedule_now_ms();
  services->last_run_ms = clock_realtime_ms(services->parts.clock);
  if (probe_start(&services->parts.tools, &service->target, services_on_done, service,
                  &service->probe, &error)) {
    struct probe_result result = {.outcome = PROBE_FAULT, .latency_ms = -1};
    snprintf(result.message, sizeof result.message, "cannot check: %.200s", error.text);
    settle(service, &result);
  }
}

/* --- the known states ---------------------------------------------------------------------------
 */

static struct service *find(struct service **all, size_t count, struct slice name) {
  for (size_t i = 0; i < count; i++)
    if (slice_is(name, all[i]->name))
      return all[i];
  return NULL;
}

static void forget(struct services *services, struct slice name) {
  const struct history_value values[] = {HISTORY_VALUE_TEXT("name", name)};
  outbox_change(services->parts.outbox, SQL_SERVICE_FORGET, values, 1);
}

/* A row of the statement `services`: name, status, ... */
static int services_on_row(void *arg, const struct history_value *values, size_t count) {
  struct services *services = arg;
  (void)count;
  struct service *service = find(services->all, services->count, values[0].text);
  if (!service)
    forget(services, values[0].text);
  else if (service->state.status == SERVICE_UNKNOWN)
    service->state.status = service_status_parse(values[1].text);
  return 0;
}

static void watch_service(struct service *service, size_t index) {
  struct services *services = service->services;
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("name", slice_of(service->name)),
      HISTORY_VALUE_INTEGER("last_change", clock_realtime_ms(services->parts.clock)),
  };
  outbox_change(services->parts.outbox, SQL_SERVICE_WATCH, values, 2);
  schedule_task_start(&service->task,
                      schedule_first_ms(index, services->count, service->interval_ms),
                      service->interval_ms);
}

static void services_on_wait(void *arg) {
  struct services *services = arg;
  if (!services->known &&
      reader_read(services->parts.reader, SQL_SERVICES, services_on_row, services) == BELFRY_OK)
    services->known = true;
  if (!services->known && schedule_now_ms() < services->wait_until_ms)
    return;
  if (!services->started)
    for (size_t i = 0; i < services->count; i++)
      watch_service(services->all[i], i);
  services->started = true;
  if (services->known)
    schedule_task_stop(&services->wait);
}

/* --- configuration ------------------------------------------------------------------------------
 */

static void free_service(struct service *service) {
  if (!service)
    return;
  schedule_task_stop(&service->task);
  probe_cancel(service->probe);
  free(service->address);
  free(service);
}

static void free_all(struct service **all, size_t count) {
  for (size_t i = 0; i < count; i++)
    free_service(all[i]);
  free(all);
}

/* Takes: `address`, owned (may be NULL). */
static struct service *make_service(struct services *services, const char *name,
                                    enum probe_kind kind, char *address, int64_t port,
                                    int64_t interval_ms, const struct conf *conf) {
  struct service *service = calloc(1, sizeof *service);
  if (!service) {
    free(address);
    return NULL;
  }
  snprintf(service->name, sizeof service->name, "%s", name);
  service->address = address;
  service->interval_ms = interval_ms;
  service->services = services;
  service->target = (struct probe_target){.kind = kind,
                                          .name = service->name,
                                          .address = address,
                                          .port = port,
                                          .timeout_ms = conf->watch_timeout_ms};
  schedule_task_init(&service->task, services->parts.schedule, services_on_turn, service);
  return service;
}

static struct service *from_conf(struct services *services, const struct conf_service *of,
                                 const struct conf *conf) {
  if (!of->health_endpoint)
    return make_service(services, of->name, PROBE_KIND_tcp, NULL, of->port, conf->watch_interval_ms,
                        conf);
  struct buf url;
  buf_init(&url, 0);
  conf_service_put_url(of, &url);
  char *address = buf_status(&url) ? NULL : strdup(url.data);
  buf_fini(&url);
  return address ? make_service(services, of->name, PROBE_KIND_http, address, 0,
                                conf->watch_interval_ms, conf)
                 : NULL;
}

static struct service *own_program(struct services *services, const char *name,
                                   const char *socket_name, const struct conf *conf) {
  char path[4096];
  if (conf_run_path(conf, socket_name, path, sizeof path))
    return NULL;
  int64_t interval_ms =
      conf->watch_interval_ms < OWN_INTERVAL_MS ? conf->watch_interval_ms : OWN_INTERVAL_MS;
  char *copy = strdup(path);
  return copy ? make_service(services, name, PROBE_KIND_belfry, copy, 0, interval_ms, conf) : NULL;
}

static bool same_target(const struct service *a, const struct service *b) {
  return a->target.kind == b->target.kind && a->target.port == b->target.port &&
         a->target.timeout_ms == b->target.timeout_ms && a->interval_ms == b->interval_ms &&
         (!a->address == !b->address) && (!a->address || strcmp(a->address, b->address) == 0);
}

/* Makes what `conf` asks for. Returns: owned, or NULL without memory. */
static struct service **make_all(struct services *services, const struct conf *conf,
                                 size_t *count) {
  static const struct {
    const char *name, *socket_name;
  } own[] = {{"belfry-historyd", "history.sock"},
             {"belfry-fcgi", "fcgi.sock"},
             {"belfry-pushd", "push.sock"}};
  struct service **all = calloc(conf->service_count + sizeof own / sizeof *own, sizeof *all);
  *count = 0;
  if (!conf->watch_enabled)
    return all;
  for (size_t i = 0; all && i < conf->service_count; i++) {
    if (!(all[*count] = from_conf(services, &conf->services[i], conf)))
      goto no_memory;
    (*count)++;
  }
  for (size_t i = 0; all && i < sizeof own / sizeof *own; i++) {
    bool is_pushd = strcmp(own[i].name, "belfry-pushd") == 0;
    if ((is_pushd && !conf->push_enabled) || find(all, *count, slice_of(own[i].name)))
      continue; /* off, or watched as the configuration says */
    if (!(all[*count] = own_program(services, own[i].name, own[i].socket_name, conf)))
      goto no_memory;
    (*count)++;
  }
  return all;

no_memory:
  free_all(all, *count);
  return NULL;
}

int services_configure(struct services *services, const struct conf *conf) {
  size_t count;
  struct service **all = make_all(services, conf, &count);
  if (!all)
    return BELFRY_ENOMEM;
  services->restart_failures = conf->thresholds_restart_failures;
  struct service **old = services->all;
  size_t old_count = services->count;
  services->all = all;
  services->count = count;
  for (size_t i = 0; i < count; i++) {
    struct service *before = find(old, old_count, slice_of(all[i]->name));
    if (before && same_target(before, all[i])) {
      for (size_t k = 0; k < old_count; k++)
        if (old[k] == before)
          old[k] = all[i]; /* the copy goes, the one that runs stays */
      all[i] = before;
      continue;
    }
    if (before)
      all[i]->state.status = before->state.status;
    if (services->started)
      watch_service(all[i], i);
  }
  for (size_t i = 0; services->known && i < old_count; i++)
    if (!find(all, count, slice_of(old[i]->name)))
      forget(services, slice_of(old[i]->name));
  free_all(old, old_count);
  if (!services->known && !schedule_task_runs(&services->wait)) {
    services->wait_until_ms = schedule_now_ms() + SERVICES_WAIT_MS;
    schedule_task_start(&services->wait, 0, 250);
  }
  return BELFRY_OK;
}

int services_new(const struct services_parts *parts, struct services **out) {
  struct services *services = calloc(1, sizeof *services);
  if (!services)
    return BELFRY_ENOMEM;
  services->parts = *parts;
  buf_init(&services->data, 4096);
  buf_init(&services->labels, 4096);
  schedule_task_init(&services->wait, parts->schedule, services_on_wait, services);
  *out = services;
  return BELFRY_OK;
}

void services_free(struct services *services) {
  if (!services)
    return;
  schedule_task_stop(&services->wait);
  free_all(services->all, services->count);
  buf_fini(&services->data);
  buf_fini(&services->labels);
  free(services);
}

void services_figures(const struct services *services, struct report_figures *figures) {
  int64_t offset_ms = clock_realtime_ms(services->parts.clock) - schedule_now_ms();
  figures->checks = services->checks;
  figures->last_run_ms = services->last_run_ms;
  figures->last_duration_ms = services->last_duration_ms;
  for (size_t i = 0; i < services->count; i++) {
    const struct schedule_task *task = &services->all[i]->task;
    int64_t next_ms = task->due_ms + offset_ms;
    if (schedule_task_runs(task) && (figures->next_run_ms == 0 || next_ms < figures->next_run_ms))
      figures->next_run_ms = next_ms;
  }
}
