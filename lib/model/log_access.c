#include "model/log_access.h"

#include "model/log_time.h"

#include <stdlib.h>
#include <time.h>

/* Takes what stands before `stop` off the front. */
static bool take_until(struct slice *rest, char stop, struct slice *out) {
  const char *at = rest->len ? memchr(rest->data, stop, rest->len) : NULL;
  if (!at)
    return false;
  *out = slice_new(rest->data, (size_t)(at - rest->data));
  rest->data = at + 1;
  rest->len -= out->len + 1;
  return true;
}

/* Takes a quoted text; nginx writes a quote in it as \x22, Apache as \". */
static bool take_quoted(struct slice *rest, struct slice *out) {
  if (rest->len < 2 || rest->data[0] != '"')
    return false;
  for (size_t i = 1; i < rest->len; i++) {
    if (rest->data[i] == '\\') {
      i++;
    } else if (rest->data[i] == '"') {
      *out = slice_new(rest->data + 1, i - 1);
      rest->data += i + 1;
      rest->len -= i + 1;
      if (rest->len && *rest->data == ' ') {
        rest->data++;
        rest->len--;
      }
      return true;
    }
  }
  return false;
}

bool log_access_time(struct slice text, int64_t *out_ms) {
  if (text.len != 26 || text.data[2] != '/' || text.data[6] != '/' || text.data[11] != ':' ||
      text.data[20] != ' ')
    return false;
  struct tm tm = {.tm_mday = log_time_number(text.data, 2),
                  .tm_mon = log_time_month(text.data + 3),
                  .tm_year = log_time_number(text.data + 7, 4) - 1900,
                  .tm_hour = log_time_number(text.data + 12, 2),
                  .tm_min = log_time_number(text.data + 15, 2),
                  .tm_sec = log_time_number(text.data + 18, 2)};
  int zone_hours = log_time_number(text.data + 22, 2),
      zone_minutes = log_time_number(text.data + 24, 2);
  if (tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_year < 70 || tm.tm_hour < 0 || tm.tm_min < 0 ||
      tm.tm_sec < 0 || zone_hours < 0 || zone_minutes < 0)
    return false;
  int64_t east_s = zone_hours * 3600 + zone_minutes * 60;
  *out_ms = ((int64_t)timegm(&tm) - (text.data[21] == '-' ? -east_s : east_s)) * 1000;
  return *out_ms > 0;
}

/* "GET /path HTTP/1.1"; whatever else a client sent stays a path without a method. */
static void parse_request(struct slice request, struct log_access *out) {
  struct slice rest = request, method;
  if (!take_until(&rest, ' ', &method)) {
    out->path = request;
    return;
  }
  out->method = method;
  const char *last = rest.len ? memrchr(rest.data, ' ', rest.len) : NULL;
  out->path = last ? slice_new(rest.data, (size_t)(last - rest.data)) : rest;
}

/* A time taken in seconds at the end of the line: `0.012`, `rt=0.012`, `request_time=0.012`. */
static double parse_duration(struct slice rest) {
  struct slice word;
  while (slice_split(&rest, ' ', &word)) {
    if (slice_starts_with(word, "rt="))
      word = slice_new(word.data + 3, word.len - 3);
    else if (slice_starts_with(word, "request_time="))
      word = slice_new(word.data + 13, word.len - 13);
    char number[32], *end;
    if (word.len == 0 || word.len >= sizeof number || !memchr(word.data, '.', word.len) ||
        word.data[0] < '0' || word.data[0] > '9')
      continue;
    memcpy(number, word.data, word.len);
    number[word.len] = '\0';
    double seconds = strtod(number, &end);
    if (*end == '\0' && seconds >= 0 && seconds < 1e7)
      return seconds * 1000;
  }
  return -1;
}

enum severity log_access_severity(const struct log_access *access) {
  return access->status >= 500   ? SEVERITY_ERROR
         : access->status >= 400 ? SEVERITY_WARNING
                                 : SEVERITY_INFO;
}

bool log_access_parse(struct slice line, struct log_access *out) {
  *out = (struct log_access){.bytes = -1, .duration_ms = -1};
  struct slice rest = line, ident, user, when, gap, request, word, referer;
  long long number;
  if (!take_until(&rest, ' ', &out->address) || !take_until(&rest, ' ', &ident) ||
      !take_until(&rest, '[', &user) || !take_until(&rest, ']', &when) ||
      !log_access_time(when, &out->timestamp_ms) || !take_until(&rest, ' ', &gap) ||
      !take_quoted(&rest, &request))
    return false;
  if (!slice_split(&rest, ' ', &word) || !slice_to_int64(word, &number) || number < 100 ||
      number > 999)
    return false;
  out->status = number;
  if (slice_split(&rest, ' ', &word) && slice_to_int64(word, &number) && number >= 0)
    out->bytes = number;
  parse_request(request, out);
  if (take_quoted(&rest, &referer) && take_quoted(&rest, &out->user_agent) &&
      slice_is(out->user_agent, "-"))
    out->user_agent = slice_new(NULL, 0);
  out->duration_ms = parse_duration(rest);
  return true;
}
