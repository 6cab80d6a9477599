/*
 * The probe `exec`: a program that is run as Nagios runs its plugins. Exit status 0 is good, 1
 * degraded, 2 down, 3 not known; the first line it writes says why.
 */
#include "watchd/command.h"
#include "watchd/perfdata.h"
#include "watchd/probe.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define OUTPUT_BYTES_MAX ((size_t)8192)

struct exec_probe {
  struct probe probe; /* first: the probe is this */
  struct command command;
  probe_done_fn on_done;
  void *arg;
  int64_t begun_us, timeout_ms;
};

static void exec_cancel(struct probe *probe) {
  struct exec_probe *exec = (struct exec_probe *)probe;
  command_cancel(&exec->command);
  free(exec);
}

static enum probe_outcome outcome_of(int code) {
  static const enum probe_outcome outcomes[] = {PROBE_SUCCESS, PROBE_DEGRADED, PROBE_FAILURE,
                                                PROBE_FAULT};
  return code >= 0 && code <= 3 ? outcomes[code] : PROBE_FAULT;
}

/* The first line, split at the `|`. */
static void take_line(struct slice output, struct probe_result *result) {
  struct slice line = {0}, text = {0};
  char clean[sizeof result->message];
  if (!slice_split(&output, '\n', &line) || !slice_split(&line, '|', &text))
    return;
  snprintf(clean, sizeof clean, "%.*s", SLICE_ARG(slice_trim(text)));
  utf8_repair(clean);
  memcpy(result->message, clean, sizeof clean);
  if (line.data)
    perfdata_take(line, result);
}

static void judge(const struct exec_probe *exec, const struct command_end *end,
                  struct probe_result *result) {
  if (end->timed_out) {
    result->outcome = PROBE_FAILURE;
    snprintf(result->message, sizeof result->message, "did not end within %lld ms",
             (long long)exec->timeout_ms);
    return;
  }
  if (WIFSIGNALED(end->status)) {
    result->outcome = PROBE_FAULT;
    snprintf(result->message, sizeof result->message, "was ended by the signal %d",
             WTERMSIG(end->status));
    return;
  }
  int code = WEXITSTATUS(end->status);
  result->outcome = outcome_of(code);
  take_line(end->output, result);
  if (code > 3 || result->message[0] == '\0')
    snprintf(result->message, sizeof result->message,
             code > 3 ? "exit status %d, which is none of 0 to 3" : "exit status %d", code);
  if (result->outcome != PROBE_FAULT)
    result->latency_ms = (double)(clock_monotonic_us(&clock_system) - exec->begun_us) / 1000;
}

static void exec_on_end(void *arg, const struct command_end *end) {
  struct exec_probe *exec = arg;
  struct probe_result result = {.latency_ms = -1};
  judge(exec, end, &result);
  probe_done_fn on_done = exec->on_done;
  void *done_arg = exec->arg;
  free(exec);
  on_done(done_arg, &result);
}

int probe_exec_start(const struct probe_tools *tools, const struct probe_target *target,
                     probe_done_fn on_done, void *arg, struct probe **out,
                     struct belfry_error *error) {
  struct exec_probe *exec = calloc(1, sizeof *exec);
  if (!exec)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  exec->probe.cancel = exec_cancel;
  exec->on_done = on_done;
  exec->arg = arg;
  exec->begun_us = clock_monotonic_us(&clock_system);
  exec->timeout_ms = target->timeout_ms;
  int status = command_start(&exec->command, tools->loop, target->service->command,
                             target->timeout_ms, OUTPUT_BYTES_MAX, exec_on_end, exec, error);
  if (status) {
    free(exec);
    return status;
  }
  *out = &exec->probe;
  return BELFRY_OK;
}
