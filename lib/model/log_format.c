/*
 * What the formats of log lines share: attributes, and the names that programs have for the time,
 * the severity and the message.
 */
#include "model/log_format.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "model/log_access.h"
#include "model/log_line.h"
#include "model/log_time.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define NUMBER_BYTES_MAX 32

void log_said_init(struct log_said *said) {
  *said = (struct log_said){.severity = -1};
  buf_init(&said->attributes, 0);
  buf_init(&said->scratch, 0);
}

void log_said_fini(struct log_said *said) {
  buf_fini(&said->attributes);
  buf_fini(&said->scratch);
}

void log_said_clear(struct log_said *said) {
  buf_clear(&said->attributes);
  buf_clear(&said->scratch);
  said->timestamp_ms = 0;
  said->severity = -1;
  said->source = said->message = slice_new(NULL, 0);
  said->count = 0;
}

/* --- attributes --- */

static bool is_there(const struct log_said *said, struct slice quoted) {
  struct slice rest = buf_slice(&said->attributes);
  while (rest.len > quoted.len) {
    const char *at = memmem(rest.data, rest.len, quoted.data, quoted.len);
    if (!at)
      return false;
    if (at + quoted.len < rest.data + rest.len && at[quoted.len] == ':' &&
        (at == said->attributes.data || at[-1] == ','))
      return true;
    rest.len -= (size_t)(at + 1 - rest.data);
    rest.data = at + 1;
  }
  return false;
}

/* NULs are no text; JSON could carry them, the history's readers not all. */
static void put_text(struct buf *out, struct slice text) {
  const char *nul = text.len ? memchr(text.data, '\0', text.len) : NULL;
  struct buf copy;
  if (!nul) {
    json_put_string(out, text);
    return;
  }
  buf_init(&copy, 0);
  buf_put_slice(&copy, text);
  for (size_t i = 0; i < copy.len; i++)
    if (copy.data[i] == '\0')
      copy.data[i] = '\xff';
  json_put_string(out, buf_slice(&copy));
  if (buf_status(&copy))
    out->status = buf_status(&copy);
  buf_fini(&copy);
}

/* Begins an attribute. Returns: false when it is to be left out. A text that looks like one may
 * make that happen too rarely to matter; JSON stays right in any case. */
static bool begin(struct log_said *said, struct slice name) {
  struct buf *out = &said->attributes;
  size_t before = out->len;
  struct buf quoted;
  if (said->count >= LOG_ATTRIBUTES_MAX)
    return false;
  buf_init(&quoted, 0);
  put_text(&quoted, name);
  bool wanted = !buf_status(&quoted) && !is_there(said, buf_slice(&quoted));
  if (buf_status(&quoted))
    out->status = buf_status(&quoted);
  if (wanted) {
    if (before > 0)
      buf_put_char(out, ',');
    buf_put_slice(out, buf_slice(&quoted));
    buf_put_char(out, ':');
    said->count++;
  }
  buf_fini(&quoted);
  return wanted;
}

void log_said_put_text(struct log_said *said, struct slice name, struct slice text) {
  if (begin(said, name))
    put_text(&said->attributes, text);
}

void log_said_put_json(struct log_said *said, struct slice name, struct slice json) {
  if (begin(said, name))
    buf_put_slice(&said->attributes, json);
}

/* As JSON writes numbers, and exact as a double. */
static bool is_number(struct slice text) {
  size_t i = 0, digits = 0, whole;
  if (i < text.len && text.data[i] == '-')
    i++;
  whole = i;
  while (i < text.len && text.data[i] >= '0' && text.data[i] <= '9')
    i++, digits++;
  if (digits == 0 || (digits > 1 && text.data[whole] == '0'))
    return false;
  if (i < text.len && text.data[i] == '.') {
    size_t point = i++;
    while (i < text.len && text.data[i] >= '0' && text.data[i] <= '9')
      i++, digits++;
    if (i == point + 1)
      return false;
  }
  return i == text.len && digits <= 15;
}

void log_said_put_value(struct log_said *said, struct slice name, struct slice text) {
  if (is_number(text) || slice_is(text, "true") || slice_is(text, "false"))
    log_said_put_json(said, name, text);
  else
    log_said_put_text(said, name, text);
}

/* --- what programs call things --- */

static bool is_one_of(struct slice name, const char *const *names) {
  for (; *names; names++)
    if (name.len == strlen(*names) && strncasecmp(name.data, *names, name.len) == 0)
      return true;
  return false;
}

/* Since 1970 in whatever unit makes a time of our days of it. */
static bool take_number(struct log_said *said, struct slice text) {
  char copy[NUMBER_BYTES_MAX], *end;
  if (text.len == 0 || text.len >= sizeof copy || text.data[0] < '0' || text.data[0] > '9')
    return false;
  memcpy(copy, text.data, text.len);
  copy[text.len] = '\0';
  if (strspn(copy, "0123456789.eE+") != text.len)
    return false;
  double number = strtod(copy, &end);
  if (*end != '\0' || !isfinite(number) || number < 1e8)
    return false;
  double ms = number < 1e11   ? number * 1e3
              : number < 1e14 ? number
              : number < 1e17 ? number / 1e3
                              : number / 1e6;
  if (ms > (double)TIMESTAMP_MAX_MS)
    return false;
  said->timestamp_ms = llround(ms);
  return true;
}

bool log_said_take_time(struct log_said *said, struct slice text, int64_t now_ms) {
  int64_t ms = 0;
  text = slice_trim(text);
  if (take_number(said, text))
    return true;
  if (!log_time_find(text, now_ms, &ms) && !log_access_time(text, &ms))
    return false;
  said->timestamp_ms = ms;
  return true;
}

bool log_said_take_severity(struct log_said *said, struct slice text) {
  enum severity severity;
  long long number;
  text = slice_trim(text);
  if (severity_parse(text, &severity) == BELFRY_OK) {
    said->severity = (int)severity;
    return true;
  }
  if (!slice_to_int64(text, &number) || number < 10 || number > 60 || number % 10)
    return false;
  static const enum severity levels[] = {SEVERITY_DEBUG,   SEVERITY_DEBUG, SEVERITY_INFO,
                                         SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_CRITICAL};
  said->severity = (int)levels[number / 10 - 1];
  return true;
}

bool log_said_take(struct log_said *said, struct slice name, struct slice text, int64_t now_ms) {
  static const char *const times[] = {"timestamp", "@timestamp", "time", "ts",
                                      "t",         "datetime",   "date", NULL};
  static const char *const severities[] = {"severity",      "level",        "lvl",
                                           "loglevel",      "log.level",    "levelname",
                                           "severity_text", "severityText", NULL};
  static const char *const messages[] = {"message", "msg", "event", "text", NULL};
  if (said->timestamp_ms == 0 && is_one_of(name, times))
    return log_said_take_time(said, text, now_ms);
  if (said->severity < 0 && is_one_of(name, severities))
    return log_said_take_severity(said, text);
  if (!said->message.data && is_one_of(name, messages) && text.data && text.len > 0) {
    said->message = text;
    return true;
  }
  return false;
}

/* --- the whole --- */

bool log_plain_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                    struct log_said *said) {
  (void)pattern;
  if (!log_time_find(line, now_ms, &said->timestamp_ms))
    said->timestamp_ms = 0;
  return true;
}

void log_said_put_data(struct log_said *said, struct slice line, struct slice rest, bool truncated,
                       struct buf *data) {
  struct buf message;
  buf_init(&message, 0);
  log_line_mask(said->message.data ? said->message : line, &message);
  if (rest.len > 0) {
    buf_put_char(&message, '\n');
    log_line_mask(rest, &message);
  }
  if (truncated)
    log_said_put_json(said, slice_of("truncated"), slice_of("true"));
  buf_clear(data);
  buf_put_text(data, "{\"message\":");
  json_put_string(data, buf_slice(&message));
  if (said->attributes.len > 0) {
    buf_put_text(data, ",\"attributes\":{");
    buf_put_slice(data, buf_slice(&said->attributes));
    buf_put_char(data, '}');
  }
  buf_put_char(data, '}');
  int status = buf_status(&message) ? buf_status(&message) : buf_status(&said->attributes);
  if (status && !buf_status(data))
    data->status = status;
  buf_fini(&message);
}
