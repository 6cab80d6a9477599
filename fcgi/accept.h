/* What a client is ready to be answered with: the Accept header (RFC 9110, 12.5.1). */
#ifndef BELFRY_FCGI_ACCEPT_H
#define BELFRY_FCGI_ACCEPT_H

#include "base/slice.h"

#include <stdbool.h>

/*
 * Whether `accept` leaves room for `type` ("text/csv; charset=utf-8": its parameters do not count).
 * Of several ranges that match the most exact one decides, and `q=0` excludes. A header that is
 * absent or empty, or names nothing that could be read, excludes nothing.
 */
bool accept_allows(struct slice accept, const char *type);

#endif
