/*
 * Secrets in texts from outside: keys, tokens, passwords, card numbers, and e-mail addresses by
 * choice. What is found is replaced by *** before it is stored. The patterns are masks.def; an
 * administrator's own stand beside them.
 */
#ifndef BELFRY_MODEL_MASK_H
#define BELFRY_MODEL_MASK_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mask;

struct mask_options {
  bool enabled; /* nothing is masked when it is false */
  bool cards, emails;
  const char *const *patterns; /* own ones, ended by a NULL; NULL: none. */
};

/* Makes one that masks nothing yet. Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with
 * mask_free(). */
int mask_new(struct mask **out) BELFRY_MUST_CHECK;
void mask_free(struct mask *mask);

/* Masks as `options` say from now on. Returns: 0; BELFRY_EINVAL for a pattern that is none, or
 * BELFRY_ENOMEM; then nothing has changed. */
int mask_configure(struct mask *mask, const struct mask_options *options,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/* Where a text of several lines is; zero it before the first one. */
struct mask_place {
  bool in_key;   /* between the lines that begin and end a private key */
  bool headers;  /* its headers may still come */
  size_t prefix; /* bytes that stood before the line that began it: each line has as many */
};

/*
 * Puts `text`, one line, with *** for what must not be stored. A line that cannot be looked through
 * within bounds is replaced as a whole. Takes: `place` NULL for a text that stands alone. A failure
 * is left in `out`.
 */
void mask_put(struct mask *mask, struct slice text, struct mask_place *place, struct buf *out);

/* The same of JSON, which is valid, in all its texts and long numbers; it stays valid. Returns:
 * false when there is nothing to mask: `out` has then not been touched, and `json` is good as it
 * is. */
bool mask_put_json(struct mask *mask, struct slice json, struct buf *out);

/* Whether it masks anything at all; and whether a text needs a closer look: no is certain. */
bool mask_is_on(const struct mask *mask);
bool mask_may_find(const struct mask *mask, struct slice text);

/* How many secrets were masked. */
int64_t mask_count(const struct mask *mask);

/* Goes back to an earlier count: what was masked since then was thrown away. */
void mask_recount(struct mask *mask, int64_t count);

#endif
