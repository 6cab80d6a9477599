/*
 * The logs of web servers: the access logs of nginx and Apache, which are alike, and the error
 * logs, which are not.
 */
#include "base/json.h"
#include "model/log_access.h"
#include "model/log_format.h"
#include "model/log_time.h"

/* --- access --- */

bool log_nginx_access_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                           struct log_said *said) {
  struct log_access access;
  (void)pattern;
  (void)now_ms;
  if (!log_access_parse(line, &access))
    return false;
  said->timestamp_ms = access.timestamp_ms;
  said->severity = (int)log_access_severity(&access);
  const struct {
    const char *name;
    struct slice text;
  } texts[] = {{"address", access.address},
               {"method", access.method},
               {"path", access.path},
               {"user_agent", access.user_agent}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (texts[i].text.data)
      log_said_put_text(said, slice_of(texts[i].name), texts[i].text);
  char number[32];
  struct buf text;
  snprintf(number, sizeof number, "%lld", (long long)access.status);
  log_said_put_value(said, slice_of("status"), slice_of(number));
  snprintf(number, sizeof number, "%lld", (long long)access.bytes);
  if (access.bytes >= 0)
    log_said_put_value(said, slice_of("bytes"), slice_of(number));
  if (access.duration_ms >= 0) {
    buf_init(&text, 0);
    json_put_number(&text, access.duration_ms);
    log_said_put_json(said, slice_of("duration_ms"), buf_slice(&text));
    buf_fini(&text);
  }
  return true;
}

bool log_apache_access_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                            struct log_said *said) {
  return log_nginx_access_read(pattern, line, now_ms, said);
}

/* --- error --- */

static void skip(struct slice *rest, size_t len) {
  rest->data += len;
  rest->len -= len;
}

/* Takes what stands before `stop` off the front, and `stop`. */
static bool take_until(struct slice *rest, const char *stop, struct slice *out) {
  const char *at = rest->len ? memmem(rest->data, rest->len, stop, strlen(stop)) : NULL;
  if (!at)
    return false;
  *out = slice_new(rest->data, (size_t)(at - rest->data));
  skip(rest, out->len + strlen(stop));
  return true;
}

static size_t digits(struct slice text) {
  size_t len = 0;
  while (len < text.len && text.data[len] >= '0' && text.data[len] <= '9')
    len++;
  return len;
}

/* `, client: 10.0.0.1, server: a, request: "GET / HTTP/1.1", host: "a"` at the end of what nginx
 * says; takes it off `message`. */
static void take_context(struct slice *message, struct log_said *said) {
  static const char *const names[] = {"client",   "server", "request", "subrequest",
                                      "upstream", "host",   "referrer"};
  const char *at = memmem(message->data, message->len, ", client: ", strlen(", client: "));
  if (!at)
    return;
  struct slice rest = slice_new(at + 2, message->len - (size_t)(at + 2 - message->data)), name,
               value;
  message->len = (size_t)(at - message->data);
  while (take_until(&rest, ": ", &name)) {
    if (rest.len > 0 && rest.data[0] == '"') {
      skip(&rest, 1);
      if (!take_until(&rest, "\"", &value))
        return;
      if (slice_starts_with(rest, ", "))
        skip(&rest, 2);
    } else if (!take_until(&rest, ", ", &value)) {
      value = rest;
      rest = slice_new(NULL, 0);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
      if (slice_is(name, names[i]))
        log_said_put_text(said, name, value);
    if (rest.len == 0)
      return;
  }
}

/* 2026/11/20 10:30:00 [error] 12#34: *56 MESSAGE, client: ..., server: ... */
bool log_nginx_error_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                          struct log_said *said) {
  struct slice rest = line, level, pid, thread, connection;
  (void)pattern;
  if (line.len < 24 || line.data[4] != '/' || !log_time_find(line, now_ms, &said->timestamp_ms))
    return false;
  skip(&rest, 19);
  if (!slice_starts_with(rest, " ["))
    return false;
  skip(&rest, 2);
  if (!take_until(&rest, "] ", &level) || !log_said_take_severity(said, level) ||
      !take_until(&rest, "#", &pid) || pid.len == 0 || digits(pid) < pid.len ||
      !take_until(&rest, ": ", &thread) || digits(thread) < thread.len)
    return false;
  log_said_put_value(said, slice_of("pid"), pid);
  size_t number =
      rest.len > 1 && rest.data[0] == '*' ? digits(slice_new(rest.data + 1, rest.len - 1)) : 0;
  if (number > 0 && number + 1 < rest.len && rest.data[number + 1] == ' ') {
    connection = slice_new(rest.data + 1, number);
    log_said_put_value(said, slice_of("connection"), connection);
    skip(&rest, number + 2);
  }
  if (rest.len > 0)
    take_context(&rest, said);
  said->message = rest;
  return true;
}

/* [Fri Nov 20 10:30:00.123456 2026] [core:error] [pid 12:tid 34] [client 10.0.0.1:567] AH00037:
 * MESSAGE */
bool log_apache_error_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                           struct log_said *said) {
  struct slice rest = line, part, module;
  (void)pattern;
  if (line.len == 0 || line.data[0] != '[' || !log_time_find(line, now_ms, &said->timestamp_ms) ||
      !take_until(&rest, "] ", &part) || !slice_starts_with(rest, "["))
    return false;
  skip(&rest, 1);
  if (!take_until(&rest, "] ", &part))
    return false;
  struct slice level = part;
  if (take_until(&level, ":", &module) && module.len > 0)
    log_said_put_text(said, slice_of("module"), module);
  if (level.len > 5 && slice_starts_with(level, "trace")) /* trace1 to trace8 */
    level.len = 5;
  if (!log_said_take_severity(said, level))
    return false;
  while (slice_starts_with(rest, "[pid ") || slice_starts_with(rest, "[client ")) {
    bool pid = slice_starts_with(rest, "[pid ");
    struct slice whole = rest;
    skip(&whole, pid ? 5 : 8);
    if (!take_until(&whole, "] ", &part))
      return false;
    if (pid)
      log_said_put_value(said, slice_of("pid"), slice_new(part.data, digits(part)));
    else
      log_said_put_text(said, slice_of("client"), part);
    rest = whole;
  }
  if (slice_starts_with(rest, "AH") && digits(slice_new(rest.data + 2, rest.len - 2)) == 5)
    log_said_put_text(said, slice_of("code"), slice_new(rest.data, 7));
  said->message = rest;
  return true;
}
