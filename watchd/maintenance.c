#include "watchd/maintenance.h"

#include "base/timestamp.h"
#include "base/zone.h"

#include <stdlib.h>
#include <string.h>

/* Takes: `weekday`, 0 for Sunday. */
static bool is_on(const struct conf_maintenance *maintenance, int weekday) {
  static const char days[][4] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  if (!maintenance->days)
    return true;
  for (char **day = maintenance->days; *day; day++)
    if (strcmp(*day, days[weekday]) == 0)
      return true;
  return false;
}

/* When the clock shows "HH:MM" on the day of `date`. */
static int64_t time_on(const char *zone, struct zone_time date, const char *clock, bool last) {
  date.hour = atoi(clock);
  date.minute = atoi(clock + 3);
  return zone_time_ms(zone, &date, last);
}

/* The one that begins on the day of `date`. */
static bool goes_on_from(const struct conf_maintenance *maintenance, const char *zone,
                         struct zone_time date, int64_t now_ms) {
  int64_t start_ms = time_on(zone, date, maintenance->start, false);
  date.day += strcmp(maintenance->end, maintenance->start) <= 0;
  return now_ms >= start_ms && now_ms < time_on(zone, date, maintenance->end, true);
}

bool maintenance_goes_on(const struct conf_maintenance *maintenance, int64_t now_ms) {
  int64_t from_ms, to_ms;
  if (maintenance->from)
    return timestamp_parse(slice_of(maintenance->from), &from_ms) == 0 &&
           timestamp_parse(slice_of(maintenance->to), &to_ms) == 0 && now_ms >= from_ms &&
           now_ms < to_ms;
  const char *zone = maintenance->timezone ? maintenance->timezone : "UTC";
  struct zone_time today = zone_time_of(zone, now_ms), yesterday = today;
  yesterday.day--;
  return (is_on(maintenance, today.weekday) && goes_on_from(maintenance, zone, today, now_ms)) ||
         (is_on(maintenance, (today.weekday + 6) % 7) &&
          goes_on_from(maintenance, zone, yesterday, now_ms));
}
