/*
 * A borrowed run of bytes. It does not own them and need not end in NUL.
 */
#ifndef BELFRY_BASE_SLICE_H
#define BELFRY_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
  const char *data; /* borrowed; may be NULL when len is 0 */
  size_t len;       /* bytes */
};

/* Arguments for printf's "%.*s". */
#define SLICE_ARG(s) (int)(s).len, (s).data ? (s).data : ""

static inline struct slice slice_of(const char *text) {
  return (struct slice){text, text ? strlen(text) : 0};
}

static inline struct slice slice_new(const char *data, size_t len) {
  return (struct slice){data, len};
}

static inline bool slice_equal(struct slice a, struct slice b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text) {
  return slice_equal(a, slice_of(text));
}

static inline bool slice_starts_with(struct slice a, const char *prefix) {
  size_t n = strlen(prefix);
  return a.len >= n && memcmp(a.data, prefix, n) == 0;
}

/* Returns: `a` without blanks (space, tab, CR, LF) at both ends; borrowed from `a`. */
struct slice slice_trim(struct slice a);

/*
 * Takes the piece before the next `separator` off the front of `*rest`.
 * Returns: false when `*rest` was exhausted (its data is then NULL, and `*piece` empty). "a,,b"
 * gives "a", "" and "b".
 */
bool slice_split(struct slice *rest, char separator, struct slice *piece);

/* Matches `text` against a glob in which `*` stands for any run and `?` for one byte. Linear time
 * and no recursion. */
bool slice_glob(struct slice pattern, struct slice text);

/* Parses a whole decimal integer. Returns: false when it is not one or does not fit. */
bool slice_to_int64(struct slice text, long long *out);

/* Parses a number as strtod(3) does, NaN and infinity included. Returns: false when it is none,
 * when anything stands around it, or when it has more than SLICE_NUMBER_BYTES_MAX. */
#define SLICE_NUMBER_BYTES_MAX 63
bool slice_to_double(struct slice text, double *out);

#endif
