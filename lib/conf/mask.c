/*
 * Entries of `masks`, and whether each is a pattern.
 */
#include "conf/conf_priv.h"

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
  (void)conf;
  conf__check_pattern(mask->pattern, why);
}

const struct conf_list conf__mask_list = {
    CONF_LIST_OF(masks, mask, mask_rows),
    .finish = finish,
    .example = "- pattern: 'customer-\\K[0-9]+'",
    .doc = "What is masked beside what masking.enabled masks.",
};
