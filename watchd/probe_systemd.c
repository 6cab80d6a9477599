/*
 * The probe `systemd`: how systemd says that one of its units is. That it could not be asked is a
 * fault of ours.
 */
#include "watchd/probe.h"

#include "watchd/systemd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct systemd_probe {
  struct probe probe; /* first: the probe is this */
  struct systemd_question question;
  struct probe_result result;
  probe_done_fn on_done;
  void *arg;
};

static void systemd_cancel(struct probe *probe) {
  struct systemd_probe *of = (struct systemd_probe *)probe;
  systemd_call_off(&of->question);
  free(of);
}

/* A unit that was started and is not ready yet is degraded, one that waits to be started again is
 * down: it has just ended. One that reloads goes on serving. */
static enum probe_outcome outcome_of(const struct systemd_unit *unit) {
  static const struct {
    const char *state;
    enum probe_outcome outcome;
  } states[] = {{"active", PROBE_SUCCESS},       {"reloading", PROBE_SUCCESS},
                {"refreshing", PROBE_SUCCESS},   {"activating", PROBE_DEGRADED},
                {"maintenance", PROBE_DEGRADED}, {"deactivating", PROBE_FAILURE},
                {"inactive", PROBE_FAILURE},     {"failed", PROBE_FAILURE}};
  if (strncmp(unit->sub, "auto-restart", 12) == 0)
    return PROBE_FAILURE;
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    if (strcmp(unit->state, states[i].state) == 0)
      return states[i].outcome;
  return PROBE_FAULT; /* a word that this version does not know */
}

static void put_message(const struct systemd_unit *unit, struct probe_result *result) {
  char *out = result->message;
  size_t size = sizeof result->message;
  if (strcmp(unit->load, "loaded") != 0 && strcmp(unit->state, "active") != 0) {
    snprintf(out, size, "%.40s (%.40s)", unit->state, unit->load);
    return;
  }
  int len = snprintf(out, size, "%.40s (%.40s)", unit->state, unit->sub);
  if (result->outcome == PROBE_FAILURE && unit->result[0] && strcmp(unit->result, "success") != 0)
    len += snprintf(out + len, size - (size_t)len, ": %.60s", unit->result);
  if (result->outcome == PROBE_FAILURE && unit->exit_status > 0)
    snprintf(out + len, size - (size_t)len, ", status %lld", (long long)unit->exit_status);
}

static void systemd_on_unit(void *arg, const struct systemd_unit *unit) {
  struct systemd_probe *of = arg;
  of->result.outcome = outcome_of(unit);
  put_message(unit, &of->result);
  if (unit->restarts >= 0)
    probe_result_add(&of->result, "service_restarts", NULL, NULL, (double)unit->restarts);
}

static void systemd_on_answer(void *arg, const struct belfry_error *error) {
  struct systemd_probe *of = arg;
  if (error) {
    of->result = (struct probe_result){.outcome = PROBE_FAULT, .latency_ms = -1};
    snprintf(of->result.message, sizeof of->result.message, "cannot check: %.200s", error->text);
  }
  of->on_done(of->arg, &of->result);
  free(of);
}

int probe_systemd_start(const struct probe_tools *tools, const struct probe_target *target,
                        probe_done_fn on_done, void *arg, struct probe **out,
                        struct belfry_error *error) {
  const char *wanted = target->service->unit;
  char name[256];
  struct systemd_probe *of = calloc(1, sizeof *of);
  if (!of)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  of->probe.cancel = systemd_cancel;
  of->result = (struct probe_result){.outcome = PROBE_FAULT, .latency_ms = -1};
  of->on_done = on_done;
  of->arg = arg;
  of->question.on_unit = systemd_on_unit;
  of->question.on_done = systemd_on_answer;
  of->question.arg = of;
  snprintf(name, sizeof name, strchr(wanted, '.') ? "%s" : "%s.service", wanted);
  int status = systemd_ask_unit(tools->systemd, &of->question, name, target->timeout_ms, error);
  if (status) {
    free(of);
    return status;
  }
  *out = &of->probe;
  return BELFRY_OK;
}
