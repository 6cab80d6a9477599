#define PCRE2_CODE_UNIT_WIDTH 8

#include "model/mask.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT  100000 /* steps that may be spent on a line, where there is no JIT */
#define HIDDEN       "***"
#define PATTERNS_MAX 128 /* the shipped ones and own ones */
#define TRIGGERS_MAX 160
#define PAIRS        4096 /* places for pairs of bytes that triggers begin with */

enum mask_kind { MASK_ALWAYS, MASK_CARD, MASK_EMAIL, MASK_OWN };

static const struct {
  enum mask_kind kind;
  const char *triggers, *pattern;
} shipped[] = {
#define MASK(kind, triggers, pattern, doc) {kind, triggers, pattern},
#include "model/masks.def"
#undef MASK
};

struct pattern {
  enum mask_kind kind;
  pcre2_code *code; /* owned, as is */
  pcre2_match_data *match;
};

struct trigger {
  struct slice text; /* lower case; borrowed from masks.def */
  uint8_t pattern;
};

/* What a line holds, found in one pass. */
struct signs {
  bool digits8, digits13, hex32, at;
};

struct mask_set {
  struct pattern patterns[PATTERNS_MAX];
  size_t count;
  struct trigger triggers[TRIGGERS_MAX];
  size_t trigger_count;
  bool pairs[PAIRS]; /* some trigger may begin with a pair of bytes that has this place */
};

struct mask {
  struct mask_set *set; /* owned; NULL: nothing is masked */
  pcre2_match_context *context;
  struct buf lines[2]; /* the line as it is after one pattern, and after the next */
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
  buf_init(&mask->lines[0], 0);
  buf_init(&mask->lines[1], 0);
  *out = mask;
  return BELFRY_OK;
}

static void free_set(struct mask_set *set) {
  for (size_t i = 0; set && i < set->count; i++) {
    pcre2_match_data_free(set->patterns[i].match);
    pcre2_code_free(set->patterns[i].code);
  }
  free(set);
}

void mask_free(struct mask *mask) {
  if (!mask)
    return;
  free_set(mask->set);
  pcre2_match_context_free(mask->context);
  buf_fini(&mask->lines[0]);
  buf_fini(&mask->lines[1]);
  free(mask);
}

/* --- making --- */

static size_t pair_of(unsigned char first, unsigned char second) {
  return (first * 31u + second) % PAIRS;
}

static int add_pattern(struct mask_set *set, enum mask_kind kind, const char *text,
                       struct belfry_error *error) {
  int code = 0;
  PCRE2_SIZE at = 0;
  if (set->count == PATTERNS_MAX)
    return belfry_error_set(error, BELFRY_EINVAL,
                            "there are more than %zu patterns of what is masked",
                            PATTERNS_MAX - sizeof shipped / sizeof *shipped);
  struct pattern *pattern = &set->patterns[set->count++];
  *pattern = (struct pattern){.kind = kind};
  pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
  if (pattern->code)
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
  if (pattern->match) {
    (void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE); /* without it, it is slower */
    return BELFRY_OK;
  }
  if (pattern->code || code == PCRE2_ERROR_HEAP_FAILED)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  PCRE2_UCHAR why[128];
  pcre2_get_error_message(code, why, sizeof why);
  return belfry_error_set(error, BELFRY_EINVAL, "the pattern '%.100s' of what is masked: %s", text,
                          (const char *)why);
}

static void add_triggers(struct mask_set *set, const char *list) {
  struct slice rest = slice_of(list), text;
  while (set->trigger_count < TRIGGERS_MAX && slice_split(&rest, ',', &text)) {
    set->triggers[set->trigger_count++] = (struct trigger){text, (uint8_t)(set->count - 1)};
    if (text.len >= 2)
      set->pairs[pair_of((unsigned char)text.data[0], (unsigned char)text.data[1])] = true;
  }
}

static bool is_wanted(enum mask_kind kind, const struct mask_options *options) {
  return kind == MASK_CARD ? options->cards : kind == MASK_EMAIL ? options->emails : true;
}

static int fill(struct mask_set *set, const struct mask_options *options,
                struct belfry_error *error) {
  int status = BELFRY_OK;
  for (size_t i = 0; i < sizeof shipped / sizeof *shipped && !status; i++) {
    if (!is_wanted(shipped[i].kind, options))
      continue;
    status = add_pattern(set, shipped[i].kind, shipped[i].pattern, error);
    if (!status)
      add_triggers(set, shipped[i].triggers);
  }
  for (const char *const *own = options->patterns; own && *own && !status; own++)
    status = add_pattern(set, MASK_OWN, *own, error);
  return status;
}

int mask_configure(struct mask *mask, const struct mask_options *options,
                   struct belfry_error *error) {
  struct mask_set *set = NULL;
  if (options->enabled) {
    set = calloc(1, sizeof *set);
    int status =
        set ? fill(set, options, error) : belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
    if (status) {
      free_set(set);
      return status;
    }
  }
  free_set(mask->set);
  mask->set = set;
  return BELFRY_OK;
}

/* --- which patterns a line needs --- */

static unsigned char lower(char c) {
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool begins_with(struct slice text, struct slice trigger) {
  if (text.len < trigger.len)
    return false;
  for (size_t i = 0; i < trigger.len; i++)
    if (lower(text.data[i]) != (unsigned char)trigger.data[i])
      return false;
  return true;
}

static void look_for_triggers(const struct mask_set *set, struct slice text,
                              bool wanted[static PATTERNS_MAX]) {
  for (size_t at = 0; at + 1 < text.len; at++) {
    if (!set->pairs[pair_of(lower(text.data[at]), lower(text.data[at + 1]))])
      continue;
    for (size_t i = 0; i < set->trigger_count; i++)
      if (!wanted[set->triggers[i].pattern] &&
          begins_with(slice_new(text.data + at, text.len - at), set->triggers[i].text))
        wanted[set->triggers[i].pattern] = true;
  }
}

static struct signs signs_of(struct slice text) {
  struct signs signs = {0};
  size_t digits = 0, spread = 0, hex = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    bool digit = c >= '0' && c <= '9';
    digits = digit ? digits + 1 : 0;
    spread = digit ? spread + 1 : c == ' ' || c == '-' ? spread : 0;
    hex = digit || (c >= 'a' && c <= 'f') ? hex + 1 : 0;
    signs.digits8 |= digits >= 8;
    signs.digits13 |= spread >= 13;
    signs.hex32 |= hex >= 32;
    signs.at |= c == '@';
  }
  return signs;
}

static bool has_sign(struct signs signs, struct slice trigger) {
  return slice_is(trigger, "#digits8")    ? signs.digits8
         : slice_is(trigger, "#digits13") ? signs.digits13
         : slice_is(trigger, "#hex32")    ? signs.hex32
         : slice_is(trigger, "@")         ? signs.at
                                          : false;
}

static void choose(const struct mask_set *set, struct slice text,
                   bool wanted[static PATTERNS_MAX]) {
  struct signs signs = signs_of(text);
  memset(wanted, 0, PATTERNS_MAX * sizeof *wanted);
  look_for_triggers(set, text, wanted);
  for (size_t i = 0; i < set->trigger_count; i++)
    wanted[set->triggers[i].pattern] |= has_sign(signs, set->triggers[i].text);
  for (size_t i = 0; i < set->count; i++)
    wanted[i] |= set->patterns[i].kind == MASK_OWN;
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

/* What the pattern finds behind `from`. Returns: 1 with its place; 0: nothing; or a negative code
 * of PCRE2. */
static int find(const struct mask *mask, const struct pattern *pattern, struct slice text,
                size_t from, size_t *start, size_t *end) {
  for (;;) {
    int found = pcre2_match(pattern->code, (PCRE2_SPTR)text.data, text.len, from, PCRE2_NOTEMPTY,
                            pattern->match, mask->context);
    if (found == PCRE2_ERROR_NOMATCH)
      return 0;
    if (found < 0)
      return found;
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(pattern->match);
    *start = places[0];
    *end = places[1];
    if (pattern->kind != MASK_CARD || is_card(slice_new(text.data + *start, *end - *start)))
      return 1;
    from = *start + 1; /* some other number */
  }
}

/* Puts what the pattern leaves of `text`. Returns: false when it cannot be known within bounds. */
static bool apply(struct mask *mask, const struct pattern *pattern, struct slice text,
                  struct buf *out) {
  size_t at = 0, start = 0, end = 0;
  int found;
  while ((found = find(mask, pattern, text, at, &start, &end)) > 0) {
    struct slice hidden = slice_new(text.data + start, end - start);
    mask->count += !slice_is(hidden, HIDDEN); /* one that another pattern has hidden is none */
    buf_put(out, text.data + at, start - at);
    buf_put_text(out, HIDDEN);
    at = end;
  }
  buf_put(out, text.data + at, text.len - at);
  return found == 0;
}

static void put_masked(struct mask *mask, struct slice text, struct buf *out) {
  bool wanted[PATTERNS_MAX];
  int side = 0;
  choose(mask->set, text, wanted);
  for (size_t i = 0; i < mask->set->count; i++) {
    struct buf *next = &mask->lines[side];
    if (!wanted[i])
      continue;
    buf_clear(next);
    if (!apply(mask, &mask->set->patterns[i], text, next) || buf_status(next)) {
      mask->count++;
      buf_put_text(out, HIDDEN); /* what is not known is not stored */
      return;
    }
    text = buf_slice(next);
    side = !side;
  }
  buf_put_slice(out, text);
}

/* Whether it is nothing but base64, of a line's length at most (RFC 7468: 64 characters). */
static bool is_base64(struct slice text) {
  size_t len = text.len;
  while (len > 0 && text.len - len < 2 && text.data[len - 1] == '=')
    len--;
  if (len == 0 || len > 76)
    return false;
  for (size_t i = 0; i < len; i++) {
    char c = text.data[i];
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
          c == '/'))
      return false;
  }
  return true;
}

/* A whole line of a private key, of which the log may not show the first any more. */
static bool is_key_line(struct slice text) {
  return text.len >= 60 && is_base64(text);
}

static bool is_key_header(struct slice text) {
  static const char *const names[] = {"Proc-Type: ", "DEK-Info: ", "Comment: ", "Version: "};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (slice_starts_with(text, names[i]))
      return true;
  return false;
}

/*
 * Whether a line goes on with the key that `place` is in. The first that does not look so ends it:
 * who only writes of a key, as an error message may, must not make the rest of the log invisible.
 */
static bool goes_on(struct mask_place *place, struct slice text) {
  if (text.len + 1 < place->prefix) /* an empty line may have lost the blank behind its prefix */
    return false;
  size_t skip = text.len < place->prefix ? text.len : place->prefix;
  struct slice body = slice_new(text.data + skip, text.len - skip);
  if (place->headers && (body.len == 0 || is_key_header(body)))
    return true;
  place->headers = false;
  return is_base64(body);
}

static void look_for_key(struct mask_place *place, struct slice text) {
  static const char begin[] = "-----BEGIN";
  const char *at = memmem(text.data, text.len, begin, strlen(begin));
  struct slice rest = at ? slice_new(at, text.len - (size_t)(at - text.data)) : slice_new(NULL, 0);
  place->in_key = at && memmem(rest.data, rest.len, "PRIVATE KEY", strlen("PRIVATE KEY")) &&
                  !memmem(rest.data, rest.len, "-----END", strlen("-----END"));
  place->headers = place->in_key;
  place->prefix = place->in_key ? (size_t)(at - text.data) : 0;
}

void mask_put(struct mask *mask, struct slice text, struct mask_place *place, struct buf *out) {
  if (!mask->set || text.len == 0) {
    buf_put_slice(out, text);
    return;
  }
  if ((place && place->in_key && goes_on(place, text)) || is_key_line(text)) {
    buf_put_text(out, HIDDEN);
    mask->count++;
    return;
  }
  if (place)
    look_for_key(place, text);
  put_masked(mask, text, out);
}

bool mask_is_on(const struct mask *mask) {
  return mask->set != NULL;
}

bool mask_may_find(const struct mask *mask, struct slice text) {
  bool wanted[PATTERNS_MAX];
  if (!mask->set)
    return false;
  choose(mask->set, text, wanted);
  for (size_t i = 0; i < mask->set->count; i++)
    if (wanted[i])
      return true;
  return false;
}

int64_t mask_count(const struct mask *mask) {
  return mask->count;
}

void mask_recount(struct mask *mask, int64_t count) {
  mask->count = count;
}
