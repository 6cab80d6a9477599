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

struct service_state service_state_of(enum service_status status) {
  return (struct service_state){.status = status, .seen = status};
}

bool service_result_is_bad(const struct probe_result *result, double degraded_ms) {
  return result->outcome != PROBE_SUCCESS || (degraded_ms > 0 && result->latency_ms > degraded_ms);
}

int service_changes(const struct service_state *state) {
  return __builtin_popcount(state->changes);
}

/* What the checks say, before flapping is damped. */
static enum service_status see(struct service_state *state, const struct probe_result *result,
                               double degraded_ms) {
  if (result->outcome == PROBE_FAULT)
    return ++state->faults >= SERVICE_FAULTS_MAX ? SERVICE_UNKNOWN : state->seen;
  state->faults = 0;
  state->failures = result->outcome == PROBE_FAILURE ? state->failures + 1 : 0;
  return result->outcome == PROBE_FAILURE             ? SERVICE_DOWN
         : service_result_is_bad(result, degraded_ms) ? SERVICE_DEGRADED
                                                      : SERVICE_UP;
}

static void notice_flapping(struct service_state *state, enum service_status seen) {
  bool changed = seen != state->seen && state->seen != SERVICE_UNKNOWN && seen != SERVICE_UNKNOWN;
  state->changes = (state->changes << 1 | changed) & ((1u << SERVICE_FLAP_CHECKS) - 1);
  if (seen == SERVICE_UNKNOWN)
    state->changes = 0;
  int changes = service_changes(state);
  state->flapping = state->flapping ? changes > SERVICE_FLAP_ENDS : changes >= SERVICE_FLAP_BEGINS;
}

bool service_judge(struct service_state *state, const struct probe_result *result,
                   double degraded_ms, enum service_status *previous) {
  enum service_status seen = see(state, result, degraded_ms);
  if (result->outcome != PROBE_FAULT || seen == SERVICE_UNKNOWN)
    notice_flapping(state, seen);
  state->seen = seen;
  *previous = state->status;
  state->status = state->flapping ? SERVICE_DEGRADED : seen;
  return state->status != *previous;
}
