#include "watchd/units.h"

#include "base/json.h"
#include "base/log.h"
#include "model/severity.h"
#include "watchd/host_samples.h"
#include "watchd/units_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 5000

/* A unit that failed, until it has been well for a while. */
struct failed_unit {
  char name[CGROUP_UNIT_BYTES]; /* "": the place is free */
  bool told;
  int well; /* readings in a row */
  bool ill; /* in the reading that is being taken: failed, or on its way somewhere */
};

struct units {
  struct units_parts parts;
  struct schedule_task task;
  char *cgroup_root;         /* owned */
  struct units_table *table; /* owned */
  struct host_samples samples;
  struct systemd_question list, details;
  struct failed_unit failed[UNITS_FAILED_MAX];
  struct failed_unit *asked; /* whose details are asked for */
  struct buf data;
};

/* --- events --- */

static void tell(struct units *units, const struct failed_unit *failed, const char *type,
                 enum severity severity, int64_t at_ms, const char *event_id,
                 const struct systemd_unit *unit, const char *message) {
  struct buf *data = &units->data;
  buf_clear(data);
  buf_put_text(data, "{\"unit\":");
  json_put_string(data, slice_of(failed->name));
  if (unit) {
    buf_put_text(data, ",\"state\":");
    json_put_string(data, slice_of(unit->state));
    buf_put_text(data, ",\"result\":");
    json_put_string(data, slice_of(unit->result));
    if (unit->exit_status >= 0)
      buf_printf(data, ",\"exit_status\":%" PRId64, unit->exit_status);
    if (unit->restarts >= 0)
      buf_printf(data, ",\"restarts\":%" PRId64, unit->restarts);
  }
  buf_put_text(data, ",\"message\":");
  json_put_string(data, slice_of(message));
  buf_put_char(data, '}');
  log_notice("%s", message);
  const struct event event = {.timestamp_ms = at_ms,
                              .severity = (int)severity,
                              .event_id = slice_of(event_id),
                              .type = slice_of(type),
                              .source = slice_of("watchd"),
                              .data = buf_slice(data)};
  if (buf_status(data) == BELFRY_OK)
    outbox_event(units->parts.outbox, &event);
}

/* The id is made of when it failed, so that a restart of ours does not tell of it again. */
static void tell_failed(struct units *units, struct failed_unit *failed,
                        const struct systemd_unit *unit) {
  char event_id[CGROUP_UNIT_BYTES + 64], message[CGROUP_UNIT_BYTES + 128];
  int64_t now_ms = clock_realtime_ms(units->parts.clock), at_ms = unit->since_us / 1000;
  failed->told = true;
  if (unit->since_us <= 0 || at_ms > now_ms)
    at_ms = now_ms;
  if (now_ms - at_ms > UNITS_OLD_MS)
    return;
  snprintf(event_id, sizeof event_id, "unit:%.80s:%" PRId64, failed->name, unit->since_us);
  int len = snprintf(message, sizeof message, "%s failed: %.64s", failed->name,
                     unit->result[0] ? unit->result : unit->sub);
  if (unit->exit_status > 0)
    snprintf(message + len, sizeof message - (size_t)len, ", status %" PRId64, unit->exit_status);
  tell(units, failed, "unit_failed", SEVERITY_ERROR, at_ms, event_id, unit, message);
}

static void tell_well(struct units *units, const struct failed_unit *failed) {
  char message[CGROUP_UNIT_BYTES + 64];
  snprintf(message, sizeof message, "%s is well again", failed->name);
  tell(units, failed, "unit_recovered", SEVERITY_SUCCESS, clock_realtime_ms(units->parts.clock), "",
       NULL, message);
}

/* --- why they failed, one after the other --- */

static void units_on_details(void *arg, const struct systemd_unit *unit) {
  struct units *units = arg;
  if (strcmp(unit->state, "failed") == 0)
    tell_failed(units, units->asked, unit);
  else
    units->asked->name[0] = '\0'; /* it has been started again meanwhile */
}

static void ask_details(struct units *units);

static void units_on_details_done(void *arg, const struct belfry_error *error) {
  if (!error) /* else the next reading asks again */
    ask_details(arg);
}

static void ask_details(struct units *units) {
  struct belfry_error error = {0};
  if (units->details.systemd)
    return;
  for (size_t i = 0; i < UNITS_FAILED_MAX; i++) {
    struct failed_unit *failed = &units->failed[i];
    if (failed->name[0] == '\0' || failed->told)
      continue;
    units->asked = failed;
    if (systemd_ask_unit(units->parts.systemd, &units->details, failed->name, ANSWER_MS, &error))
      log_debug("%s", error.text);
    return;
  }
}

/* --- states --- */

static struct failed_unit *find_failed(struct units *units, const char *name) {
  for (size_t i = 0; i < UNITS_FAILED_MAX; i++)
    if (strcmp(units->failed[i].name, name) == 0)
      return &units->failed[i];
  return NULL;
}

/* Returns: NULL when there is no place. */
static struct failed_unit *add_failed(struct units *units, const char *name) {
  size_t len = strlen(name);
  struct failed_unit *failed = len < sizeof failed->name ? find_failed(units, "") : NULL;
  if (!failed)
    return NULL;
  *failed = (struct failed_unit){0};
  memcpy(failed->name, name, len + 1);
  return failed;
}

static void units_on_unit(void *arg, const struct systemd_unit *unit) {
  struct units *units = arg;
  bool is_failed = strcmp(unit->state, "failed") == 0;
  if (strcmp(unit->load, "not-found") == 0 && !is_failed)
    return; /* named by another unit, but not installed */
  units_table_state(units->table, unit->name, unit->state);
  struct failed_unit *failed = unit->name[0] ? find_failed(units, unit->name) : NULL;
  if (!failed && is_failed)
    failed = add_failed(units, unit->name);
  if (!failed)
    return;
  failed->ill = strcmp(unit->state, "active") != 0 && strcmp(unit->state, "inactive") != 0;
}

/* One that is not listed any more was reset, or removed: it is not failed either. */
static void look_at_failed(struct units *units) {
  for (size_t i = 0; i < UNITS_FAILED_MAX; i++) {
    struct failed_unit *failed = &units->failed[i];
    if (failed->name[0] == '\0')
      continue;
    failed->well = failed->ill ? 0 : failed->well + 1;
    bool being_asked = units->details.systemd && failed == units->asked;
    if (failed->well >= UNITS_WELL_READINGS && !being_asked) {
      if (failed->told)
        tell_well(units, failed);
      failed->name[0] = '\0';
    }
  }
  ask_details(units);
}

static void units_on_list_done(void *arg, const struct belfry_error *error) {
  struct units *units = arg;
  if (error) {
    log_debug("no states of units: %s", error->text);
    return;
  }
  units_table_end_states(units->table);
  units->samples.now_ms = clock_realtime_ms(units->parts.clock);
  const struct host_sink sink = host_samples_sink(&units->samples);
  units_table_put_states(units->table, &sink);
  look_at_failed(units);
}

static void ask_states(struct units *units) {
  struct belfry_error error = {0};
  if (units->list.systemd)
    return; /* the last answer has not come yet */
  units_table_begin_states(units->table);
  for (size_t i = 0; i < UNITS_FAILED_MAX; i++)
    units->failed[i].ill = false;
  if (systemd_ask_units(units->parts.systemd, &units->list, ANSWER_MS, &error))
    log_debug("no states of units: %s", error.text);
}

/* --- uses --- */

static void units_on_use(void *arg, const struct cgroup_use *use) {
  units_table_use(((struct units *)arg)->table, use);
}

static void units_on_turn(void *arg) {
  struct units *units = arg;
  units_table_begin_uses(units->table, clock_monotonic_us(units->parts.clock));
  size_t there = cgroup_read(units->cgroup_root, units_on_use, units);
  units_table_end_uses(units->table, there);
  units->samples.now_ms = clock_realtime_ms(units->parts.clock);
  const struct host_sink sink = host_samples_sink(&units->samples);
  units_table_put_uses(units->table, &sink);
  ask_states(units);
}

/* --- life --- */

int units_new(const struct units_parts *parts, struct units **out) {
  struct units *units = calloc(1, sizeof *units);
  if (!units)
    return BELFRY_ENOMEM;
  units->parts = *parts;
  units->table = units_table_new();
  units->list.on_unit = units_on_unit;
  units->list.on_done = units_on_list_done;
  units->details.on_unit = units_on_details;
  units->details.on_done = units_on_details_done;
  units->list.arg = units->details.arg = units;
  host_samples_init(&units->samples, parts->outbox);
  buf_init(&units->data, 4096);
  schedule_task_init(&units->task, parts->schedule, units_on_turn, units);
  *out = units;
  if (units->table)
    return BELFRY_OK;
  units_free(units);
  *out = NULL;
  return BELFRY_ENOMEM;
}

static void stop(struct units *units) {
  schedule_task_stop(&units->task);
  systemd_call_off(&units->list);
  systemd_call_off(&units->details);
}

void units_free(struct units *units) {
  if (!units)
    return;
  stop(units);
  units_table_free(units->table);
  buf_fini(&units->data);
  free(units->cgroup_root);
  free(units);
}

int units_configure(struct units *units, const char *cgroup_root, int64_t interval_ms) {
  char *root = strdup(cgroup_root);
  if (!root)
    return BELFRY_ENOMEM;
  free(units->cgroup_root);
  units->cgroup_root = root;
  if (interval_ms == 0)
    stop(units);
  else if (interval_ms != units->task.turns.interval_ms || !schedule_task_runs(&units->task))
    schedule_task_start(&units->task, 0, interval_ms);
  return BELFRY_OK;
}
