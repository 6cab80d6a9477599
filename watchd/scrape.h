/*
 * Endpoints whose figures become samples: Prometheus' text and OpenMetrics, and JSON. Each is an
 * entry of `scrapes`.
 */
#ifndef BELFRY_WATCHD_SCRAPE_H
#define BELFRY_WATCHD_SCRAPE_H

#include "base/clock.h"
#include "base/error.h"
#include "conf/conf.h"
#include "watchd/outbox.h"
#include "watchd/schedule.h"
#include "watchd/transfer.h"

struct scrapes;

/* Borrowed, outlives it. */
struct scrape_parts {
  struct schedule *schedule;
  struct outbox *outbox;
  struct transfers *transfers;
  const struct clock *clock;
};

/* Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with scrapes_free(). */
int scrapes_new(const struct scrape_parts *parts, struct scrapes **out) BELFRY_MUST_CHECK;
void scrapes_free(struct scrapes *scrapes);

/* Scrapes what `conf` says from now on; entries that are unchanged go on. Returns: 0, or
 * BELFRY_ENOMEM (then nothing has changed). */
int scrapes_configure(struct scrapes *scrapes, const struct conf *conf) BELFRY_MUST_CHECK;

#endif
