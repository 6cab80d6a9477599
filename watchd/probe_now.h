/*
 * Probes that know at once: their result is told from the loop, as that of the others is.
 */
#ifndef BELFRY_WATCHD_PROBE_NOW_H
#define BELFRY_WATCHD_PROBE_NOW_H

#include "watchd/probe.h"

/* Takes: `result` is copied. Returns: as probe_start. */
int probe_now_start(const struct probe_tools *tools, const struct probe_result *result,
                    probe_done_fn on_done, void *arg, struct probe **out,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
