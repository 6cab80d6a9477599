#include "watchd/probe.h"

#include <errno.h>
#include <stdio.h>

static const probe_start_fn starts[] = {
#define SERVICE_TYPE(name, needs, takes, doc) [CONF_SERVICE_##name] = probe_##name##_start,
#include "conf/service_types.def"
#undef SERVICE_TYPE
};

int probe_start(const struct probe_tools *tools, const struct probe_target *target,
                probe_done_fn on_done, void *arg, struct probe **out, struct belfry_error *error) {
  probe_start_fn start = target->service ? starts[target->service->type] : probe_belfry_start;
  return start(tools, target, on_done, arg, out, error);
}

void probe_result_add(struct probe_result *result, const char *metric, const char *label_key,
                      const char *label, double value) {
  if (result->figure_count == PROBE_FIGURES_MAX)
    return;
  struct probe_figure *figure = &result->figures[result->figure_count++];
  *figure = (struct probe_figure){.label_key = label_key, .value = value};
  snprintf(figure->metric, sizeof figure->metric, "%s", metric);
  snprintf(figure->label, sizeof figure->label, "%s", label_key ? label : "");
}

void probe_cancel(struct probe *probe) {
  if (probe)
    probe->cancel(probe);
}

bool probe_errno_is_ours(int errnum) {
  switch (errnum) {
  case EMFILE:
  case ENFILE:
  case ENOBUFS:
  case ENOMEM:
  case EADDRNOTAVAIL: /* no port of ours is free */
  case ENETDOWN:
  case ENETUNREACH:
  case EACCES: /* a socket or a firewall that does not let us */
  case EPERM:
  case EAFNOSUPPORT:
    return true;
  default:
    return false;
  }
}
