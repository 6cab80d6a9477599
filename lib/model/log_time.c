#include "model/log_time.h"

#include "base/timestamp.h"

#include <time.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int log_time_month(const char *at) {
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (int i = 0; i < 12; i++)
    if (memcmp(months + 3 * i, at, 3) == 0)
      return i;
  return -1;
}

int log_time_number(const char *at, int digits) {
  int value = 0;
  bool seen = false;
  for (int i = 0; i < digits; i++) {
    if (at[i] == ' ' && !seen)
      continue;
    if (!is_digit(at[i]))
      return -1;
    value = value * 10 + (at[i] - '0');
    seen = true;
  }
  return seen ? value : -1;
}

static bool from_local(struct tm *tm, int milliseconds, int64_t *out_ms) {
  tm->tm_isdst = -1;
  time_t seconds = mktime(tm);
  *out_ms = (int64_t)seconds * 1000 + milliseconds;
  return seconds > 0;
}

/* Year first. */
static bool find_iso(struct slice line, int64_t *out_ms) {
  if (line.len < 19 || !is_digit(line.data[0]) || (line.data[4] != '-' && line.data[4] != '/') ||
      line.data[4] != line.data[7] || (line.data[10] != 'T' && line.data[10] != ' ') ||
      line.data[13] != ':' || line.data[16] != ':')
    return false;
  char text[48];
  size_t len = 0;
  bool offset = false;
  while (len < line.len && len < sizeof text - 1) {
    char c = line.data[len];
    if (len >= 19 && !is_digit(c) && !memchr(".,+-:Zz", c, 7))
      break;
    if (len >= 19 && c == ':' && !offset) /* "10:30:00: text" */
      break;
    offset |= len >= 19 && (c == '+' || c == '-' || c == 'Z' || c == 'z');
    text[len++] = c == '/' ? '-' : c == ',' ? '.' : c;
    if (c == 'Z' || c == 'z')
      break;
  }
  while (len > 19 && (text[len - 1] == '.' || text[len - 1] == ':' || text[len - 1] == '-'))
    len--;
  if (timestamp_parse(slice_new(text, len), out_ms))
    return false;
  if (offset)
    return true;
  time_t seconds = *out_ms / 1000;
  struct tm tm;
  gmtime_r(&seconds, &tm);
  return from_local(&tm, (int)(*out_ms % 1000), out_ms);
}

/* "Nov 20 10:30:00"; leaves what follows in `*rest`. */
static bool read_month_first(struct slice line, struct tm *tm, struct slice *rest) {
  if (line.len < 15 || line.data[3] != ' ' || line.data[6] != ' ' || line.data[9] != ':' ||
      line.data[12] != ':')
    return false;
  *tm = (struct tm){.tm_mon = log_time_month(line.data),
                    .tm_mday = log_time_number(line.data + 4, 2),
                    .tm_hour = log_time_number(line.data + 7, 2),
                    .tm_min = log_time_number(line.data + 10, 2),
                    .tm_sec = log_time_number(line.data + 13, 2)};
  *rest = slice_new(line.data + 15, line.len - 15);
  return tm->tm_mon >= 0 && tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour >= 0 &&
         tm->tm_hour < 24 && tm->tm_min >= 0 && tm->tm_min < 60 && tm->tm_sec >= 0 &&
         tm->tm_sec <= 60;
}

static bool find_apache(struct slice line, int64_t *out_ms) {
  struct tm tm;
  struct slice rest;
  if (line.len < 24 || line.data[3] != ' ' ||
      !read_month_first(slice_new(line.data + 4, line.len - 4), &tm, &rest))
    return false;
  int milliseconds = 0;
  if (rest.len > 4 && rest.data[0] == '.') {
    milliseconds = log_time_number(rest.data + 1, 3);
    size_t digits = 1;
    while (digits < rest.len && is_digit(rest.data[digits]))
      digits++;
    rest = slice_new(rest.data + digits, rest.len - digits);
  }
  if (milliseconds < 0 || rest.len < 5 || rest.data[0] != ' ')
    return false;
  int year = log_time_number(rest.data + 1, 4);
  tm.tm_year = year - 1900;
  return year >= 1970 && from_local(&tm, milliseconds, out_ms);
}

/* Has no year: the newest one with which it is not in the future, give or take a clock that is set
 * wrong by a day. */
static bool find_syslog(struct slice line, int64_t now_ms, int64_t *out_ms) {
  struct tm tm, now, copy;
  struct slice rest;
  time_t seconds = now_ms / 1000;
  if (!read_month_first(line, &tm, &rest) || (rest.len > 0 && rest.data[0] != ' '))
    return false;
  localtime_r(&seconds, &now);
  for (int years_back = 0; years_back < 2; years_back++) {
    copy = tm;
    copy.tm_year = now.tm_year - years_back;
    if (from_local(&copy, 0, out_ms) && *out_ms <= now_ms + DAY_MS)
      return true;
  }
  return false;
}

bool log_time_find(struct slice line, int64_t now_ms, int64_t *out_ms) {
  if (line.len > 0 && line.data[0] == '[')
    line = slice_new(line.data + 1, line.len - 1);
  return find_iso(line, out_ms) || find_apache(line, out_ms) || find_syslog(line, now_ms, out_ms);
}
