/*
 * Query strings, percent-encoded (RFC 3986).
 */
#ifndef BELFRY_CLI_URL_H
#define BELFRY_CLI_URL_H

#include "base/buf.h"

/* Puts text with everything but unreserved characters percent-encoded. */
void url_put_encoded(struct buf *out, const char *text);

/* Puts "?name=value" or "&name=value" to a path; nothing when `value` is NULL. */
void url_put_parameter(struct buf *path, const char *name, const char *value);

#endif
