#include "watchd/services.h"

#include "base/log.h"
#include "watchd/pauses.h"

#include <stdio.h>
#include <stdlib.h>

#define OWN_INTERVAL_MS  10000 /* of Belfry's own programs */
#define ROUND_CHECKS_MAX 256   /* that are started out of turn while others run */
#define UNWATCHED_MS                                                                               \
  300000 /* after so long without a check, what was known is not known any more */

struct services {
  struct services_parts parts;
  struct watched_parts watched_parts;
  struct service_teller teller;
  struct watched **all; /* owned */
  size_t count;
  struct schedule_task wait; /* for the known states */
  int64_t wait_until_ms;
  bool known;   /* the states have been read from the history */
  bool started; /* probing has begun */
  struct services_round *rounds;
  services_checked_fn on_checked; /* NULL: nobody listens */
  void *arg;
  struct ev_timer due; /* somebody is to be checked out of turn */
  int64_t checks, last_run_ms, last_duration_ms;
  struct pauses pauses;
  bool pauses_old; /* the history may know others */
};

static struct watched *find(struct watched **all, size_t count, struct slice name) {
  for (size_t i = 0; i < count; i++)
    if (slice_is(name, all[i]->name))
      return all[i];
  return NULL;
}

/* --- rounds --- */

static bool is_in(const struct services_round *round, const struct watched *watched) {
  return round->name[0] == '\0' || strcmp(round->name, watched->name) == 0;
}

static bool is_over(const struct services *services, const struct services_round *round) {
  for (size_t i = 0; i < services->count; i++)
    if (is_in(round, services->all[i]) && !services->all[i]->paused &&
        services->all[i]->checked_begun_ms < round->since_ms)
      return false;
  return true;
}

static struct services_count count_of(const struct services *services,
                                      const struct services_round *round) {
  struct services_count count = {0};
  for (size_t i = 0; i < services->count; i++)
    if (is_in(round, services->all[i])) {
      count.checked++;
      count.by_status[services->all[i]->state.status]++;
    }
  return count;
}

static void end_rounds(struct services *services) {
  for (struct services_round **at = &services->rounds; *at;) {
    struct services_round *round = *at;
    if (!is_over(services, round)) {
      at = &round->next;
      continue;
    }
    struct services_count count = count_of(services, round);
    *at = round->next;
    round->on_done(round->arg, &count);
    at = &services->rounds; /* whoever was told may have changed the list */
  }
}

static bool is_due(const struct services *services, const struct watched *watched) {
  if (watched->paused)
    return false;
  for (const struct services_round *round = services->rounds; round; round = round->next)
    if (is_in(round, watched) && watched->checked_begun_ms < round->since_ms &&
        !(watched->checking && watched->check_begun_ms >= round->since_ms))
      return true;
  return false;
}

/* Runs from the loop, so that a check that ends at once does not start the next one from within. */
static void services_on_due(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct services *services = timer->data;
  size_t running = 0;
  if (!services->started)
    return;
  for (size_t i = 0; i < services->count; i++)
    running += services->all[i]->checking;
  for (size_t i = 0; i < services->count && running < ROUND_CHECKS_MAX; i++)
    if (!services->all[i]->checking && is_due(services, services->all[i])) {
      watched_check(services->all[i]);
      running += services->all[i]->checking;
    }
  end_rounds(services);
}

static void look_soon(struct services *services) {
  if (services->rounds && !ev_is_active(&services->due)) {
    ev_timer_set(&services->due, 0, 0);
    ev_timer_start(services->parts.tools.loop, &services->due);
  }
}

static void services_on_checked(void *arg, struct watched *watched) {
  struct services *services = arg;
  services->checks++;
  services->last_duration_ms = watched->checked_took_ms;
  services->last_run_ms =
      clock_realtime_ms(services->parts.clock) - schedule_now_ms() + watched->check_begun_ms;
  look_soon(services);
  if (services->on_checked)
    services->on_checked(services->arg, watched->name, &watched->state);
}

void services_listen(struct services *services, services_checked_fn on_checked, void *arg) {
  services->on_checked = on_checked;
  services->arg = arg;
}

const struct service_state *services_state(const struct services *services, const char *name) {
  const struct watched *watched = find(services->all, services->count, slice_of(name));
  return watched ? &watched->state : NULL;
}

int services_check(struct services *services, struct services_round *round) {
  if (round->name[0] && !find(services->all, services->count, slice_of(round->name)))
    return BELFRY_ENOENT;
  round->since_ms = schedule_now_ms();
  round->next = services->rounds;
  services->rounds = round;
  look_soon(services);
  return BELFRY_OK;
}

void services_call_off(struct services *services, struct services_round *round) {
  for (struct services_round **at = &services->rounds; *at; at = &(*at)->next)
    if (*at == round) {
      *at = round->next;
      return;
    }
}

/* --- the known states --- */

static void follow_pause(struct services *services, struct watched *watched) {
  int64_t now_ms = clock_realtime_ms(services->parts.clock);
  const struct pause *pause = pauses_find(&services->pauses, watched->name, now_ms);
  if (pause && !watched->paused)
    watched_pause(watched, pause->message);
  else if (!pause && watched->paused)
    watched_resume(watched);
}

void services_look(struct services *services, bool changed) {
  services->pauses_old |= changed;
  if (services->pauses_old && pauses_read(&services->pauses, services->parts.reader) == BELFRY_OK)
    services->pauses_old = false;
  for (size_t i = 0; services->started && i < services->count; i++)
    follow_pause(services, services->all[i]);
  look_soon(services);
}

static void start_watching(struct services *services, size_t index) {
  struct watched *watched = services->all[index];
  watched_start(watched, schedule_first_ms(index, services->count, watched->options.interval_ms));
  if (watched->state.status == SERVICE_PAUSED)
    watched->state.seen = SERVICE_UNKNOWN; /* should it be resumed by now */
  follow_pause(services, watched);
}

/* What was known of one that nobody has watched for long is of the past; its time since then is not
 * known. */
static void take_known(struct services *services, struct watched *watched,
                       enum service_status status, struct slice message,
                       const struct history_value *last_check) {
  watched->state = service_state_of(status);
  snprintf(watched->message, sizeof watched->message, "%.*s", SLICE_ARG(message));
  int64_t now_ms = clock_realtime_ms(services->parts.clock);
  int64_t interval_ms = watched->options.interval_ms;
  if (status == SERVICE_UNKNOWN || status == SERVICE_PAUSED ||
      last_check->kind != HISTORY_INTEGER || now_ms - last_check->integer < UNWATCHED_MS ||
      now_ms - last_check->integer < 3 * interval_ms)
    return;
  const struct probe_result nothing = {.outcome = PROBE_FAULT,
                                       .latency_ms = -1,
                                       .message = "was not watched: belfry-watchd did not run"};
  watched->state = service_state_of(SERVICE_UNKNOWN);
  snprintf(watched->message, sizeof watched->message, "%s", nothing.message);
  service_tell_change(&services->teller, watched->name, &watched->state, status, &nothing,
                      watched->message, last_check->integer + interval_ms);
}

/* A row of the statement `services`: name, status, message, latency_ms, last_check ... */
static int services_on_row(void *arg, const struct history_value *values, size_t count) {
  struct services *services = arg;
  if (count < 5)
    return BELFRY_ECORRUPT;
  struct watched *watched = find(services->all, services->count, values[0].text);
  if (!watched)
    service_tell_forgotten(&services->teller, values[0].text);
  else if (watched->state.status == SERVICE_UNKNOWN)
    take_known(services, watched, service_status_parse(values[1].text), values[2].text, &values[4]);
  return 0;
}

static void services_on_wait(void *arg) {
  struct services *services = arg;
  if (!services->known &&
      reader_read(services->parts.reader, SQL_SERVICES, services_on_row, services) == BELFRY_OK &&
      pauses_read(&services->pauses, services->parts.reader) == BELFRY_OK)
    services->known = true;
  if (!services->known && schedule_now_ms() < services->wait_until_ms)
    return;
  if (!services->started)
    for (size_t i = 0; i < services->count; i++)
      start_watching(services, i);
  services->started = true;
  look_soon(services);
  if (services->known)
    schedule_task_stop(&services->wait);
}

/* --- configuration --- */

static void free_all(struct watched **all, size_t count) {
  for (size_t i = 0; i < count; i++)
    watched_free(all[i]);
  free(all);
}

static struct watched_options options_of(const struct conf *conf, const char *name) {
  return (struct watched_options){
      .target = {.name = name, .timeout_ms = conf->watch_timeout_ms},
      .interval_ms = conf->watch_interval_ms,
      .jitter_percent = conf->watch_jitter,
      .retries = conf->watch_retries,
      .retry_delay_ms = conf->watch_retry_delay_ms,
      .degraded_ms = (double)conf->watch_degraded_latency_ms,
  };
}

static struct watched *from_conf(struct services *services, const struct conf_service *of,
                                 const struct conf *conf) {
  struct watched_options options = options_of(conf, of->name);
  options.target.service = of;
  options.target.timeout_ms = of->timeout_ms ? of->timeout_ms : options.target.timeout_ms;
  options.interval_ms = of->interval_ms ? of->interval_ms : options.interval_ms;
  options.target.interval_ms = options.interval_ms;
  options.degraded_ms =
      of->degraded_latency_ms ? (double)of->degraded_latency_ms : options.degraded_ms;
  return watched_new(&services->watched_parts, &options);
}

static struct watched *own_program(struct services *services, const char *name,
                                   const char *socket_name, const struct conf *conf) {
  char path[4096];
  struct watched_options options = options_of(conf, name);
  if (conf_run_path(conf, socket_name, path, sizeof path))
    return NULL;
  options.target.socket = path;
  options.degraded_ms = 0;
  if (options.interval_ms > OWN_INTERVAL_MS)
    options.interval_ms = OWN_INTERVAL_MS;
  return watched_new(&services->watched_parts, &options);
}

/* Makes what `conf` asks for. Returns: owned, or NULL without memory. */
static struct watched **make_all(struct services *services, const struct conf *conf,
                                 size_t *count) {
  static const struct {
    const char *name, *socket_name;
  } own[] = {{"belfry-historyd", "history.sock"},
             {"belfry-fcgi", "fcgi.sock"},
             {"belfry-pushd", "push.sock"}};
  struct watched **all = calloc(conf->service_count + sizeof own / sizeof *own, sizeof *all);
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
  struct watched **all = make_all(services, conf, &count);
  if (!all)
    return BELFRY_ENOMEM;
  struct watched **old = services->all;
  size_t old_count = services->count;
  services->all = all;
  services->count = count;
  for (size_t i = 0; i < count; i++) {
    struct watched *before = find(old, old_count, slice_of(all[i]->name));
    if (before && watched_same(before, all[i])) {
      for (size_t k = 0; k < old_count; k++)
        if (old[k] == before)
          old[k] = all[i]; /* the copy goes, the one that runs stays */
      all[i] = before;
      continue;
    }
    if (before) {
      all[i]->state = before->state;
      memcpy(all[i]->message, before->message, sizeof all[i]->message);
    }
    if (services->started)
      start_watching(services, i);
  }
  for (size_t i = 0; services->known && i < old_count; i++)
    if (!find(all, count, slice_of(old[i]->name)))
      service_tell_forgotten(&services->teller, slice_of(old[i]->name));
  free_all(old, old_count);
  look_soon(services);
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
  service_teller_init(&services->teller, parts->outbox, parts->mask);
  services->watched_parts = (struct watched_parts){.schedule = parts->schedule,
                                                   .clock = parts->clock,
                                                   .tools = parts->tools,
                                                   .teller = &services->teller,
                                                   .on_checked = services_on_checked,
                                                   .arg = services};
  schedule_task_init(&services->wait, parts->schedule, services_on_wait, services);
  ev_timer_init(&services->due, services_on_due, 0, 0);
  services->due.data = services;
  *out = services;
  return BELFRY_OK;
}

void services_free(struct services *services) {
  if (!services)
    return;
  schedule_task_stop(&services->wait);
  ev_timer_stop(services->parts.tools.loop, &services->due);
  free_all(services->all, services->count);
  pauses_fini(&services->pauses);
  service_teller_fini(&services->teller);
  free(services);
}

/* --- what others ask --- */

bool services_each(const struct services *services, services_fn on_service, void *arg) {
  for (size_t i = 0; services->started && i < services->count; i++)
    on_service(arg, services->all[i]->name, services->all[i]->state.status,
               services->all[i]->message);
  return services->started;
}

bool services_is_down(const struct services *services, const char *name) {
  const struct watched *watched = find(services->all, services->count, slice_of(name));
  return watched && watched->state.status == SERVICE_DOWN;
}

#define DEPENDENCY_STEPS_MAX 8 /* of what depends on what depends on ... */

static const char *down_dependency(const struct services *services, const char *name, int steps) {
  const struct watched *watched = find(services->all, services->count, slice_of(name));
  char **names = watched && watched->service ? watched->service->depends_on : NULL;
  for (; names && *names && steps > 0; names++) {
    const struct watched *other = find(services->all, services->count, slice_of(*names));
    if (!other)
      continue;
    if (other->state.status == SERVICE_DOWN)
      return other->name;
    const char *further = down_dependency(services, other->name, steps - 1);
    if (further)
      return further;
  }
  return NULL;
}

const char *services_down_dependency(const struct services *services, const char *name) {
  return down_dependency(services, name, DEPENDENCY_STEPS_MAX);
}

/* --- figures --- */

void services_figures(const struct services *services, struct report_figures *figures) {
  int64_t offset_ms = clock_realtime_ms(services->parts.clock) - schedule_now_ms();
  figures->checks = services->checks;
  figures->services = (int64_t)services->count;
  figures->last_run_ms = services->last_run_ms;
  figures->last_duration_ms = services->last_duration_ms;
  for (size_t i = 0; i < services->count; i++) {
    const struct schedule_task *task = &services->all[i]->task;
    int64_t next_ms = task->turns.due_ms + offset_ms;
    figures->checking += services->all[i]->checking;
    if (schedule_task_runs(task) && (figures->next_run_ms == 0 || next_ms < figures->next_run_ms))
      figures->next_run_ms = next_ms;
  }
}
