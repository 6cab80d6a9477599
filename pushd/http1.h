/*
 * The head of an HTTP/1.1 request: bytes in, fields out, no I/O. Strict (RFC 9112), bounded, and
 * only what a push connection needs: no bodies, no pipelining.
 */
#ifndef BELFRY_PUSHD_HTTP1_H
#define BELFRY_PUSHD_HTTP1_H

#include "pushd/request.h"

/*
 * Parses the head at the start of `input`. Takes: `*scanned` how far the end was looked for before
 * (0 at first), so that a head which arrives byte by byte is not searched again and again.
 * Returns: 0; BELFRY_EMORE when it is not complete; or an HTTP status (400, 414, 431, 505) with
 * `error` for a head that is refused.
 */
int http1_parse(struct slice input, size_t *scanned, struct request *out,
                const char **error) BELFRY_MUST_CHECK;

#endif
