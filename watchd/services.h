/*
 * The services that are watched: those of the configuration and Belfry's own programs. Probes each
 * at its interval, judges the results, and tells the history.
 */
#ifndef BELFRY_WATCHD_SERVICES_H
#define BELFRY_WATCHD_SERVICES_H

#include "base/clock.h"
#include "base/error.h"
#include "conf/conf.h"
#include "watchd/outbox.h"
#include "watchd/probe.h"
#include "watchd/reader.h"
#include "watchd/report.h"
#include "watchd/schedule.h"

struct services;

struct services_parts {
  struct schedule *schedule;
  struct outbox *outbox;
  struct reader *reader;
  const struct clock *clock;
  struct probe_tools tools;
};

/* Takes: the parts are borrowed and outlive it. Returns: 0 or BELFRY_ENOMEM; `*out` owned, free
 * with services_free(). */
int services_new(const struct services_parts *parts, struct services **out) BELFRY_MUST_CHECK;
void services_free(struct services *services);

/*
 * Watches what `conf` says. Services that are unchanged go on undisturbed, changed ones keep what
 * is known of them, those that are gone are forgotten. Nothing is probed before the known states
 * have been read from the history, or SERVICES_WAIT_MS have passed without one. Returns: 0, or
 * BELFRY_ENOMEM (then nothing has changed).
 */
int services_configure(struct services *services, const struct conf *conf) BELFRY_MUST_CHECK;

#define SERVICES_WAIT_MS 10000

void services_figures(const struct services *services, struct report_figures *figures);

#endif
