/*
 * Probes: ways to check a service, one row of conf/service_types.def and one file probe_<type>.c
 * each; and one for Belfry's own programs. A probe runs beside others in the event loop and ends
 * with one result, within its time.
 */
#ifndef BELFRY_WATCHD_PROBE_H
#define BELFRY_WATCHD_PROBE_H

#include "base/error.h"
#include "base/slice.h"
#include "conf/conf.h"
#include "watchd/probe_result.h"

#include <ev.h>
#include <stdint.h>

/* What to check; borrowed, and outlives the probe. */
struct probe_target {
  const char *name;                   /* of the service */
  const struct conf_service *service; /* NULL: one of Belfry's own programs */
  const char *socket;                 /* of that */
  int64_t timeout_ms;
  int64_t interval_ms;
};

struct reader;
struct systemd;
struct transfers;

/* What probes work with; borrowed, outlives them. */
struct probe_tools {
  struct ev_loop *loop;
  struct transfers *transfers;
  struct reader *reader; /* of the history */
  struct systemd *systemd;
};

/* Called once, never from within probe_start. The probe is freed after it. */
typedef void (*probe_done_fn)(void *arg, const struct probe_result *result);

/* A running probe: the head of what each kind keeps. */
struct probe {
  void (*cancel)(struct probe *probe); /* frees it; on_done is not called any more */
};

/*
 * Starts a check. Returns: 0 with `*out`, borrowed until on_done is called or it is cancelled; or
 * an error when it could not even begin, which is a fault of ours: `error` says what.
 */
int probe_start(const struct probe_tools *tools, const struct probe_target *target,
                probe_done_fn on_done, void *arg, struct probe **out,
                struct belfry_error *error) BELFRY_MUST_CHECK;

/* Ends it without a result. NULL is fine. */
void probe_cancel(struct probe *probe);

/* Whether an errno speaks of our own state (descriptors, memory, ports, network) rather than of the
 * service. */
bool probe_errno_is_ours(int errnum);

/* Each kind's own start. */
typedef int (*probe_start_fn)(const struct probe_tools *tools, const struct probe_target *target,
                              probe_done_fn on_done, void *arg, struct probe **out,
                              struct belfry_error *error);
int probe_belfry_start(const struct probe_tools *tools, const struct probe_target *target,
                       probe_done_fn on_done, void *arg, struct probe **out,
                       struct belfry_error *error) BELFRY_MUST_CHECK;
#define SERVICE_TYPE(name, needs, takes, doc)                                                      \
  int probe_##name##_start(const struct probe_tools *tools, const struct probe_target *target,     \
                           probe_done_fn on_done, void *arg, struct probe **out,                   \
                           struct belfry_error *error) BELFRY_MUST_CHECK;
#include "conf/service_types.def"
#undef SERVICE_TYPE

#endif
