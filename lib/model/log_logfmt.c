/*
 * Lines of key=value pairs, a value with blanks in quotes: logfmt, as Heroku, Go's log/slog and
 * others write it. The line must begin with a pair; a word without `=` is an attribute that is
 * true.
 */
#include "model/log_format.h"

static bool is_key_byte(char c) {
  return (unsigned char)c > ' ' && c != '=' && c != '"' && c != 0x7f;
}

/* Takes a quoted text, with \" and \\ in it, off the front. */
static bool take_quoted(struct slice *rest, struct buf *scratch, struct slice *out) {
  size_t start = scratch->len, i = 1;
  while (i < rest->len && rest->data[i] != '"') {
    if (rest->data[i] == '\\' && i + 1 < rest->len) {
      char c = rest->data[++i];
      buf_put_char(scratch, c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
    } else {
      buf_put_char(scratch, rest->data[i]);
    }
    i++;
  }
  if (i >= rest->len || buf_status(scratch))
    return false;
  *out = slice_new(scratch->data ? scratch->data + start : "", scratch->len - start);
  *rest = slice_new(rest->data + i + 1, rest->len - i - 1);
  return true;
}

static struct slice take_while(struct slice *rest, bool (*wanted)(char)) {
  size_t len = 0;
  while (len < rest->len && wanted(rest->data[len]))
    len++;
  struct slice taken = slice_new(rest->data, len);
  *rest = slice_new(rest->data + len, rest->len - len);
  return taken;
}

static bool is_value_byte(char c) {
  return c != ' ' && c != '\t';
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool log_logfmt_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                     struct log_said *said) {
  (void)pattern;
  struct slice rest = slice_trim(line);
  bool pairs = false;
  if (!buf_reserve(&said->scratch, line.len + 1)) /* what points into it must stay */
    return false;
  while (rest.len > 0) {
    struct slice key = take_while(&rest, is_key_byte), value = slice_of("true");
    if (key.len == 0)
      return false;
    bool pair = rest.len > 0 && rest.data[0] == '=';
    if (!pair && !pairs)
      return false;
    if (pair) {
      rest = slice_new(rest.data + 1, rest.len - 1);
      if (rest.len > 0 && rest.data[0] == '"') {
        if (!take_quoted(&rest, &said->scratch, &value))
          return false;
      } else {
        value = take_while(&rest, is_value_byte);
      }
    }
    pairs = true;
    if (rest.len > 0 && !is_blank(rest.data[0]))
      return false;
    (void)take_while(&rest, is_blank);
    if (!pair || !log_said_take(said, key, value, now_ms))
      log_said_put_value(said, key, value);
  }
  return pairs;
}
