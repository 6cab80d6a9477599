#include "watchd/recoveries.h"

#include "base/log.h"
#include "base/timestamp.h"
#include "watchd/recovery_limits.h"
#include "watchd/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 250 /* until what was done before has been read */

/* An action and one of its services. */
struct remedy {
  struct conf_recovery *action; /* owned */
  char service[WATCHED_NAME_BYTES];
  struct recovery_past past;
  bool past_known;              /* it has been read from the history, or is ours */
  bool told_refused, told_away; /* in this streak of failures */
};

/* A figure of the host that may set off remedies. */
struct host_figure {
  const char *name, *setting; /* "CPU", "cpu_max" */
  int64_t above_since_ms;     /* of schedule_now_ms; 0: it is not above */
};

struct asked {
  struct recovery_run *run; /* NULL: the place is free */
  void (*on_answer)(void *arg, enum recovery_answer answer, const char *message);
  void *arg;
};

struct recoveries {
  struct recoveries_parts parts;
  struct recovery_teller teller;
  struct recovery_run_parts run_parts;
  struct recovery_run runs[RECOVERIES_MAX];
  struct asked asked[RECOVERIES_MAX]; /* of the run in the same place */
  struct remedy *remedies;            /* owned */
  size_t count;
  struct schedule_task look;
  struct ulid_maker ulids;
  struct host_figure cpu, memory;
  int64_t restart_failures, cpu_max, mem_max;
  bool known; /* what was done before has been read */
  int64_t finished, failed;
};

/* --- finding ------------------------------------------------------------------------------------
 */

static struct remedy *find_remedy(struct remedy *remedies, size_t count, struct slice service,
                                  struct slice action) {
  for (size_t i = 0; i < count; i++)
    if (slice_is(service, remedies[i].service) && slice_is(action, remedies[i].action->name))
      return &remedies[i];
  return NULL;
}

static struct recovery_run *find_run(struct recoveries *recoveries, struct slice id) {
  for (size_t i = 0; i < RECOVERIES_MAX; i++)
    if (id.len > 0 && slice_is(id, recoveries->runs[i].id))
      return &recoveries->runs[i];
  return NULL;
}

static struct recovery_run *run_of(struct recoveries *recoveries, const char *service) {
  for (size_t i = 0; i < RECOVERIES_MAX; i++)
    if (recoveries->runs[i].id[0] && strcmp(service, recoveries->runs[i].service) == 0)
      return &recoveries->runs[i];
  return NULL;
}

static struct recovery_run *free_run(struct recoveries *recoveries) {
  for (size_t i = 0; i < RECOVERIES_MAX; i++)
    if (!recoveries->runs[i].id[0])
      return &recoveries->runs[i];
  return NULL;
}

static struct asked *asked_of(struct recoveries *recoveries, const struct recovery_run *run) {
  return &recoveries->asked[run - recoveries->runs];
}

static int64_t service_ended_ms(const struct recoveries *recoveries, const char *service) {
  int64_t last_ms = 0;
  for (size_t i = 0; i < recoveries->count; i++) {
    const struct remedy *remedy = &recoveries->remedies[i];
    if (strcmp(service, remedy->service) == 0 && remedy->past.ended_ms > last_ms)
      last_ms = remedy->past.ended_ms;
  }
  return last_ms;
}

/* --- whether it may be done ---------------------------------------------------------------------
 */

enum hindrance {
  HINDRANCE_NONE,
  HINDRANCE_OURS,    /* we cannot */
  HINDRANCE_PASSING, /* such as a cool-down: nothing to tell anybody who did not ask */
  HINDRANCE_TELLING, /* somebody should know */
};

static enum hindrance put_limit(const struct recoveries *recoveries, const struct remedy *remedy,
                                bool by_hand, char *why, size_t size) {
  static const struct {
    const char *text;
    enum hindrance hindrance;
  } of[] = {
      [RECOVERY_COOLS_DOWN] = {"the service cools down after its last recovery", HINDRANCE_PASSING},
      [RECOVERY_BACKS_OFF] = {"it did not help before, and is not tried again", HINDRANCE_PASSING},
      [RECOVERY_PER_HOUR] = {"it was done as often as it may be within an hour (max_per_hour)",
                             HINDRANCE_TELLING},
  };
  int64_t until_ms;
  char until[TIMESTAMP_BYTES];
  enum recovery_limit limit =
      recovery_limit(&remedy->past, remedy->action, service_ended_ms(recoveries, remedy->service),
                     by_hand, clock_realtime_ms(recoveries->parts.clock), &until_ms);
  if (limit == RECOVERY_FREE)
    return HINDRANCE_NONE;
  timestamp_format(until_ms, until);
  snprintf(why, size, "%s, until %s", of[limit].text, until);
  return of[limit].hindrance;
}

/* Whether `remedy` may be used now; `why` says what stands against it. */
static enum hindrance find_hindrance(struct recoveries *recoveries, const struct remedy *remedy,
                                     bool by_hand, char *why, size_t size) {
  const struct service_state *state = services_state(recoveries->parts.services, remedy->service);
  const struct recovery_run *run = run_of(recoveries, remedy->service);
  const char *problem = runner_link_problem(recoveries->parts.runner);
  const char *down = services_down_dependency(recoveries->parts.services, remedy->service);
  if (run) {
    snprintf(why, size, "the recovery %s (%s) of the service runs", run->id, run->action->name);
    return HINDRANCE_PASSING;
  }
  if (!remedy->past_known) {
    snprintf(why, size, "what was done before has not been read from the history yet");
    return HINDRANCE_OURS;
  }
  if (problem) {
    snprintf(why, size, "nothing can be run: %s", problem);
    return HINDRANCE_OURS;
  }
  if (!state || state->status == SERVICE_PAUSED || state->status == SERVICE_UNKNOWN ||
      state->faults > 0) {
    snprintf(why, size, "the service is %s: nothing is done about what is not known to be ill",
             !state                            ? "not watched"
             : state->status == SERVICE_PAUSED ? "paused"
                                               : "unknown");
    return HINDRANCE_PASSING;
  }
  if (down) {
    snprintf(why, size, "%s, which the service depends on, is down", down);
    return HINDRANCE_TELLING;
  }
  enum hindrance limit = put_limit(recoveries, remedy, by_hand, why, size);
  if (limit == HINDRANCE_NONE && !free_run(recoveries)) {
    snprintf(why, size, "%d recoveries run already", RECOVERIES_MAX);
    return HINDRANCE_TELLING;
  }
  return limit;
}

/* --- doing it -----------------------------------------------------------------------------------
 */

/* Begins one that nothing stands against. */
static int begin(struct recoveries *recoveries, const struct remedy *remedy,
                 const struct recovery_story *story, const char *task_id) {
  struct recovery_run *run = free_run(recoveries);
  run->parts = &recoveries->run_parts;
  run->action = conf_recovery_copy(remedy->action);
  if (!run->action)
    return BELFRY_ENOMEM;
  snprintf(run->id, sizeof run->id, "%s", story->recovery_id);
  snprintf(run->service, sizeof run->service, "%s", remedy->service);
  snprintf(run->by, sizeof run->by, "%s", story->by);
  snprintf(run->reason, sizeof run->reason, "%s", story->reason);
  run->trigger = story->trigger;
  int status = recovery_run_begin(run, task_id);
  if (status)
    recovery_run_clear(run);
  return status;
}

static void answer(struct asked *asked, enum recovery_answer answer, const char *message) {
  void (*on_answer)(void *, enum recovery_answer, const char *) = asked->on_answer;
  void *arg = asked->arg;
  *asked = (struct asked){0};
  if (on_answer)
    on_answer(arg, answer, message);
}

static void recoveries_on_started(void *arg, struct recovery_run *run) {
  struct recoveries *recoveries = arg;
  struct remedy *remedy = find_remedy(recoveries->remedies, recoveries->count,
                                      slice_of(run->service), slice_of(run->action->name));
  if (remedy)
    recovery_past_started(&remedy->past, clock_realtime_ms(recoveries->parts.clock));
  answer(asked_of(recoveries, run), RECOVERY_BEGUN, "");
}

static void recoveries_on_not_started(void *arg, struct recovery_run *run, const char *why) {
  answer(asked_of(arg, run), RECOVERY_IMPOSSIBLE, why);
}

static void recoveries_on_finished(void *arg, struct recovery_run *run, bool success) {
  struct recoveries *recoveries = arg;
  struct remedy *remedy = find_remedy(recoveries->remedies, recoveries->count,
                                      slice_of(run->service), slice_of(run->action->name));
  recoveries->finished++;
  recoveries->failed += !success;
  if (remedy)
    recovery_past_ended(&remedy->past, clock_realtime_ms(recoveries->parts.clock), success);
}

/* --- by itself ----------------------------------------------------------------------------------
 */

static void try_remedy(struct recoveries *recoveries, struct remedy *remedy, const char *trigger,
                       const char *reason) {
  char why[RECOVERY_TEXT_BYTES], id[ULID_BYTES];
  ulid_make(&recoveries->ulids, clock_realtime_ms(recoveries->parts.clock), id);
  const struct recovery_story story = {.recovery_id = id,
                                       .service = remedy->service,
                                       .action = remedy->action->name,
                                       .by = "watchd",
                                       .trigger = trigger,
                                       .reason = reason};
  enum hindrance hindrance = find_hindrance(recoveries, remedy, false, why, sizeof why);
  if (hindrance == HINDRANCE_NONE) {
    int status = begin(recoveries, remedy, &story, NULL);
    if (status && !remedy->told_away) /* without the history there would be no evidence */
      log_warning("recovery %s of %s is not begun: %s", remedy->action->name, remedy->service,
                  status == BELFRY_ECLOSED ? "belfry-historyd is away" : belfry_strerror(status));
    remedy->told_away = status != BELFRY_OK;
  } else if (recoveries->known && hindrance != HINDRANCE_PASSING && !remedy->told_refused) {
    remedy->told_refused = true;
    recovery_tell_refused(&recoveries->teller, &story, why);
  }
}

static int64_t failures_wanted(const struct recoveries *recoveries, const struct remedy *remedy) {
  return remedy->action->after ? remedy->action->after : recoveries->restart_failures;
}

/* Of the remedies that so many failures call for, the one that waits for most of them. */
static struct remedy *choose(struct recoveries *recoveries, const char *service, int64_t failures) {
  struct remedy *best = NULL;
  for (size_t i = 0; i < recoveries->count; i++) {
    struct remedy *remedy = &recoveries->remedies[i];
    if (remedy->action->automatic && remedy->action->trigger == CONF_TRIGGER_FAILURES &&
        strcmp(service, remedy->service) == 0 && failures >= failures_wanted(recoveries, remedy) &&
        (!best || failures_wanted(recoveries, remedy) > failures_wanted(recoveries, best)))
      best = remedy;
  }
  return best;
}

static void recoveries_on_check(void *arg, const char *service, const struct service_state *state) {
  struct recoveries *recoveries = arg;
  char reason[80];
  if (state->failures == 0)
    for (size_t i = 0; i < recoveries->count; i++)
      if (recoveries->remedies[i].action->trigger == CONF_TRIGGER_FAILURES &&
          strcmp(service, recoveries->remedies[i].service) == 0)
        recoveries->remedies[i].told_refused = recoveries->remedies[i].told_away = false;
  if (state->failures == 0 || state->seen != SERVICE_DOWN)
    return;
  struct remedy *remedy = choose(recoveries, service, state->failures);
  if (!remedy)
    return;
  snprintf(reason, sizeof reason, "%" PRId64 " failed checks in a row", state->failures);
  try_remedy(recoveries, remedy, "failures", reason);
}

static void take_figure(struct recoveries *recoveries, struct host_figure *figure, double percent,
                        int64_t most, enum conf_trigger trigger) {
  char reason[160];
  if (percent < 0)
    return;
  bool above = percent > (double)most;
  int64_t now_ms = schedule_now_ms();
  figure->above_since_ms = !above ? 0 : figure->above_since_ms ? figure->above_since_ms : now_ms;
  for (size_t i = 0; i < recoveries->count; i++) {
    struct remedy *remedy = &recoveries->remedies[i];
    if (remedy->action->trigger != (int)trigger)
      continue;
    if (!above)
      remedy->told_refused = remedy->told_away = false;
    if (!above || now_ms - figure->above_since_ms < remedy->action->for_ms)
      continue;
    snprintf(reason, sizeof reason,
             "the host uses %.1f %% of its %s, more than thresholds.%s (%" PRId64 "), for %.0f s",
             percent, figure->name, figure->setting, most,
             (double)(now_ms - figure->above_since_ms) / 1000);
    try_remedy(recoveries, remedy, trigger == CONF_TRIGGER_CPU ? "cpu" : "memory", reason);
  }
}

void recoveries_on_host(struct recoveries *recoveries, double cpu_percent, double memory_percent) {
  take_figure(recoveries, &recoveries->cpu, cpu_percent, recoveries->cpu_max, CONF_TRIGGER_CPU);
  take_figure(recoveries, &recoveries->memory, memory_percent, recoveries->mem_max,
              CONF_TRIGGER_MEMORY);
}

/* --- by hand ------------------------------------------------------------------------------------
 */

static void tell_dry_run(struct recoveries *recoveries, const struct remedy *remedy,
                         struct recovery_story *story) {
  struct buf text;
  story->dry_run = true;
  buf_init(&text, 4096);
  buf_put_text(&text, "would run");
  for (char **word = remedy->action->command; *word; word++)
    buf_printf(&text, " %s", *word);
  if (remedy->action->user)
    buf_printf(&text, " as %s", remedy->action->user);
  const struct recovery_outcome outcome = {.message = buf_status(&text) ? "would run a long command"
                                                                        : text.data};
  recovery_tell_finished(&recoveries->teller, story, &outcome);
  buf_fini(&text);
}

void recoveries_ask(struct recoveries *recoveries, const struct recovery_wish *wish) {
  char why[RECOVERY_TEXT_BYTES], service[WATCHED_NAME_BYTES], action[WATCHED_NAME_BYTES], by[129],
      reason[RECOVERY_TEXT_BYTES];
  snprintf(service, sizeof service, "%.*s", SLICE_ARG(wish->service));
  snprintf(action, sizeof action, "%.*s", SLICE_ARG(wish->action));
  snprintf(by, sizeof by, "%.*s", SLICE_ARG(wish->by));
  snprintf(reason, sizeof reason, "%.*s", SLICE_ARG(wish->reason));
  struct recovery_story story = {.recovery_id = wish->id,
                                 .service = service,
                                 .action = action,
                                 .by = by,
                                 .trigger = "request",
                                 .reason = reason};
  struct remedy *remedy =
      find_remedy(recoveries->remedies, recoveries->count, wish->service, wish->action);
  if (!remedy) { /* belfry-fcgi has read another configuration */
    wish->on_answer(wish->arg, RECOVERY_REFUSED, "belfry-watchd knows no such action of it");
    return;
  }
  enum hindrance hindrance = find_hindrance(recoveries, remedy, true, why, sizeof why);
  if (hindrance != HINDRANCE_NONE) {
    recovery_tell_refused(&recoveries->teller, &story, why);
    wish->on_answer(wish->arg, hindrance == HINDRANCE_OURS ? RECOVERY_IMPOSSIBLE : RECOVERY_REFUSED,
                    why);
    return;
  }
  if (wish->dry_run) {
    tell_dry_run(recoveries, remedy, &story);
    wish->on_answer(wish->arg, RECOVERY_BEGUN, "");
    return;
  }
  struct asked *asked = asked_of(recoveries, free_run(recoveries));
  *asked = (struct asked){.on_answer = wish->on_answer, .arg = wish->arg};
  if (begin(recoveries, remedy, &story, wish->id))
    answer(asked, RECOVERY_IMPOSSIBLE, "its start could not be stored: belfry-historyd is away");
}

void recoveries_forget(struct recoveries *recoveries, const void *arg) {
  for (size_t i = 0; i < RECOVERIES_MAX; i++)
    if (recoveries->asked[i].arg == arg)
      recoveries->asked[i] = (struct asked){0};
}

/* --- what was done before -----------------------------------------------------------------------
 */

/* The columns of recoveries_recent. */
enum { ID, SERVICE, ACTION, BY, TRIGGER, REASON, STARTED, FINISHED, STATE, COLUMNS };

static void copy_text(char *out, size_t size, const struct history_value *value) {
  snprintf(out, size, "%.*s", SLICE_ARG(value->text));
}

/* One that nobody has told the end of, and that is none of ours: we were ended meanwhile. */
static void tell_interrupted(struct recoveries *recoveries, const struct history_value *values) {
  char id[ULID_BYTES], service[WATCHED_NAME_BYTES], action[WATCHED_NAME_BYTES], by[129],
      trigger[33], reason[RECOVERY_TEXT_BYTES];
  copy_text(id, sizeof id, &values[ID]);
  copy_text(service, sizeof service, &values[SERVICE]);
  copy_text(action, sizeof action, &values[ACTION]);
  copy_text(by, sizeof by, &values[BY]);
  copy_text(trigger, sizeof trigger, &values[TRIGGER]);
  copy_text(reason, sizeof reason, &values[REASON]);
  const struct recovery_story story = {id, service, action, by, trigger, reason, false};
  const struct recovery_outcome outcome = {
      .interrupted = true,
      .duration_ms = clock_realtime_ms(recoveries->parts.clock) - values[STARTED].integer,
      .message = "interrupted: belfry-watchd was ended meanwhile, and its command with it"};
  recovery_tell_finished(&recoveries->teller, &story, &outcome);
}

static int recoveries_on_row(void *arg, const struct history_value *values, size_t count) {
  struct recoveries *recoveries = arg;
  if (count != COLUMNS)
    return BELFRY_ECORRUPT;
  bool runs = slice_is(values[STATE].text, "running");
  if (find_run(recoveries, values[ID].text))
    return 0;
  if (runs && !recoveries->known)
    tell_interrupted(recoveries, values);
  struct remedy *remedy = find_remedy(recoveries->remedies, recoveries->count, values[SERVICE].text,
                                      values[ACTION].text);
  if (!remedy || remedy->past_known)
    return 0;
  recovery_past_started(&remedy->past, values[STARTED].integer);
  recovery_past_ended(&remedy->past,
                      runs ? clock_realtime_ms(recoveries->parts.clock) : values[FINISHED].integer,
                      slice_is(values[STATE].text, "succeeded"));
  return 0;
}

static void recoveries_on_look(void *arg) {
  struct recoveries *recoveries = arg;
  for (size_t i = 0; i < recoveries->count; i++)
    if (!recoveries->remedies[i].past_known)
      recoveries->remedies[i].past = (struct recovery_past){0};
  if (reader_read(recoveries->parts.reader, SQL_RECOVERIES_RECENT, recoveries_on_row, recoveries))
    return;
  for (size_t i = 0; i < recoveries->count; i++)
    recoveries->remedies[i].past_known = true;
  recoveries->known = true;
  schedule_task_stop(&recoveries->look);
}

/* --- the runner ---------------------------------------------------------------------------------
 */

static void recoveries_on_output(void *arg, struct slice id, int stream, struct slice bytes) {
  struct recovery_run *run = find_run(arg, id);
  if (run)
    recovery_run_output(run, stream, bytes);
}

static void recoveries_on_end(void *arg, struct slice id, const struct runner_end *end) {
  struct recovery_run *run = find_run(arg, id);
  if (run)
    recovery_run_ended(run, end);
}

static void recoveries_on_gone(void *arg) {
  struct recoveries *recoveries = arg;
  for (size_t i = 0; i < RECOVERIES_MAX; i++)
    if (recoveries->runs[i].id[0])
      recovery_run_runner_gone(&recoveries->runs[i]);
}

/* --- its life -----------------------------------------------------------------------------------
 */

static void free_remedies(struct remedy *remedies, size_t count) {
  for (size_t i = 0; i < count; i++)
    conf_recovery_free(remedies[i].action);
  free(remedies);
}

/* Makes what `conf` asks for, with what is known of each. Returns: owned, or NULL without memory.
 */
static struct remedy *make_remedies(const struct recoveries *recoveries, const struct conf *conf,
                                    size_t *out_count) {
  size_t most = 0, count = 0;
  for (size_t i = 0; i < conf->recovery_count; i++)
    for (size_t k = 0; conf_recovery_service(&conf->recoveries[i], k); k++)
      most++;
  struct remedy *all = calloc(most + 1, sizeof *all);
  for (size_t i = 0; all && i < conf->recovery_count; i++) {
    const char *service;
    for (size_t k = 0; (service = conf_recovery_service(&conf->recoveries[i], k)); k++) {
      struct remedy *remedy = &all[count];
      const struct remedy *before =
          find_remedy(recoveries->remedies, recoveries->count, slice_of(service),
                      slice_of(conf->recoveries[i].name));
      if (before)
        *remedy = *before;
      remedy->action = conf_recovery_copy(&conf->recoveries[i]);
      snprintf(remedy->service, sizeof remedy->service, "%s", service);
      if (!remedy->action) {
        free_remedies(all, count);
        return NULL;
      }
      count++;
    }
  }
  *out_count = count;
  return all;
}

int recoveries_configure(struct recoveries *recoveries, const struct conf *conf) {
  size_t count = 0;
  struct remedy *remedies = make_remedies(recoveries, conf, &count);
  if (!remedies)
    return BELFRY_ENOMEM;
  free_remedies(recoveries->remedies, recoveries->count);
  recoveries->remedies = remedies;
  recoveries->count = count;
  recoveries->restart_failures = conf->thresholds_restart_failures;
  recoveries->cpu_max = conf->thresholds_cpu_max;
  recoveries->mem_max = conf->thresholds_mem_max;
  if (!schedule_task_runs(&recoveries->look))
    schedule_task_start(&recoveries->look, 0, LOOK_MS);
  return BELFRY_OK;
}

int recoveries_new(const struct recoveries_parts *parts, struct recoveries **out) {
  struct recoveries *recoveries = calloc(1, sizeof *recoveries);
  if (!recoveries)
    return BELFRY_ENOMEM;
  recoveries->parts = *parts;
  recovery_teller_init(&recoveries->teller, parts->outbox, parts->mask, parts->clock);
  recoveries->run_parts =
      (struct recovery_run_parts){.loop = parts->loop,
                                  .outbox = parts->outbox,
                                  .services = parts->services,
                                  .runner = parts->runner,
                                  .teller = &recoveries->teller,
                                  .listener = {recoveries_on_started, recoveries_on_not_started,
                                               recoveries_on_finished, recoveries}};
  recoveries->cpu = (struct host_figure){"CPU", "cpu_max", 0};
  recoveries->memory = (struct host_figure){"memory", "mem_max", 0};
  schedule_task_init(&recoveries->look, parts->schedule, recoveries_on_look, recoveries);
  services_listen(parts->services, recoveries_on_check, recoveries);
  const struct runner_listener listener = {recoveries_on_output, recoveries_on_end,
                                           recoveries_on_gone, recoveries};
  runner_link_listen(parts->runner, parts->loop, &listener);
  *out = recoveries;
  return BELFRY_OK;
}

void recoveries_free(struct recoveries *recoveries) {
  if (!recoveries)
    return;
  schedule_task_stop(&recoveries->look);
  for (size_t i = 0; i < RECOVERIES_MAX; i++)
    recovery_run_clear(&recoveries->runs[i]);
  free_remedies(recoveries->remedies, recoveries->count);
  recovery_teller_fini(&recoveries->teller);
  free(recoveries);
}

void recoveries_figures(const struct recoveries *recoveries, struct report_figures *figures) {
  figures->recoveries = recoveries->finished;
  figures->recoveries_failed = recoveries->failed;
  for (size_t i = 0; i < RECOVERIES_MAX; i++)
    figures->recovering += recoveries->runs[i].id[0] != '\0';
  figures->runner = !runner_link_problem(recoveries->parts.runner);
}
