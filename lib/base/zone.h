/*
 * Times of day in the time zones of IANA, by the C library and the zone files of the system. For
 * programs with one thread that asks: the zone is the C library's own while a call lasts, and UTC
 * otherwise.
 */
#ifndef BELFRY_BASE_ZONE_H
#define BELFRY_BASE_ZONE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* A day and a time of it, as a calendar and a clock on the wall show them. */
struct zone_time {
  int year, month, day; /* of 1 to 12, of 1 to 31; others count on, as mktime(3) does it */
  int hour, minute;
  int weekday; /* 0: Sunday; not read by zone_time_ms() */
};

/* Whether the system has a zone of that name, such as Europe/Berlin or UTC. */
bool zone_exists(struct slice name);

/* What the wall shows in the zone at that moment. A zone that is not there is UTC. */
struct zone_time zone_time_of(const char *zone, int64_t ms);

/*
 * When the wall shows that time. One that comes twice, because the clock is put back: the first or
 * the last, as is asked for. One that is left out, because it is put forward: what it would be if
 * it were put forward later.
 */
int64_t zone_time_ms(const char *zone, const struct zone_time *time, bool last);

#endif
