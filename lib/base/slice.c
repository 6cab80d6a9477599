#include "base/slice.h"

#include <errno.h>
#include <stdlib.h>

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice a) {
  while (a.len > 0 && is_blank(a.data[0])) {
    a.data++;
    a.len--;
  }
  while (a.len > 0 && is_blank(a.data[a.len - 1]))
    a.len--;
  return a;
}

bool slice_split(struct slice *rest, char separator, struct slice *piece) {
  *piece = slice_new(NULL, 0);
  if (!rest->data)
    return false;
  const char *end = rest->len ? memchr(rest->data, separator, rest->len) : NULL;
  if (end) {
    *piece = slice_new(rest->data, (size_t)(end - rest->data));
    *rest = slice_new(end + 1, rest->len - piece->len - 1);
  } else {
    *piece = *rest;
    *rest = slice_new(NULL, 0);
  }
  return true;
}

bool slice_glob(struct slice pattern, struct slice text) {
  size_t p = 0, t = 0;
  size_t star = SIZE_MAX, star_text = 0; /* where the last `*` was, and what it has eaten so far */
  while (t < text.len) {
    if (p < pattern.len && pattern.data[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.len && (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
      p++;
      t++;
    } else if (star != SIZE_MAX) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.len && pattern.data[p] == '*')
    p++;
  return p == pattern.len;
}

bool slice_to_int64(struct slice text, long long *out) {
  char digits[24];
  if (text.len == 0 || text.len >= sizeof digits)
    return false;
  size_t sign = text.data[0] == '-' || text.data[0] == '+';
  if (text.len == sign)
    return false;
  for (size_t i = sign; i < text.len; i++)
    if (text.data[i] < '0' || text.data[i] > '9')
      return false;
  memcpy(digits, text.data, text.len);
  digits[text.len] = '\0';
  errno = 0;
  long long value = strtoll(digits, NULL, 10);
  if (errno)
    return false;
  *out = value;
  return true;
}

bool slice_to_double(struct slice text, double *out) {
  char digits[SLICE_NUMBER_BYTES_MAX + 1], *end;
  if (text.len == 0 || text.len >= sizeof digits || strchr(" \t\n\v\f\r", text.data[0]))
    return false;
  memcpy(digits, text.data, text.len);
  digits[text.len] = '\0';
  double value = strtod(digits, &end);
  if (end != digits + text.len)
    return false;
  *out = value;
  return true;
}
