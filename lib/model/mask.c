#define PCRE2_CODE_UNIT_WIDTH 8

#include "model/mask.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT 100000 /* steps that may be spent on a line, where there is no JIT */
#define HIDDEN      "***"

enum mask_kind { MASK_ALWAYS, MASK_CARD, MASK_EMAIL, MASK_OWN };

static const struct {
  enum mask_kind kind;
  const char *pattern;
} shipped[] = {
#define MASK(kind, pattern, doc) {kind, pattern},
#include "model/masks.def"
#undef MASK
};

struct mask {
  pcre2_code *code; /* owned; NULL: nothing is masked */
  pcre2_match_data *match;
  pcre2_match_context *context;
  int64_t count;
};

int mask_new(struct mask **out) {
  struct mask *mask = calloc(1, sizeof *mask);
  if (!mask)
    return BELFRY_ENOMEM;
  mask->context = pcre2_match_context_create(NULL);
  if (!mask->context) {
    free(mask);
    return BELFRY_ENOMEM;
  }
  pcre2_set_match_limit(mask->context, MATCH_LIMIT);
  *out = mask;
  return BELFRY_OK;
}

static void release(struct mask *mask) {
  pcre2_match_data_free(mask->match);
  pcre2_code_free(mask->code);
  mask->match = NULL;
  mask->code = NULL;
}

void mask_free(struct mask *mask) {
  if (!mask)
    return;
  release(mask);
  pcre2_match_context_free(mask->context);
  free(mask);
}

/* --- the pattern of all --- */

/* A card's number leaves a mark, by which its match is known. */
static void put_pattern(struct buf *out, const char *pattern, enum mask_kind kind) {
  buf_put_text(out, out->len ? "|" : "");
  buf_put_text(out, kind == MASK_CARD ? "(?:(*MARK:card)" : "(?:");
  buf_put_text(out, pattern);
  buf_put_char(out, ')');
}

static bool is_wanted(enum mask_kind kind, const struct mask_options *options) {
  return kind == MASK_CARD ? options->cards : kind == MASK_EMAIL ? options->emails : true;
}

static void put_all(struct buf *out, const struct mask_options *options) {
  for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++)
    if (is_wanted(shipped[i].kind, options))
      put_pattern(out, shipped[i].pattern, shipped[i].kind);
  for (const char *const *own = options->patterns; own && *own; own++)
    put_pattern(out, *own, MASK_OWN);
}

int mask_configure(struct mask *mask, const struct mask_options *options,
                   struct belfry_error *error) {
  struct mask made = {0};
  struct buf pattern;
  int code = 0;
  PCRE2_SIZE at = 0;
  if (!options->enabled) {
    release(mask);
    return BELFRY_OK;
  }
  buf_init(&pattern, 0);
  put_all(&pattern, options);
  if (!buf_status(&pattern))
    made.code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.len, 0, &code, &at, NULL);
  buf_fini(&pattern);
  if (made.code)
    made.match = pcre2_match_data_create_from_pattern(made.code, NULL);
  if (!made.match) {
    PCRE2_UCHAR why[128] = "out of memory";
    if (!made.code && code)
      pcre2_get_error_message(code, why, sizeof why);
    release(&made);
    return belfry_error_set(error,
                            code && code != PCRE2_ERROR_NOMEMORY ? BELFRY_EINVAL : BELFRY_ENOMEM,
                            "the patterns of what is masked: %s", (const char *)why);
  }
  (void)pcre2_jit_compile(made.code, PCRE2_JIT_COMPLETE); /* without it, it is slower */
  release(mask);
  mask->code = made.code;
  mask->match = made.match;
  return BELFRY_OK;
}

/* --- masking --- */

/* Luhn's check sum, which all cards have (ISO/IEC 7812-1, annex B). */
static bool is_card(struct slice text) {
  int sum = 0, digits = 0;
  for (size_t i = text.len; i-- > 0;) {
    if (text.data[i] < '0' || text.data[i] > '9')
      continue;
    int digit = text.data[i] - '0';
    if (digits++ % 2)
      digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
    sum += digit;
  }
  return digits >= 13 && digits <= 19 && sum % 10 == 0;
}

/* The next secret behind `from`. Returns: 1 with its place; 0: there is none; or a negative code of
 * PCRE2. */
static int find(struct mask *mask, struct slice text, size_t from, size_t *start, size_t *end) {
  for (;;) {
    int found = pcre2_match(mask->code, (PCRE2_SPTR)text.data, text.len, from, PCRE2_NOTEMPTY,
                            mask->match, mask->context);
    if (found == PCRE2_ERROR_NOMATCH)
      return 0;
    if (found < 0)
      return found;
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(mask->match);
    *start = places[0];
    *end = places[1];
    bool card = pcre2_get_mark(mask->match) != NULL;
    if (!card || is_card(slice_new(text.data + *start, *end - *start)))
      return 1;
    from = *start + 1; /* some other number */
  }
}

static void put_masked(struct mask *mask, struct slice text, struct buf *out) {
  size_t at = 0, start = 0, end = 0;
  int found;
  while ((found = find(mask, text, at, &start, &end)) > 0) {
    buf_put(out, text.data + at, start - at);
    buf_put_text(out, HIDDEN);
    mask->count++;
    at = end;
  }
  if (found < 0) { /* not to be known is not to be stored */
    buf_put_text(out, HIDDEN);
    mask->count++;
    return;
  }
  buf_put(out, text.data + at, text.len - at);
}

static bool holds(struct slice text, const char *what) {
  return memmem(text.data, text.len, what, strlen(what)) != NULL;
}

void mask_put(struct mask *mask, struct slice text, struct mask_place *place, struct buf *out) {
  if (!mask->code || text.len == 0) {
    buf_put_slice(out, text);
    return;
  }
  bool ends = place && place->in_key && holds(text, "-----END");
  if (place && place->in_key && !ends) {
    buf_put_text(out, HIDDEN);
    mask->count++;
    return;
  }
  if (place)
    place->in_key = !ends && holds(text, "PRIVATE KEY") && holds(text, "-----BEGIN") &&
                    !holds(text, "-----END");
  put_masked(mask, text, out);
}

int64_t mask_count(const struct mask *mask) {
  return mask->count;
}
