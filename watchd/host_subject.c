/*
 * Words and counters, as the files of /proc hold them.
 */
#include "watchd/host_subject.h"

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool host_next_word(struct slice *rest, struct slice *word) {
  while (rest->len > 0 && is_blank(*rest->data)) {
    rest->data++;
    rest->len--;
  }
  size_t len = 0;
  while (len < rest->len && !is_blank(rest->data[len]))
    len++;
  *word = slice_new(rest->data, len);
  rest->data += len;
  rest->len -= len;
  return len > 0;
}

bool host_next_counter(struct slice *rest, uint64_t *out) {
  struct slice word;
  if (!host_next_word(rest, &word))
    return false;
  uint64_t value = 0;
  for (size_t i = 0; i < word.len; i++) {
    if (word.data[i] < '0' || word.data[i] > '9' || value > (UINT64_MAX - 9) / 10)
      return false;
    value = value * 10 + (uint64_t)(word.data[i] - '0');
  }
  *out = value;
  return true;
}
