/*
 * UTF-8 checked piece by piece (RFC 3629: no surrogates, no overlong forms, nothing above
 * U+10FFFF), so that a text which arrives in fragments is refused at its first wrong byte.
 */
#ifndef BELFRY_WS_UTF8_H
#define BELFRY_WS_UTF8_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Zero it before the first piece. */
struct utf8_check {
  uint8_t missing;      /* continuation bytes that must still come */
  uint8_t lower, upper; /* range of the next one; 0: the usual 80 to BF */
};

/* Returns: false at a byte that cannot be; the check is then over. */
bool utf8_check_piece(struct utf8_check *check, struct slice piece);

/* Whether the text may end here. */
static inline bool utf8_check_complete(const struct utf8_check *check) {
  return check->missing == 0;
}

#endif
