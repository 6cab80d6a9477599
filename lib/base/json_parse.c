/*
 * Parsing by jansson, so that running out of memory is told as what it is.
 *
 * Where an allocation fails jansson may say that the text is wrong, go on with half of a string, or
 * end the program by an assertion (its buffer for the token at hand ignores the failure). So it is
 * given a reserve, made before it begins: the first allocation that fails comes from there, no more
 * of the text is handed over from then on, and what came of it is thrown away. No program of Belfry
 * has a second thread, so there is one reserve.
 */
#include "base/json.h"

#include <stdlib.h>

/* What jansson takes of the text at once, and may still parse after a failure: 1,024 bytes, which
 * make at most so much ("{}," is 3 bytes and gives some 200). */
#define RESERVE_BYTES ((size_t)96 << 10)

static struct {
  char *start, *at, *end; /* owned */
  bool used;
} reserve;

/* The token at hand is as long as the text at most, and its buffer doubles. */
static bool reserve_make(size_t text_len) {
  size_t size = RESERVE_BYTES + 3 * text_len;
  reserve.start = reserve.at = malloc(size);
  reserve.end = reserve.start ? reserve.start + size : NULL;
  reserve.used = false;
  return reserve.start;
}

static void *allocate(size_t size) {
  void *block = malloc(size);
  if (block)
    return block;
  reserve.used = true;
  size = (size + 15) & ~(size_t)15;
  if (size > (size_t)(reserve.end - reserve.at))
    return NULL;
  block = reserve.at;
  reserve.at += size;
  return block;
}

static void release(void *block) {
  char *at = block;
  if (!(at >= reserve.start && at < reserve.end))
    free(block);
}

static size_t hand_over(void *into, size_t size, void *arg) {
  struct slice *rest = arg;
  if (reserve.used)
    return 0;
  size_t len = rest->len < size ? rest->len : size;
  memcpy(into, rest->data, len);
  *rest = slice_new(rest->data + len, rest->len - len);
  return len;
}

/* Returns: BELFRY_OK with `*value`, BELFRY_EINVAL with `where`, or BELFRY_ENOMEM. */
static int load(struct slice text, size_t flags, json_t **value, json_error_t *where) {
  struct slice rest = text.data ? text : slice_of("");
  if (!reserve_make(text.len))
    return BELFRY_ENOMEM;
  json_set_alloc_funcs(allocate, release);
  *value =
      json_load_callback(hand_over, &rest, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | flags, where);
  int status = *value ? BELFRY_OK : BELFRY_EINVAL;
  if (reserve.used) {
    json_decref(*value);
    *value = NULL;
    status = BELFRY_ENOMEM;
  }
  free(reserve.start);
  reserve.start = reserve.at = reserve.end = NULL;
  return status;
}

json_t *json_parse(struct slice text, unsigned max_depth, struct belfry_error *error) {
  if (json_check_depth(text, max_depth)) {
    belfry_error_set(error, BELFRY_EINVAL, "JSON nested deeper than %u levels", max_depth);
    return NULL;
  }
  json_error_t where;
  json_t *value = NULL;
  int status = load(text, 0, &value, &where);
  /* An integer beyond 64 bits is JSON as well; jansson takes it as a double. */
  if (status == BELFRY_EINVAL && json_error_code(&where) == json_error_numeric_overflow)
    status = load(text, JSON_DECODE_INT_AS_REAL, &value, &where);
  if (status == BELFRY_ENOMEM) {
    belfry_error_set(error, status, "out of memory while reading JSON");
  } else if (status) {
    enum json_error_code code = json_error_code(&where);
    bool nul = code == json_error_null_character || code == json_error_null_byte_in_key;
    utf8_repair(where.text); /* it quotes what it stumbled over as it came */
    belfry_error_set(error, status, "%s at line %d, column %d",
                     nul ? "\\u0000 is in a text, and must not be" : where.text, where.line,
                     where.column);
  }
  return value;
}
