#include "history/words.h"

#include "base/json.h"

#include <stdint.h>
#include <string.h>

static bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (unsigned char)c >= 0x80;
}

static char fold(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* --- the values of a JSON text --- */

/* What stands between names and values. */
static bool is_between(char c) {
  return c == ',' || c == ':' || c == '{' || c == '}' || c == '[' || c == ']' || is_blank(c);
}

void words_walk_start(struct words_walk *walk, struct slice json, struct buf *scratch) {
  *walk = (struct words_walk){json.data, json.data + json.len, scratch};
}

/* Behind the closing quote of the string that begins at `at`: the first that an even number of
   backslashes is before. */
static const char *end_of_string(const char *at, const char *end) {
  const char *first = at + 1, *quote = first;
  while (quote < end && (quote = memchr(quote, '"', (size_t)(end - quote)))) {
    const char *before = quote;
    while (before > first && before[-1] == '\\')
      before--;
    quote++;
    if ((quote - 1 - before) % 2 == 0)
      return quote;
  }
  return end;
}

static bool is_name(const char *at, const char *end) {
  while (at < end && is_blank(*at))
    at++;
  return at < end && *at == ':';
}

bool words_walk_next(struct words_walk *walk, struct slice *value) {
  while (walk->at < walk->end) {
    const char *start = walk->at;
    if (is_between(*start)) {
      walk->at++;
    } else if (*start != '"') {
      while (walk->at < walk->end && !is_between(*walk->at) && *walk->at != '"')
        walk->at++;
      *value = slice_new(start, (size_t)(walk->at - start));
      return true;
    } else {
      walk->at = end_of_string(start, walk->end);
      if (is_name(walk->at, walk->end))
        continue;
      struct slice raw = slice_new(start, (size_t)(walk->at - start));
      if (raw.len >= 2 && !memchr(raw.data, '\\', raw.len)) {
        *value = slice_new(raw.data + 1, raw.len - 2);
        return true;
      }
      buf_clear(walk->scratch);
      return buf_reserve(walk->scratch, raw.len) &&
             json_decode_string(raw, walk->scratch, value) == BELFRY_OK;
    }
  }
  return false;
}

bool words_next(struct slice *text, struct slice *word) {
  const char *at = text->data, *end = text->data + text->len;
  while (at < end && !is_word_char(*at))
    at++;
  const char *start = at;
  while (at < end && is_word_char(*at))
    at++;
  *word = slice_new(start, (size_t)(at - start));
  *text = slice_new(at, (size_t)(end - at));
  return word->len > 0;
}

/* --- a search --- */

static bool take_term(struct slice *search, struct words_term *term) {
  *search = slice_trim(*search);
  if (search->len == 0)
    return false;
  const char *at = search->data, *end = at + search->len;
  *term = (struct words_term){.negated = *at == '-' && search->len > 1};
  at += term->negated;
  bool quoted = *at == '"';
  at += quoted;
  const char *start = at;
  while (at < end && !(quoted ? *at == '"' : is_blank(*at)))
    at++;
  term->text = slice_new(start, (size_t)(at - start));
  at += quoted && at < end;
  if (!quoted && term->text.len > 1 && term->text.data[term->text.len - 1] == '*') {
    term->begins = true;
    term->text.len--;
  }
  *search = slice_new(at, (size_t)(end - at));
  return true;
}

bool words_next_term(struct slice *search, struct words_term *term) {
  while (take_term(search, term))
    if (term->text.len > 0)
      return true;
  return false;
}

static bool stands_at(struct slice text, size_t at, const struct words_term *term) {
  const struct slice *wanted = &term->text;
  for (size_t i = 1; i < wanted->len; i++) /* the first was compared already */
    if (fold(text.data[at + i]) != fold(wanted->data[i]))
      return false;
  bool goes_on_before = at > 0 && is_word_char(wanted->data[0]) && is_word_char(text.data[at - 1]);
  size_t behind = at + wanted->len;
  bool goes_on_behind = !term->begins && behind < text.len &&
                        is_word_char(wanted->data[wanted->len - 1]) &&
                        is_word_char(text.data[behind]);
  return !goes_on_before && !goes_on_behind;
}

/* Sixteen bytes at a time, by the compiler's vectors. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));

static bytes16 load16(const char *at) {
  bytes16 bytes;
  memcpy(&bytes, at, sizeof bytes);
  return bytes;
}

static bytes16 is_either(bytes16 bytes, char lower, char upper) {
  return (bytes16)((bytes == (bytes16){} + (uint8_t)lower) |
                   (bytes == (bytes16){} + (uint8_t)upper));
}

static char raise_case(char c) {
  return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool stands_between(struct slice text, size_t from, size_t to,
                           const struct words_term *term) {
  char first = fold(term->text.data[0]);
  for (size_t at = from; at < to; at++)
    if (fold(text.data[at]) == first && stands_at(text, at, term))
      return true;
  return false;
}

/* Looks closer only where the first and the last byte of the term are. */
static bool stands_in(struct slice text, const struct words_term *term) {
  size_t len = term->text.len, at = 0;
  if (text.len < len)
    return false;
  char first = fold(term->text.data[0]), last = fold(term->text.data[len - 1]);
  char upper_first = raise_case(first), upper_last = raise_case(last);
  for (; at + len - 1 + sizeof(bytes16) <= text.len; at += sizeof(bytes16)) {
    bytes16 hits = is_either(load16(text.data + at), first, upper_first) &
                   is_either(load16(text.data + at + len - 1), last, upper_last);
    uint64_t halves[2];
    memcpy(halves, &hits, sizeof halves);
    if ((halves[0] | halves[1]) && stands_between(text, at, at + sizeof(bytes16), term))
      return true;
  }
  return stands_between(text, at, text.len - len + 1, term);
}

static bool stands_in_values(const struct words_term *term, struct slice json,
                             struct buf *scratch) {
  struct words_walk walk;
  struct slice value;
  /* Without escapes, what stands in a value stands in the text as a whole. */
  if (!memchr(json.data, '\\', json.len) && !stands_in(json, term))
    return false;
  words_walk_start(&walk, json, scratch);
  while (words_walk_next(&walk, &value))
    if (stands_in(value, term))
      return true;
  return false;
}

bool words_match(struct slice search, struct slice json) {
  struct words_term term;
  struct buf scratch;
  bool matches = true;
  buf_init(&scratch, 0);
  while (matches && words_next_term(&search, &term))
    matches = stands_in_values(&term, json, &scratch) != term.negated;
  matches = matches || buf_status(&scratch); /* rather one too many than one left out in silence */
  buf_fini(&scratch);
  return matches;
}

static void put_word(struct slice word, bool begins, struct buf *out) {
  if (out->len)
    buf_put_text(out, " AND ");
  buf_put_char(out, '"');
  for (size_t i = 0; i < word.len; i++)
    buf_put_char(out, fold(word.data[i]));
  buf_put_text(out, begins ? "\" *" : "\"");
}

void words_put_fts(struct slice search, struct buf *out) {
  struct words_term term;
  while (words_next_term(&search, &term)) {
    struct slice rest = term.text, word;
    while (!term.negated && words_next(&rest, &word)) {
      /* At the ends of a term that are not word characters, and where it may go on, a word of the
         text may be longer. */
      bool last = word.data + word.len == term.text.data + term.text.len;
      put_word(word, last && term.begins, out);
    }
  }
}
