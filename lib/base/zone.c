#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ZONES_DIR  "/usr/share/zoneinfo/"
#define NAME_BYTES 65

bool zone_exists(struct slice name) {
  char path[sizeof ZONES_DIR + NAME_BYTES];
  if (name.len == 0 || name.len >= NAME_BYTES || name.data[0] == '/' || name.data[0] == '.')
    return false;
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && (c == '\0' || !strchr("/_+-", c)))
      return false;
  }
  if (slice_is(name, "UTC"))
    return true;
  snprintf(path, sizeof path, ZONES_DIR "%.*s", SLICE_ARG(name));
  char magic[4] = "";
  FILE *file = fopen(path, "re"); /* a folder opens, and cannot be read */
  bool found = file && fread(magic, sizeof magic, 1, file) == 1 && memcmp(magic, "TZif", 4) == 0;
  if (file)
    fclose(file);
  return found;
}

/* The variable TZ is this text from the first call on. It changes in place, so that a thread of a
 * library that looks for another variable finds the environment whole. */
static void use_zone(const char *zone) {
  static char variable[sizeof "TZ=:" + NAME_BYTES] = "TZ=UTC";
  static bool placed;
  if (!placed && putenv(variable) == 0)
    placed = true;
  snprintf(variable + 3, sizeof variable - 3, "%s%s", strcmp(zone, "UTC") == 0 ? "" : ":", zone);
  tzset();
}

struct zone_time zone_time_of(const char *zone, int64_t ms) {
  time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
  struct tm tm = {0};
  use_zone(zone);
  localtime_r(&seconds, &tm);
  use_zone("UTC");
  return (struct zone_time){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                            tm.tm_hour,        tm.tm_min,     tm.tm_wday};
}

/* Takes: `summer`, whether to read the time as of summer time. Returns: whether the wall shows it.
 */
static bool read_as(const struct zone_time *time, bool summer, time_t *out) {
  struct tm tm = {.tm_year = time->year - 1900,
                  .tm_mon = time->month - 1,
                  .tm_mday = time->day,
                  .tm_hour = time->hour,
                  .tm_min = time->minute,
                  .tm_isdst = summer};
  *out = mktime(&tm);
  return tm.tm_hour == time->hour && tm.tm_min == time->minute;
}

int64_t zone_time_ms(const char *zone, const struct zone_time *time, bool last) {
  time_t summer, winter;
  use_zone(zone);
  bool in_summer = read_as(time, true, &summer), in_winter = read_as(time, false, &winter);
  use_zone("UTC");
  time_t first = summer < winter ? summer : winter, second = summer < winter ? winter : summer;
  time_t taken = in_summer && in_winter     ? (last ? second : first)
                 : !in_summer && !in_winter ? second
                 : in_summer                ? summer
                                            : winter;
  return (int64_t)taken * 1000;
}
