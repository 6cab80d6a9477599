/*
 * Messages of syslog: RFC 5424, what RFC 3164 describes, and the lines that syslog daemons write of
 * both, with or without <PRI>.
 */
#include "base/timestamp.h"
#include "model/log_format.h"
#include "model/log_time.h"

#include <stdio.h>

static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

static void skip(struct slice *rest, size_t len) {
  rest->data += len;
  rest->len -= len;
}

/* <0> to <191> (RFC 5424, 6.2.1). */
static bool take_priority(struct slice *rest, struct log_said *said) {
  static const enum severity severities[] = {
      SEVERITY_CRITICAL, SEVERITY_CRITICAL, SEVERITY_CRITICAL, SEVERITY_ERROR,
      SEVERITY_WARNING,  SEVERITY_INFO,     SEVERITY_INFO,     SEVERITY_DEBUG};
  unsigned value = 0;
  size_t i = 1;
  if (rest->len < 3 || rest->data[0] != '<')
    return false;
  while (i < rest->len && i < 4 && rest->data[i] >= '0' && rest->data[i] <= '9')
    value = value * 10 + (unsigned)(rest->data[i++] - '0');
  if (i == 1 || i >= rest->len || rest->data[i] != '>' || value > 191)
    return false;
  skip(rest, i + 1);
  said->severity = (int)severities[value % 8];
  log_said_put_text(said, slice_of("facility"), slice_of(facilities[value / 8]));
  return true;
}

/* --- RFC 5424 --- */

static bool take_word(struct slice *rest, struct slice *out) {
  const char *blank = rest->len ? memchr(rest->data, ' ', rest->len) : NULL;
  *out = slice_new(rest->data, blank ? (size_t)(blank - rest->data) : rest->len);
  if (out->len == 0)
    return false;
  skip(rest, blank ? out->len + 1 : out->len);
  return true;
}

static struct slice take_name(struct slice *rest) {
  size_t len = 0;
  while (len < rest->len && !memchr("= ]\"", rest->data[len], 4))
    len++;
  struct slice name = slice_new(rest->data, len);
  skip(rest, len);
  return name;
}

/* "value" in which \" \\ and \] are escaped. */
static bool take_value(struct slice *rest, struct buf *value) {
  buf_clear(value);
  if (!slice_starts_with(*rest, "=\""))
    return false;
  for (size_t i = 2; i < rest->len; i++) {
    if (rest->data[i] == '"') {
      skip(rest, i + 1);
      return buf_status(value) == BELFRY_OK;
    }
    if (rest->data[i] == '\\' && i + 1 < rest->len && memchr("\"\\]", rest->data[i + 1], 3))
      i++;
    buf_put_char(value, rest->data[i]);
  }
  return false;
}

/* [id name="value" ...] */
static bool take_element(struct slice *rest, struct log_said *elements, struct log_said *parts,
                         struct buf *value) {
  skip(rest, 1);
  struct slice id = take_name(rest);
  log_said_clear(parts);
  while (rest->len > 0 && rest->data[0] == ' ') {
    while (rest->len > 0 && rest->data[0] == ' ')
      skip(rest, 1);
    if (rest->len > 0 && rest->data[0] == ']')
      break;
    struct slice name = take_name(rest);
    if (name.len == 0 || !take_value(rest, value))
      return false;
    log_said_put_text(parts, name, buf_slice(value));
  }
  if (id.len == 0 || rest->len == 0 || rest->data[0] != ']')
    return false;
  skip(rest, 1);
  buf_clear(value);
  buf_put_char(value, '{');
  buf_put_slice(value, buf_slice(&parts->attributes));
  buf_put_char(value, '}');
  log_said_put_json(elements, id, buf_slice(value));
  return buf_status(value) == BELFRY_OK;
}

/* "-" or elements. Puts them as one attribute. */
static bool take_structured(struct slice *rest, struct log_said *said) {
  if (rest->len > 0 && rest->data[0] == '-') {
    skip(rest, 1);
    return true;
  }
  struct log_said elements, parts;
  struct buf value;
  log_said_init(&elements);
  log_said_init(&parts);
  buf_init(&value, 0);
  bool good = rest->len > 0 && rest->data[0] == '[';
  while (good && rest->len > 0 && rest->data[0] == '[')
    good = take_element(rest, &elements, &parts, &value);
  if (good) {
    buf_clear(&value);
    buf_put_char(&value, '{');
    buf_put_slice(&value, buf_slice(&elements.attributes));
    buf_put_char(&value, '}');
    log_said_put_json(said, slice_of("structured_data"), buf_slice(&value));
    good = buf_status(&value) == BELFRY_OK;
  }
  log_said_fini(&elements);
  log_said_fini(&parts);
  buf_fini(&value);
  return good;
}

static void put_unless_nil(struct log_said *said, const char *name, struct slice text) {
  if (!slice_is(text, "-"))
    log_said_put_value(said, slice_of(name), text);
}

/* 1 TIMESTAMP HOST APP PROCID MSGID STRUCTURED-DATA [MSG] */
static bool read_5424(struct slice rest, struct log_said *said) {
  struct slice version, time, host, app, process, id;
  if (!take_word(&rest, &version) || !slice_is(version, "1") || !take_word(&rest, &time) ||
      !take_word(&rest, &host) || !take_word(&rest, &app) || !take_word(&rest, &process) ||
      !take_word(&rest, &id))
    return false;
  if (!slice_is(time, "-") && timestamp_parse(time, &said->timestamp_ms))
    return false;
  put_unless_nil(said, "host", host);
  put_unless_nil(said, "pid", process);
  put_unless_nil(said, "msgid", id);
  if (!take_structured(&rest, said) || (rest.len > 0 && rest.data[0] != ' '))
    return false;
  if (!slice_is(app, "-"))
    said->source = app;
  if (rest.len > 0)
    skip(&rest, 1);
  if (slice_starts_with(rest, "\xef\xbb\xbf"))
    skip(&rest, 3);
  said->message = rest.len > 0 ? rest : slice_of("");
  return true;
}

/* --- RFC 3164 --- */

static bool is_tag_byte(char c) {
  return (unsigned char)c > ' ' && c != ':' && c != '[' && c != ']' && c != 0x7f;
}

/* TAG: or TAG[PID]: with what follows. Returns: false when there is none. */
static bool take_tag(struct slice *rest, struct log_said *said) {
  size_t tag = 0;
  while (tag < rest->len && is_tag_byte(rest->data[tag]))
    tag++;
  if (tag == 0 || tag > 128 || tag >= rest->len)
    return false;
  size_t end = tag;
  struct slice pid = slice_new(NULL, 0);
  if (rest->data[tag] == '[') {
    const char *close = memchr(rest->data + tag, ']', rest->len - tag);
    if (!close)
      return false;
    pid = slice_new(rest->data + tag + 1, (size_t)(close - rest->data) - tag - 1);
    end = (size_t)(close + 1 - rest->data);
  }
  if (end >= rest->len || rest->data[end] != ':')
    return false;
  said->source = slice_new(rest->data, tag);
  if (pid.len > 0)
    log_said_put_value(said, slice_of("pid"), pid);
  skip(rest, end + 1);
  if (rest->len > 0 && rest->data[0] == ' ')
    skip(rest, 1);
  return true;
}

/* How long the time at the start is: "Nov 20 10:30:00", or a word in the form of ISO. */
static size_t time_length(struct slice text, int64_t now_ms, int64_t *out_ms) {
  if (!log_time_find(text, now_ms, out_ms))
    return 0;
  if (log_time_month(text.data) >= 0)
    return 15;
  const char *blank = memchr(text.data, ' ', text.len);
  return blank ? (size_t)(blank - text.data) : text.len;
}

/* TIMESTAMP [HOST] [TAG[PID]:] MESSAGE; programs of this host leave the host out. */
static bool read_3164(struct slice rest, bool has_priority, int64_t now_ms, struct log_said *said) {
  size_t time = rest.len >= 15 ? time_length(rest, now_ms, &said->timestamp_ms) : 0;
  if (time == 0 && !has_priority)
    return false;
  if (time > 0)
    skip(&rest, time);
  bool blank = time > 0 && rest.len > 0 && rest.data[0] == ' ';
  if (blank)
    skip(&rest, 1);
  if (rest.len > 0 && !take_tag(&rest, said) && blank) {
    struct slice after = rest, host;
    if (take_word(&after, &host) && host.len <= 255 && take_tag(&after, said)) {
      log_said_put_text(said, slice_of("host"), host);
      rest = after;
    }
  }
  said->message = rest.len > 0 ? rest : slice_of("");
  return true;
}

bool log_syslog_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                     struct log_said *said) {
  (void)pattern;
  struct slice rest = line;
  bool has_priority = take_priority(&rest, said);
  if (has_priority && slice_starts_with(rest, "1 ")) {
    if (read_5424(rest, said))
      return true;
    log_said_clear(said);
    rest = line;
    (void)take_priority(&rest, said);
  }
  return read_3164(rest, has_priority, now_ms, said);
}
