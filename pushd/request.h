/*
 * A request for a push connection, however it came: its fields, no I/O.
 */
#ifndef BELFRY_PUSHD_REQUEST_H
#define BELFRY_PUSHD_REQUEST_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_HEAD_MAX_BYTES 16384
#define REQUEST_HEADERS_MAX    100

enum request_version { REQUEST_HTTP_1_0, REQUEST_HTTP_1_1, REQUEST_HTTP_2 };

struct request_header {
  struct slice name, value;
};

/* All slices are borrowed from the bytes that were parsed. */
struct request {
  enum request_version version;
  struct slice method;
  struct slice protocol; /* HTTP/2: of an extended CONNECT (RFC 8441); NULL data: none */
  struct slice path;     /* raw, starts with '/' */
  struct slice query;    /* raw, without its '?'; NULL data when there is none */
  struct request_header headers[REQUEST_HEADERS_MAX]; /* HTTP/2: `host` is :authority */
  size_t header_count;
  size_t head_bytes; /* HTTP/1: how much of the input the head is */
};

/* Splits a request's target into path and query. */
void request_set_target(struct request *request, struct slice target);

/* The value of the header `name` (any case); a slice with NULL data if it is absent. With several
 * of one name it is the first. */
struct slice request_header(const struct request *request, const char *name);

/* The last piece of the comma list of all headers `name`; NULL data when there is none. */
struct slice request_header_last(const struct request *request, const char *name);

/* Puts the values of all headers `name`, joined by commas to one list (RFC 9110, 5.3). */
void request_header_join(const struct request *request, const char *name, struct buf *out);

/* Whether the comma list of all headers `name` holds `token`, in any case. */
bool request_header_has_token(const struct request *request, const char *name, const char *token);

/*
 * Walks a query string: takes the next `name=value` off `*rest`, decoded into `scratch`. Returns: 1
 * with `name` and `value` (borrowed from `scratch` until it is changed), 0 at the end,
 * BELFRY_EINVAL for a broken escape, BELFRY_ENOMEM.
 */
int request_query_next(struct slice *rest, struct buf *scratch, struct slice *name,
                       struct slice *value) BELFRY_MUST_CHECK;

#endif
