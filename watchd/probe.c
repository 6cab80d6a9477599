#include "watchd/probe.h"

#include <errno.h>

static const probe_start_fn starts[PROBE_KIND_COUNT] = {
#define PROBE(name, doc) [PROBE_KIND_##name] = probe_##name##_start,
#include "watchd/probes.def"
#undef PROBE
};

int probe_start(const struct probe_tools *tools, const struct probe_target *target,
                probe_done_fn on_done, void *arg, struct probe **out, struct belfry_error *error) {
  return starts[target->kind](tools, target, on_done, arg, out, error);
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
