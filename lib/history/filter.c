/* Whether an event is wanted. The cheap conditions come first, the search in the text last. */
#include "history/filter.h"

static char fold(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool contains(struct slice text, struct slice word) {
  if (word.len > text.len)
    return false;
  char first = fold(word.data[0]);
  for (size_t i = 0; i <= text.len - word.len; i++) {
    if (fold(text.data[i]) != first)
      continue;
    size_t n = 1;
    while (n < word.len && fold(text.data[i + n]) == fold(word.data[n]))
      n++;
    if (n == word.len)
      return true;
  }
  return false;
}

/* Takes the next word off the front; false at the end. A word may come out empty (""). */
static bool next_word(struct slice *rest, struct slice *word, bool *negated) {
  *rest = slice_trim(*rest);
  if (rest->len == 0)
    return false;
  *negated = rest->data[0] == '-' && rest->len > 1;
  if (*negated)
    *rest = slice_new(rest->data + 1, rest->len - 1);
  bool quoted = rest->data[0] == '"';
  size_t start = quoted, end = start;
  while (end < rest->len && !(quoted ? rest->data[end] == '"'
                                     : rest->data[end] == ' ' || rest->data[end] == '\t' ||
                                           rest->data[end] == '\r' || rest->data[end] == '\n'))
    end++;
  *word = slice_new(rest->data + start, end - start);
  if (quoted && end < rest->len)
    end++;
  *rest = slice_new(rest->data + end, rest->len - end);
  return true;
}

static bool text_matches(struct slice words, struct slice text) {
  struct slice word;
  bool negated;
  while (next_word(&words, &word, &negated))
    if (word.len > 0 && contains(text, word) == negated)
      return false;
  return true;
}

static bool any_glob(const struct slice *patterns, size_t count, struct slice text) {
  for (size_t i = 0; i < count; i++)
    if (slice_glob(patterns[i], text))
      return true;
  return false;
}

bool event_filter_match(const struct event_filter *filter, const struct event *event) {
  if (filter->from_ms && event->timestamp_ms < filter->from_ms)
    return false;
  if (filter->to_ms && event->timestamp_ms >= filter->to_ms)
    return false;
  if (filter->severities && !(filter->severities & 1u << event->severity))
    return false;
  if (filter->type_count && !any_glob(filter->types, filter->type_count, event->type))
    return false;
  if (filter->not_type_count && any_glob(filter->not_types, filter->not_type_count, event->type))
    return false;
  if (filter->source_count && !any_glob(filter->sources, filter->source_count, event->source))
    return false;
  return filter->text.len == 0 || text_matches(filter->text, event->data);
}
