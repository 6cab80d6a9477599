/*
 * Entries of `masks`, and whether each is a pattern.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "conf/conf_priv.h"

#include <pcre2.h>
#include <string.h>

static const struct conf_row mask_rows[] = {
    {.key = "pattern",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_mask, pattern),
     .required = true,
     .fallback_text = "",
     .max = 1024,
     .doc = "A regular expression as of Perl (PCRE2); what it matches is replaced, from its \\K on "
            "where it has one."},
};

static void finish(const struct conf *conf, void *entry, struct buf *why) {
  const struct conf_mask *mask = entry;
  int code = 0;
  PCRE2_SIZE at = 0;
  (void)conf;
  pcre2_code *compiled =
      pcre2_compile((PCRE2_SPTR)mask->pattern, strlen(mask->pattern), 0, &code, &at, NULL);
  if (!compiled && code == PCRE2_ERROR_HEAP_FAILED) {
    why->status = BELFRY_ENOMEM;
  } else if (!compiled) {
    PCRE2_UCHAR said[128];
    pcre2_get_error_message(code, said, sizeof said);
    buf_printf(why, "the pattern is wrong at its character %zu: %s", at + 1, (const char *)said);
  }
  pcre2_code_free(compiled);
}

const struct conf_list conf__mask_list = {
    CONF_LIST_OF(masks, mask, mask_rows),
    .finish = finish,
    .example = "- pattern: 'customer-\\K[0-9]+'",
    .doc = "What is masked beside what masking.enabled masks.",
};
