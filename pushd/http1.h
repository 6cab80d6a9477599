/*
 * The head of an HTTP/1.1 request: bytes in, fields out, no I/O. Strict (RFC 9112), bounded, and
 * only what a push connection needs: no bodies, no pipelining.
 */
#ifndef BELFRY_PUSHD_HTTP1_H
#define BELFRY_PUSHD_HTTP1_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define HTTP1_HEAD_MAX_BYTES 16384
#define HTTP1_HEADERS_MAX    100

struct http1_header {
  struct slice name, value;
};

/* All slices are borrowed from the bytes that were parsed. */
struct http1_request {
  struct slice method;
  struct slice path;  /* raw, starts with '/' */
  struct slice query; /* raw, without its '?'; NULL data when there is none */
  int minor;          /* 0 or 1 of HTTP/1.x */
  struct http1_header headers[HTTP1_HEADERS_MAX];
  size_t header_count;
  size_t head_bytes; /* how much of the input the head is */
};

/*
 * Parses the head at the start of `input`. Takes: `*scanned` how far the end was looked for before
 * (0 at first), so that a head which arrives byte by byte is not searched again and again.
 * Returns: 0; BELFRY_EMORE when it is not complete; or an HTTP status (400, 414, 431, 505) with
 * `error` for a head that is refused.
 */
int http1_parse(struct slice input, size_t *scanned, struct http1_request *out,
                const char **error) BELFRY_MUST_CHECK;

/* The value of the header `name` (any case); a slice with NULL data if it is absent. With several
 * of one name it is the first. */
struct slice http1_header(const struct http1_request *request, const char *name);

/* Whether the comma list of all headers `name` holds `token`, in any case. */
bool http1_header_has_token(const struct http1_request *request, const char *name,
                            const char *token);

/*
 * Walks a query string: takes the next `name=value` off `*rest`, decoded into `scratch`. Returns: 1
 * with `name` and `value` (borrowed from `scratch` until it is changed), 0 at the end,
 * BELFRY_EINVAL for a broken escape, BELFRY_ENOMEM.
 */
int http1_query_next(struct slice *rest, struct buf *scratch, struct slice *name,
                     struct slice *value) BELFRY_MUST_CHECK;

#endif
