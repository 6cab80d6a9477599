/*
 * Reads the host's figures (host.def) at an interval and puts them into the outbox as samples.
 */
#ifndef BELFRY_WATCHD_HOST_H
#define BELFRY_WATCHD_HOST_H

#include "base/clock.h"
#include "base/error.h"
#include "watchd/outbox.h"
#include "watchd/schedule.h"

#include <stdint.h>

struct host;

/* Takes: `schedule`, `outbox` and `clock` are borrowed and outlive it. Returns: 0 or BELFRY_ENOMEM;
 * `*out` owned, free with host_free(). */
int host_new(struct schedule *schedule, struct outbox *outbox, const struct clock *clock,
             struct host **out) BELFRY_MUST_CHECK;
void host_free(struct host *host);

/* Called after each reading; a figure that was not read is negative. */
typedef void (*host_read_fn)(void *arg, double cpu_percent, double memory_percent);
void host_listen(struct host *host, host_read_fn on_read, void *arg);

/* Reads every `interval_ms` from now on; 0 stops. What is known from earlier readings stays. */
void host_set_interval(struct host *host, int64_t interval_ms);

#endif
