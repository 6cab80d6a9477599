#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int json_check_depth(struct slice text, unsigned max_depth) {
  unsigned depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (quoted) {
      if (c == '\\')
        i++;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth)
        return BELFRY_ETOOBIG;
    } else if ((c == '}' || c == ']') && depth > 0) {
      depth--;
    }
  }
  return BELFRY_OK;
}

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
    at++;
  return at;
}

/* `at` is on the opening quote. Returns: just behind the closing one, or `end`. */
static const char *skip_string(const char *at, const char *end) {
  for (at++; at < end; at++) {
    if (*at == '\\')
      at++;
    else if (*at == '"')
      return at + 1;
  }
  return end;
}

static const char *skip_value(const char *at, const char *end) {
  if (at < end && *at == '"')
    return skip_string(at, end);
  if (at < end && (*at == '{' || *at == '[')) {
    unsigned depth = 0;
    while (at < end) {
      char c = *at;
      if (c == '"') {
        at = skip_string(at, end);
        continue;
      }
      at++;
      if (c == '{' || c == '[')
        depth++;
      else if ((c == '}' || c == ']') && --depth == 0)
        return at;
    }
    return end;
  }
  while (at < end && *at != ',' && *at != '}' && *at != ']' && *at != ' ' && *at != '\t' &&
         *at != '\r' && *at != '\n')
    at++;
  return at;
}

bool json_walk_start(struct json_walk *walk, struct slice text) {
  if (text.len == 0)
    return false;
  const char *end = text.data + text.len;
  const char *at = skip_blanks(text.data, end);
  if (at == end || (*at != '{' && *at != '['))
    return false;
  *walk = (struct json_walk){.at = at + 1, .end = end, .object = *at == '{'};
  return true;
}

bool json_walk_next(struct json_walk *walk, struct slice *key, struct slice *value) {
  const char *at = skip_blanks(walk->at, walk->end);
  if (at < walk->end && *at == ',')
    at = skip_blanks(at + 1, walk->end);
  if (at >= walk->end || *at == '}' || *at == ']') {
    walk->at = walk->end;
    return false;
  }
  if (walk->object) {
    const char *close = skip_string(at, walk->end);
    if (*at != '"' || close - at < 2)
      return false;
    if (key)
      *key = slice_new(at + 1, (size_t)(close - at) - 2);
    at = skip_blanks(close, walk->end);
    if (at >= walk->end || *at != ':')
      return false;
    at = skip_blanks(at + 1, walk->end);
  }
  const char *value_end = skip_value(at, walk->end);
  if (value_end > walk->end)
    value_end = walk->end;
  *value = slice_new(at, (size_t)(value_end - at));
  walk->at = value_end;
  return true;
}

struct slice json_member(struct slice object, const char *key) {
  struct json_walk walk;
  struct slice name, value;
  if (json_walk_start(&walk, object) && walk.object)
    while (json_walk_next(&walk, &name, &value))
      if (slice_is(name, key))
        return value;
  return slice_new(NULL, 0);
}

static unsigned hex_digits(const char *at) {
  unsigned value = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

static void put_code_point(struct buf *buf, unsigned code) {
  if (code < 0x80) {
    buf_put_char(buf, (char)code);
  } else if (code < 0x800) {
    buf_put(buf, (const char[]){(char)(0xc0 | code >> 6), (char)(0x80 | (code & 0x3f))}, 2);
  } else if (code < 0x10000) {
    buf_put(buf,
            (const char[]){(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3f)),
                           (char)(0x80 | (code & 0x3f))},
            3);
  } else {
    buf_put(buf,
            (const char[]){(char)(0xf0 | code >> 18), (char)(0x80 | (code >> 12 & 0x3f)),
                           (char)(0x80 | (code >> 6 & 0x3f)), (char)(0x80 | (code & 0x3f))},
            4);
  }
}

/* Puts what the escape at `at` (behind the backslash) stands for. Returns: just behind it. */
static const char *put_unescaped(struct buf *buf, const char *at, const char *end) {
  static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
  const char *letter = strchr(letters, *at);
  if (*at != 'u') {
    buf_put_char(buf, letter ? meanings[letter - letters] : *at);
    return at + 1;
  }
  if (end - at < 5)
    return end;
  unsigned code = hex_digits(at + 1);
  at += 5;
  if (code >= 0xd800 && code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
    code = 0x10000 + ((code - 0xd800) << 10) + (hex_digits(at + 2) - 0xdc00);
    at += 6;
  }
  put_code_point(buf, code);
  return at;
}

const json_t *json_at(const json_t *value, struct slice path) {
  struct slice step;
  while (value && slice_split(&path, '.', &step)) {
    long long place;
    if (json_is_array(value) && slice_to_int64(step, &place) && place >= 0)
      value = json_array_get(value, (size_t)place);
    else
      value = json_object_getn(value, step.data, step.len);
  }
  return value;
}

int json_decode_string(struct slice raw, struct buf *scratch, struct slice *out) {
  if (raw.len < 2 || raw.data[0] != '"')
    return BELFRY_EINVAL;
  const char *at = raw.data + 1, *end = raw.data + raw.len - 1;
  if (!memchr(at, '\\', raw.len - 2)) {
    *out = slice_new(at, raw.len - 2);
    return BELFRY_OK;
  }
  if (!buf_reserve(scratch, raw.len))
    return buf_status(scratch);
  size_t start = scratch->len;
  while (at < end) {
    const char *escape = memchr(at, '\\', (size_t)(end - at));
    const char *run_end = escape && end - escape >= 2 ? escape : end;
    buf_put(scratch, at, (size_t)(run_end - at));
    at = run_end < end ? put_unescaped(scratch, run_end + 1, end) : end;
  }
  *out = slice_new(scratch->data + start, scratch->len - start);
  return buf_status(scratch);
}

/* Bytes of the UTF-8 sequence at `s`, or 0 if it is not one (RFC 3629, section 4). */
static size_t utf8_sequence(const unsigned char *s, size_t len) {
  if (s[0] < 0x80)
    return 1;
  if (s[0] < 0xc2)
    return 0;
  if (s[0] < 0xe0)
    return len >= 2 && (s[1] & 0xc0) == 0x80 ? 2 : 0;
  if (s[0] < 0xf0) {
    if (len < 3 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
      return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
      return 0;
    return 3;
  }
  if (s[0] > 0xf4 || len < 4 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 ||
      (s[3] & 0xc0) != 0x80)
    return 0;
  if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
    return 0;
  return 4;
}

size_t utf8_valid_prefix(struct slice text) {
  const unsigned char *s = (const unsigned char *)text.data;
  size_t i = 0;
  uint64_t eight;
  while (i < text.len) {
    if (text.len - i >= sizeof eight) { /* most texts are ASCII: eight bytes at once */
      memcpy(&eight, s + i, sizeof eight);
      if (!(eight & UINT64_C(0x8080808080808080))) {
        i += sizeof eight;
        continue;
      }
    }
    size_t n = utf8_sequence(s + i, text.len - i);
    if (n == 0)
      break;
    i += n;
  }
  return i;
}

void utf8_repair(char *text) {
  size_t len = strlen(text);
  for (size_t i = utf8_valid_prefix(slice_new(text, len)); i < len;
       i += utf8_valid_prefix(slice_new(text + i, len - i)))
    text[i] = '?';
}

void json_put_string(struct buf *buf, struct slice text) {
  const unsigned char *s = (const unsigned char *)text.data;
  size_t plain = 0; /* start of the run that needs no escape */
  buf_put_char(buf, '"');
  for (size_t i = 0; i < text.len;) {
    unsigned char c = s[i];
    size_t n = utf8_sequence(s + i, text.len - i);
    if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
      i += n;
      continue;
    }
    buf_put(buf, text.data + plain, i - plain);
    if (n == 0)
      buf_put_text(buf, "\xef\xbf\xbd");
    else if (c == '"' || c == '\\')
      buf_put(buf, (const char[]){'\\', (char)c}, 2);
    else if (c == '\n')
      buf_put_text(buf, "\\n");
    else if (c == '\t')
      buf_put_text(buf, "\\t");
    else if (c == '\r')
      buf_put_text(buf, "\\r");
    else
      buf_printf(buf, "\\u%04x", c);
    plain = ++i;
  }
  buf_put(buf, text.data ? text.data + plain : "", text.len - plain);
  buf_put_char(buf, '"');
}

static const double powers_of_ten[] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                       1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                       1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20}; /* all exact */

/* Puts n / 10^decimals. */
static void put_digits(struct buf *buf, bool negative, uint64_t n, int decimals) {
  char text[48], *at = text + sizeof text;
  for (int digit = 0; n > 0 || digit <= decimals; digit++) {
    if (digit == decimals && decimals > 0)
      *--at = '.';
    *--at = (char)('0' + n % 10);
    n /= 10;
  }
  if (negative)
    *--at = '-';
  buf_put(buf, at, (size_t)(text + sizeof text - at));
}

/* Puts a number that has few decimals: n / 10^k with the smallest k for which that is the number.
 * As both are exact, the quotient is what reading the text gives. Returns: false when it has more.
 */
static bool put_decimal(struct buf *buf, double number) {
  double size = fabs(number);
  if (size >= 1e9 || size < 1e-3)
    return false;
  for (int k = 0; k <= 6; k++) {
    double scaled = nearbyint(size * powers_of_ten[k]);
    if (scaled / powers_of_ten[k] != size)
      continue;
    put_digits(buf, number < 0, (uint64_t)scaled, k);
    return true;
  }
  return false;
}

void json_put_number(struct buf *buf, double number) {
  char text[40];
  if (!isfinite(number)) {
    buf_put_text(buf, "null");
    return;
  }
  if (put_decimal(buf, number))
    return;
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, number);
    if (strtod(text, NULL) == number)
      break;
  }
  buf_put_text(buf, text);
}

void json_put_integer(struct buf *buf, int64_t number) {
  put_digits(buf, number < 0, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 0);
}

void json_put_measure(struct buf *buf, double number) {
  double size = fabs(number);
  if (!(size >= 1e-4 && size < 1e14)) {
    json_put_number(buf, number);
    return;
  }
  int whole = -3; /* digits before the point */
  while (size >= (whole < 0 ? 1 / powers_of_ten[-whole] : powers_of_ten[whole]))
    whole++;
  int decimals = 15 - whole;
  uint64_t n = (uint64_t)nearbyint(size * powers_of_ten[decimals]);
  for (; decimals > 0 && n % 10 == 0; decimals--)
    n /= 10;
  put_digits(buf, number < 0, n, decimals);
}
