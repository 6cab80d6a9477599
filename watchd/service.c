#include "watchd/service.h"

static const struct {
  const char *name;
  enum severity severity;
} statuses[] = {
    [SERVICE_UNKNOWN] = {"unknown", SEVERITY_WARNING},
    [SERVICE_UP] = {"up", SEVERITY_SUCCESS},
    [SERVICE_DOWN] = {"down", SEVERITY_ERROR},
    [SERVICE_DEGRADED] = {"degraded", SEVERITY_WARNING},
    [SERVICE_PAUSED] = {"paused", SEVERITY_INFO},
};

const char *service_status_name(enum service_status status) {
  return statuses[status].name;
}

enum service_status service_status_parse(struct slice name) {
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
    if (slice_is(name, statuses[i].name))
      return (enum service_status)i;
  return SERVICE_UNKNOWN;
}

enum severity service_status_severity(enum service_status status) {
  return statuses[status].severity;
}

bool service_judge(struct service_state *state, const struct probe_result *result,
                   int64_t restart_failures, enum service_status *previous) {
  enum service_status next = state->status;
  switch (result->outcome) {
  case PROBE_SUCCESS:
    state->failures = state->faults = 0;
    next = SERVICE_UP;
    break;
  case PROBE_FAILURE:
    state->faults = 0;
    if (++state->failures >= restart_failures)
      next = SERVICE_DOWN;
    break;
  case PROBE_FAULT:
    if (++state->faults >= restart_failures)
      next = SERVICE_UNKNOWN;
    break;
  }
  *previous = state->status;
  state->status = next;
  return next != *previous;
}
