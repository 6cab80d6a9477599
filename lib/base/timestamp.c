#include "base/timestamp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DAY_MS    INT64_C(86400000)
#define YEAR_0_MS INT64_C(-62167219200000) /* 0000-01-01T00:00:00Z */

void timestamp_format(int64_t ms, char out[TIMESTAMP_BYTES]) {
  if (ms < YEAR_0_MS)
    ms = YEAR_0_MS;
  if (ms > TIMESTAMP_MAX_MS)
    ms = TIMESTAMP_MAX_MS;
  int64_t millis = ms % 1000;
  if (millis < 0)
    millis += 1000;
  time_t seconds = (time_t)((ms - millis) / 1000);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  char text[64];
  snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
           tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)millis);
  memcpy(out, text, TIMESTAMP_BYTES - 1);
  out[TIMESTAMP_BYTES - 1] = '\0';
}

/* Takes exactly `count` digits off the front. */
static bool take_digits(struct slice *text, size_t count, int *out) {
  if (text->len < count)
    return false;
  int value = 0;
  for (size_t i = 0; i < count; i++) {
    if (text->data[i] < '0' || text->data[i] > '9')
      return false;
    value = value * 10 + (text->data[i] - '0');
  }
  text->data += count;
  text->len -= count;
  *out = value;
  return true;
}

static bool take_char(struct slice *text, const char *any_of) {
  if (text->len == 0 || text->data[0] == '\0' || !strchr(any_of, text->data[0]))
    return false;
  text->data++;
  text->len--;
  return true;
}

/* ".123456" to milliseconds, cut, not rounded, so that 59.9999 stays within its second. */
static bool take_fraction(struct slice *text, int *out_ms) {
  *out_ms = 0;
  if (!take_char(text, ".,"))
    return true;
  int scale = 100, digits = 0;
  while (text->len > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
    *out_ms += (text->data[0] - '0') * scale;
    scale /= 10;
    text->data++;
    text->len--;
    digits++;
  }
  return digits > 0;
}

/* "Z", "+01:00", "+0100", "+01" or nothing (UTC). */
static bool take_offset(struct slice *text, int *out_minutes) {
  *out_minutes = 0;
  if (text->len == 0 || take_char(text, "Zz"))
    return true;
  int sign = text->data[0] == '-' ? -1 : 1;
  int hours, minutes = 0;
  if (!take_char(text, "+-") || !take_digits(text, 2, &hours))
    return false;
  if (text->len > 0) {
    take_char(text, ":");
    if (!take_digits(text, 2, &minutes))
      return false;
  }
  *out_minutes = sign * (hours * 60 + minutes);
  return hours <= 23 && minutes <= 59;
}

static bool is_leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool parse_calendar(struct slice text, int64_t *out_ms) {
  static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int year, month, day, hour = 0, minute = 0, second = 0, millis = 0, offset = 0;
  if (!take_digits(&text, 4, &year) || !take_char(&text, "-") || !take_digits(&text, 2, &month) ||
      !take_char(&text, "-") || !take_digits(&text, 2, &day))
    return false;
  if (text.len > 0) {
    if (!take_char(&text, "Tt ") || !take_digits(&text, 2, &hour) || !take_char(&text, ":") ||
        !take_digits(&text, 2, &minute))
      return false;
    if (take_char(&text, ":") &&
        (!take_digits(&text, 2, &second) || !take_fraction(&text, &millis)))
      return false;
    if (!take_offset(&text, &offset) || text.len > 0)
      return false;
  }
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60)
    return false;
  if (day > month_days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0))
    return false;
  if (second == 60)
    second = 59;
  struct tm tm = {.tm_year = year - 1900,
                  .tm_mon = month - 1,
                  .tm_mday = day,
                  .tm_hour = hour,
                  .tm_min = minute,
                  .tm_sec = second};
  *out_ms = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000 + millis;
  return *out_ms >= 0 && *out_ms <= TIMESTAMP_MAX_MS;
}

int timestamp_from_number(double number, int64_t *out_ms) {
  if (!isfinite(number) || number < 0)
    return BELFRY_EINVAL;
  double ms = number < 1e11 ? number * 1000 : number;
  if (ms > (double)TIMESTAMP_MAX_MS)
    return BELFRY_EINVAL;
  *out_ms = llround(ms);
  return BELFRY_OK;
}

/* Digits with at most one point, so that strtod cannot be handed "0x1p3", "inf" or "1e9". */
static bool parse_number(struct slice text, double *out) {
  char digits[32];
  bool point = false;
  if (text.len == 0 || text.len >= sizeof digits)
    return false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c == '.' && !point && i > 0)
      point = true;
    else if (c < '0' || c > '9')
      return false;
  }
  memcpy(digits, text.data, text.len);
  digits[text.len] = '\0';
  *out = strtod(digits, NULL);
  return true;
}

int timestamp_parse(struct slice text, int64_t *out_ms) {
  double number;
  text = slice_trim(text);
  if (parse_number(text, &number))
    return timestamp_from_number(number, out_ms);
  return parse_calendar(text, out_ms) ? BELFRY_OK : BELFRY_EINVAL;
}

static int64_t unit_ms(char unit) {
  switch (unit) {
  case 's':
    return 1000;
  case 'm':
    return 60000;
  case 'h':
    return 3600000;
  case 'd':
    return DAY_MS;
  case 'w':
    return 7 * DAY_MS;
  default:
    return 0;
  }
}

int timestamp_parse_relative(struct slice text, int64_t now_ms, int64_t *out_ms) {
  text = slice_trim(text);
  if (slice_is(text, "now")) {
    *out_ms = now_ms;
    return BELFRY_OK;
  }
  if (text.len >= 3 && text.data[0] == '-' && unit_ms(text.data[text.len - 1])) {
    double count;
    if (!parse_number(slice_new(text.data + 1, text.len - 2), &count))
      return BELFRY_EINVAL;
    double back = count * (double)unit_ms(text.data[text.len - 1]);
    if (back > (double)now_ms)
      back = (double)now_ms;
    *out_ms = now_ms - llround(back);
    return BELFRY_OK;
  }
  return timestamp_parse(text, out_ms);
}
