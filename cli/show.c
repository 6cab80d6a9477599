#include "cli/show.h"

#include "base/json.h"
#include "base/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FACTS_BYTES_MAX 400 /* of one line; the whole event is there with --json */

/* The code point of a valid sequence of `len` bytes. */
static unsigned code_point(const unsigned char *s, size_t len) {
  static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  unsigned code = s[0] & first_bits[len];
  for (size_t i = 1; i < len; i++)
    code = code << 6 | (s[i] & 0x3f);
  return code;
}

/* C0, DEL, C1, line separators, and the marks that reorder text (Unicode UAX 9). */
static bool is_dangerous(unsigned code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
         (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

static size_t sequence_length(struct slice text) {
  for (size_t n = 1; n <= 4 && n <= text.len; n++)
    if (utf8_valid_prefix(slice_new(text.data, n)) == n)
      return n;
  return 0;
}

void show_put_escaped(struct buf *out, struct slice text) {
  for (size_t i = 0; i < text.len;) {
    const unsigned char *s = (const unsigned char *)text.data + i;
    size_t n = sequence_length(slice_new(text.data + i, text.len - i));
    unsigned code = n ? code_point(s, n) : *s;
    if (n > 0 && !is_dangerous(code))
      buf_put(out, s, n);
    else if (n > 0 && code == '\n')
      buf_put_text(out, "\\n");
    else if (n > 0 && code == '\t')
      buf_put_text(out, "\\t");
    else
      buf_printf(out, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
    i += n ? n : 1;
  }
}

void show_put_json(struct buf *out, struct slice text) {
  for (size_t i = 0; i < text.len;) {
    const unsigned char *s = (const unsigned char *)text.data + i;
    size_t n = sequence_length(slice_new(text.data + i, text.len - i));
    unsigned code = n ? code_point(s, n) : 0xfffd;
    if (n > 0 && (!is_dangerous(code)))
      buf_put(out, s, n);
    else if (code == '\n' || code == '\r' || code == '\t') /* between tokens: inside strings JSON
                                                              has them escaped already */
      buf_put_char(out, ' ');
    else
      buf_printf(out, "\\u%04x", code);
    i += n ? n : 1;
  }
}

/* Puts a string decoded and escaped, anything else as its text. */
static void put_value(struct buf *out, struct slice raw) {
  struct buf scratch;
  struct slice text;
  buf_init(&scratch, 0);
  if (raw.len > 0 && raw.data[0] == '"' && json_decode_string(raw, &scratch, &text) == BELFRY_OK)
    show_put_escaped(out, text);
  else
    show_put_json(out, raw);
  buf_fini(&scratch);
}

static void put_local_time(struct buf *out, struct slice raw) {
  int64_t ms;
  if (raw.len > 2 && timestamp_parse(slice_new(raw.data + 1, raw.len - 2), &ms) == BELFRY_OK) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64];
    localtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_printf(out, "%s.%03d", text, (int)(ms % 1000));
  } else {
    put_value(out, raw);
  }
}

static const char *colour_of(struct slice severity) {
  static const struct {
    const char *severity, *colour;
  } rows[] = {
      {"\"debug\"", "\x1b[2m"},    {"\"info\"", "\x1b[36m"},  {"\"success\"", "\x1b[32m"},
      {"\"warning\"", "\x1b[33m"}, {"\"error\"", "\x1b[31m"}, {"\"critical\"", "\x1b[1;97;41m"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (slice_is(severity, rows[i].severity))
      return rows[i].colour;
  return "";
}

static void put_padded(struct buf *out, struct slice raw, size_t width) {
  size_t before = out->len;
  if (raw.data)
    put_value(out, raw);
  else
    buf_put_char(out, '-');
  for (size_t used = out->len - before; used < width; used++)
    buf_put_char(out, ' ');
}

/* The message first, then what is a plain value; lists and maps are shown as JSON. `attributes` of
 * a log line stand beside the rest. */
static void put_facts(struct buf *out, struct slice data, bool nested) {
  struct json_walk walk;
  struct slice key, value;
  if (!json_walk_start(&walk, data) || !walk.object)
    return;
  while (json_walk_next(&walk, &key, &value)) {
    if (!nested && slice_is(key, "message"))
      continue;
    if (!nested && slice_is(key, "attributes") && value.len > 0 && value.data[0] == '{') {
      put_facts(out, value, true);
      continue;
    }
    buf_put_char(out, ' ');
    show_put_json(out, key);
    buf_put_char(out, '=');
    put_value(out, value);
  }
}

static void put_data(struct buf *out, struct slice data) {
  struct buf facts;
  struct slice message = json_member(data, "message");
  buf_init(&facts, 0);
  if (message.data) {
    buf_put_char(&facts, ' ');
    put_value(&facts, message);
  }
  put_facts(&facts, data, false);
  struct slice shown = buf_slice(&facts);
  if (shown.len > FACTS_BYTES_MAX)
    shown.len = utf8_valid_prefix(slice_new(shown.data, FACTS_BYTES_MAX));
  buf_put_slice(out, shown);
  if (shown.len < facts.len)
    buf_put_text(out, " ...");
  buf_fini(&facts);
}

void show_put_event(struct buf *out, struct slice event, bool coloured) {
  struct slice severity = json_member(event, "severity");
  put_local_time(out, json_member(event, "timestamp"));
  buf_put_char(out, ' ');
  if (coloured)
    buf_put_text(out, colour_of(severity));
  put_padded(out, severity, 8);
  if (coloured)
    buf_put_text(out, "\x1b[0m");
  buf_put_char(out, ' ');
  put_padded(out, json_member(event, "source"), 0);
  buf_put_char(out, ' ');
  put_padded(out, json_member(event, "event"), 0);
  put_data(out, json_member(event, "data"));
  buf_put_char(out, '\n');
}

bool show_wants_colour(void) {
  const char *refused = getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) && !(refused && refused[0]);
}
