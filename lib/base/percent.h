/* Percent-encoding (RFC 3986, 2.1), decoded once. */
#ifndef BELFRY_BASE_PERCENT_H
#define BELFRY_BASE_PERCENT_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

/*
 * Puts `text` decoded; with `plus`, a `+` is a blank, as in a query. Returns: false when a `%` is
 * not followed by two hexadecimal digits, or a NUL comes out. Whether it is UTF-8 is not asked.
 */
bool percent_decode(struct slice text, bool plus, struct buf *out);

#endif
