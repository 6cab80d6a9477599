/*
 * Lines read by an expression of the user's: what its named groups match is the time, the severity,
 * the message, or an attribute.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "model/log_format.h"

#include <pcre2.h>
#include <stdlib.h>

#define MATCH_LIMIT 100000 /* steps that may be spent on a line, with JIT or without */
#define DEPTH_LIMIT 1000

struct log_pattern {
  pcre2_code *code; /* owned, as is what follows */
  pcre2_match_data *match;
  pcre2_match_context *context;
  uint32_t group_count, entry_bytes;
  PCRE2_SPTR groups; /* PCRE2's table of names: two bytes of the number, then the name */
};

void log_pattern_free(struct log_pattern *pattern) {
  if (!pattern)
    return;
  pcre2_match_context_free(pattern->context);
  pcre2_match_data_free(pattern->match);
  pcre2_code_free(pattern->code);
  free(pattern);
}

int log_pattern_new(const char *text, struct log_pattern **out, struct belfry_error *error) {
  int code = 0;
  PCRE2_SIZE at = 0;
  struct log_pattern *pattern = calloc(1, sizeof *pattern);
  if (!pattern)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_DOLLAR_ENDONLY,
                                &code, &at, NULL);
  if (!pattern->code && code != PCRE2_ERROR_HEAP_FAILED) {
    PCRE2_UCHAR why[128];
    pcre2_get_error_message(code, why, sizeof why);
    log_pattern_free(pattern);
    return belfry_error_set(error, BELFRY_EINVAL, "the pattern is wrong at its character %zu: %s",
                            at + 1, (const char *)why);
  }
  if (pattern->code) {
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    pattern->context = pcre2_match_context_create(NULL);
  }
  if (!pattern->match || !pattern->context) {
    log_pattern_free(pattern);
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  }
  pcre2_set_match_limit(pattern->context, MATCH_LIMIT);
  pcre2_set_depth_limit(pattern->context, DEPTH_LIMIT);
  (void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE); /* without it, it is slower */
  pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMECOUNT, &pattern->group_count);
  pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMEENTRYSIZE, &pattern->entry_bytes);
  pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &pattern->groups);
  *out = pattern;
  return BELFRY_OK;
}

bool log_pattern_matches(const struct log_pattern *pattern, struct slice line) {
  return pcre2_match(pattern->code, (PCRE2_SPTR)(line.len ? line.data : ""), line.len, 0, 0,
                     pattern->match, pattern->context) >= 0;
}

bool log_pattern_read(const struct log_pattern *pattern, struct slice line, int64_t now_ms,
                      struct log_said *said) {
  if (!pattern || !log_pattern_matches(pattern, line))
    return false;
  const PCRE2_SIZE *places = pcre2_get_ovector_pointer(pattern->match);
  uint32_t places_max = pcre2_get_ovector_count(pattern->match);
  for (uint32_t i = 0; i < pattern->group_count; i++) {
    PCRE2_SPTR entry = pattern->groups + i * pattern->entry_bytes;
    unsigned number = (unsigned)entry[0] << 8 | entry[1];
    struct slice name = slice_of((const char *)entry + 2);
    PCRE2_SIZE from = number < places_max ? places[2 * number] : PCRE2_UNSET;
    PCRE2_SIZE to = number < places_max ? places[2 * number + 1] : PCRE2_UNSET;
    if (from == PCRE2_UNSET || to < from || to > line.len) /* \K in it may turn them round */
      continue;
    struct slice text = slice_new(line.data + from, to - from);
    if (!log_said_take(said, name, text, now_ms))
      log_said_put_value(said, name, text);
  }
  return true;
}
