#include "model/log_line.h"

#include "base/json.h"
#include "model/log_access.h"
#include "model/log_time.h"

#include <stdlib.h>
#include <strings.h>

#define SCAN_BYTES      256 /* how far into a line its level is looked for */
#define LEVEL_BYTES_MIN 3   /* "OK" is part of many a sentence */
#define FUTURE_MAX_MS   (INT64_C(24) * 3600 * 1000)

/* --- masking ------------------------------------------------------------------------------------
 */

static bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

/* access_token, api_key, apikey, X-Api-Key, password, client_secret ... */
static bool is_secret(struct slice name) {
  static const char *const endings[] = {"key", "token", "password", "secret"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t len = strlen(endings[i]);
    if (name.len >= len && strncasecmp(name.data + name.len - len, endings[i], len) == 0)
      return true;
  }
  return false;
}

static size_t value_length(struct slice text) {
  size_t i = 0;
  while (i < text.len && !strchr("&;# \t\"'<>", text.data[i]))
    i++;
  return i;
}

void log_line_mask(struct slice text, struct buf *out) {
  size_t i = 0;
  while (i < text.len) {
    char c = text.data[i++];
    if (c == '\0')
      buf_put_text(out, "\xef\xbf\xbd");
    else
      buf_put_char(out, c);
    if (c != '?' && c != '&' && c != ';')
      continue;
    size_t end = i;
    while (end < text.len && is_name_byte(text.data[end]))
      end++;
    if (end >= text.len || text.data[end] != '=' || !is_secret(slice_new(text.data + i, end - i)))
      continue;
    buf_put(out, text.data + i, end + 1 - i);
    buf_put_text(out, "***");
    i = end + 1;
    i += value_length(slice_new(text.data + i, text.len - i));
  }
}

/* --- levels -------------------------------------------------------------------------------------
 */

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_upper(struct slice word) {
  for (size_t i = 0; i < word.len; i++)
    if (word.data[i] < 'A' || word.data[i] > 'Z')
      return false;
  return true;
}

/* A word is a level where it is written as one: ERROR, [error], [core:error], <error>, error:,
 * level=error, "level":"error". In running text ("no error found") it is none. */
static bool stands_as_level(struct slice line, size_t start, size_t end) {
  char before = start > 0 ? line.data[start - 1] : ' ';
  char after = end < line.len ? line.data[end] : ' ';
  if (before == '_' || after == '_' || before == '-' || before == '/' || after == '/' ||
      (after >= '0' && after <= '9'))
    return false;
  if (is_upper(slice_new(line.data + start, end - start)))
    return true;
  return ((before == '[' || before == ':') && after == ']') || (before == '<' && after == '>') ||
         (before == ' ' && after == ':') || (start == 0 && after == ':') || before == '=' ||
         (before == '"' && after == '"');
}

/* `key=value` and `"key":"value"` count for these keys only. */
static bool is_level_key(struct slice line, size_t start) {
  static const char *const keys[] = {"level", "lvl", "severity", "loglevel"};
  size_t end = start;
  while (end > 0 && strchr("\"=: ", line.data[end - 1]))
    end--;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    size_t len = strlen(keys[i]);
    if (end >= len && strncasecmp(line.data + end - len, keys[i], len) == 0)
      return true;
  }
  return false;
}

enum severity log_line_severity(struct slice line) {
  size_t stop = line.len < SCAN_BYTES ? line.len : SCAN_BYTES;
  for (size_t i = 0; i < stop;) {
    if (!is_letter(line.data[i])) {
      i++;
      continue;
    }
    size_t end = i;
    while (end < line.len && is_letter(line.data[end]))
      end++;
    enum severity severity;
    char before = i > 0 ? line.data[i - 1] : ' ';
    if (end - i >= LEVEL_BYTES_MIN &&
        severity_parse(slice_new(line.data + i, end - i), &severity) == 0 &&
        stands_as_level(line, i, end) &&
        ((before != '=' && before != '"') || is_level_key(line, i)))
      return severity;
    i = end;
  }
  return SEVERITY_INFO;
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static void put_masked(struct buf *data, struct slice text, struct buf *scratch) {
  buf_clear(scratch);
  log_line_mask(text, scratch);
  json_put_string(data, buf_slice(scratch));
}

static void put_attribute(struct buf *data, bool *first, const char *name) {
  buf_printf(data, "%s\"%s\":", *first ? ",\"attributes\":{" : ",", name);
  *first = false;
}

static void put_access(struct buf *data, bool *first, const struct log_access *access,
                       struct buf *scratch) {
  const struct {
    const char *name;
    struct slice text;
  } texts[] = {{"address", access->address},
               {"method", access->method},
               {"path", access->path},
               {"user_agent", access->user_agent}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (!texts[i].text.data)
      continue;
    put_attribute(data, first, texts[i].name);
    put_masked(data, texts[i].text, scratch);
  }
  put_attribute(data, first, "status");
  buf_printf(data, "%lld", (long long)access->status);
  if (access->bytes >= 0) {
    put_attribute(data, first, "bytes");
    buf_printf(data, "%lld", (long long)access->bytes);
  }
  if (access->duration_ms >= 0) {
    put_attribute(data, first, "duration_ms");
    json_put_number(data, access->duration_ms);
  }
}

void log_line_read(struct slice text, bool truncated, int64_t now_ms, struct buf *data,
                   struct log_line *out) {
  struct log_access access;
  bool is_access = log_access_parse(text, &access), first = true;
  *out = (struct log_line){SEVERITY_INFO, now_ms};
  int64_t said_ms = 0;
  if (is_access) {
    said_ms = access.timestamp_ms;
    out->severity = log_access_severity(&access);
  } else {
    out->severity = log_line_severity(text);
    if (!log_time_find(text, now_ms, &said_ms))
      said_ms = 0;
  }
  if (said_ms > 0 && said_ms <= now_ms + FUTURE_MAX_MS)
    out->timestamp_ms = said_ms;

  struct buf scratch;
  buf_init(&scratch, 0);
  buf_clear(data);
  buf_put_text(data, "{\"message\":");
  put_masked(data, text, &scratch);
  if (is_access)
    put_access(data, &first, &access, &scratch);
  if (truncated) {
    put_attribute(data, &first, "truncated");
    buf_put_text(data, "true");
  }
  buf_put_text(data, first ? "}" : "}}");
  if (buf_status(&scratch) && !buf_status(data))
    data->status = buf_status(&scratch);
  buf_fini(&scratch);
}

/* --- formats ------------------------------------------------------------------------------------
 */

struct log_reader {
  log_format_fn read;          /* NULL: what a line looks like */
  struct log_pattern *pattern; /* owned, as is what follows; NULL: none */
  struct log_said said;
  int64_t misfits;
};

int log_reader_new(log_format_fn read, const char *pattern, struct log_reader **out,
                   struct belfry_error *error) {
  struct log_reader *reader = calloc(1, sizeof *reader);
  if (!reader)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  reader->read = read;
  log_said_init(&reader->said);
  int status = pattern ? log_pattern_new(pattern, &reader->pattern, error) : BELFRY_OK;
  if (status) {
    log_reader_free(reader);
    return status;
  }
  *out = reader;
  return BELFRY_OK;
}

void log_reader_free(struct log_reader *reader) {
  if (!reader)
    return;
  log_pattern_free(reader->pattern);
  log_said_fini(&reader->said);
  free(reader);
}

void log_reader_read(struct log_reader *reader, struct slice text, bool truncated, int64_t now_ms,
                     struct buf *data, struct log_line *out) {
  struct log_said *said = &reader->said;
  if (!reader->read) {
    log_line_read(text, truncated, now_ms, data, out);
    return;
  }
  struct slice rest = text, line;
  slice_split(&rest, '\n', &line);
  log_said_clear(said);
  if (!reader->read(reader->pattern, line, now_ms, said)) {
    reader->misfits++;
    log_said_clear(said);
    (void)log_plain_read(NULL, line, now_ms, said);
  }
  *out = (struct log_line){SEVERITY_INFO, now_ms};
  out->severity = said->severity >= 0
                      ? (enum severity)said->severity
                      : log_line_severity(said->message.data ? said->message : text);
  if (said->timestamp_ms > 0 && said->timestamp_ms <= now_ms + FUTURE_MAX_MS)
    out->timestamp_ms = said->timestamp_ms;
  log_said_put_data(said, line, rest, truncated, data);
}

int64_t log_reader_misfits(const struct log_reader *reader) {
  return reader->misfits;
}
