/*
 * JSON text: what jansson does not give. Checks bounds before a text is parsed, walks the members
 * of a text that is known to be valid and gives their exact bytes (what was accepted is stored byte
 * for byte), and quotes strings.
 */
#ifndef BELFRY_BASE_JSON_H
#define BELFRY_BASE_JSON_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <jansson.h>
#include <stdbool.h>

#define JSON_DEPTH_DEFAULT 32

/*
 * Parses one JSON value: bounds its depth first (deeper is BELFRY_EINVAL here), refuses duplicate
 * keys, invalid UTF-8, NUL in strings and trailing bytes. In a text with an integer beyond 64 bits
 * all integers become reals. `error` gets a sentence with line and column. Returns: owned, free
 * with json_decref(); NULL with `error` set to BELFRY_EINVAL or BELFRY_ENOMEM.
 */
json_t *json_parse(struct slice text, unsigned max_depth, struct belfry_error *error);

/* Returns: BELFRY_ETOOBIG when brackets nest deeper than `max_depth`. Says nothing about the text's
 * validity. */
int json_check_depth(struct slice text, unsigned max_depth) BELFRY_MUST_CHECK;

/* A walk over the members of an object or the elements of an array, whose text must be valid JSON.
 */
struct json_walk {
  const char *at;
  const char *end;
  bool object;
};

/* Returns: false when `text` is neither an object nor an array. */
bool json_walk_start(struct json_walk *walk, struct slice text);

/*
 * Takes: `key` may be NULL for arrays. `*key` is the raw text between the quotes, escapes
 * untouched; `*value` the raw text of the value without surrounding blanks. Both are borrowed from
 * the text. Returns: false at the end.
 */
bool json_walk_next(struct json_walk *walk, struct slice *key, struct slice *value);

/* The raw text of the member `key` (a plain ASCII name) of an object's text; a slice with NULL data
 * if it is absent. */
struct slice json_member(struct slice object, const char *key);

/* What a path such as checks.0.status leads to: members by name, elements by number. Returns:
 * borrowed; NULL when it is not there, or `value` is NULL. */
const json_t *json_at(const json_t *value, struct slice path);

/*
 * Decodes the raw text of a JSON string with its quotes, which must be valid. A string without
 * escapes is borrowed from `raw`; one with escapes is put at the end of `scratch` (which must not
 * move afterwards: reserve for all of them first, the decoded text is never longer than the raw
 * one). Returns: 0, or BELFRY_EINVAL when `raw` is no string, or BELFRY_ENOMEM.
 */
int json_decode_string(struct slice raw, struct buf *scratch, struct slice *out) BELFRY_MUST_CHECK;

/* Puts `text`, which must be UTF-8, as a JSON string with its quotes. Bytes that are not UTF-8
 * become U+FFFD. */
void json_put_string(struct buf *buf, struct slice text);

/* Puts a number so that it reads back as the same double and looks as short as it can; not finite
 * becomes `null`. */
void json_put_number(struct buf *buf, double number);

/* Puts a whole number; a quarter of what printf takes. */
void json_put_integer(struct buf *buf, int64_t number);

/* Puts a number that was computed, with its first 15 digits: what comes behind them is rounding. */
void json_put_measure(struct buf *buf, double number);

/* Length of the longest prefix of `text` that is valid UTF-8 (RFC 3629; no surrogates, no overlong
 * forms). */
size_t utf8_valid_prefix(struct slice text);

/* Makes a message that quotes or cuts foreign text valid: bytes that are not UTF-8 become `?`. */
void utf8_repair(char *text);

#endif
