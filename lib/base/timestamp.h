/*
 * Times as people and programs write them. Inside Belfry a time is int64_t milliseconds since
 * 1970-01-01 UTC.
 */
#ifndef BELFRY_BASE_TIMESTAMP_H
#define BELFRY_BASE_TIMESTAMP_H

#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

#define TIMESTAMP_BYTES 25 /* "2026-11-20T10:30:00.000Z" and its NUL */

/* The last time that is accepted or shown: 9999-12-31T23:59:59.999Z. */
#define TIMESTAMP_MAX_MS INT64_C(253402300799999)

/* Writes RFC 3339 in UTC with milliseconds. Times outside the years 0000 to 9999 are shown as the
 * nearest end. */
void timestamp_format(int64_t ms, char out[TIMESTAMP_BYTES]);

/*
 * Parses a time: RFC 3339 with any offset, the same without an offset (taken as UTC) or with a
 * space for the `T`, a date alone, any number of fraction digits, or Unix seconds (below 1e11,
 * fractions allowed) or milliseconds. Returns: 0, or BELFRY_EINVAL. A leap second is taken as the
 * second before it. Times before 1970 are refused.
 */
int timestamp_parse(struct slice text, int64_t *out_ms) BELFRY_MUST_CHECK;

/* A number where a time is asked: Unix seconds below 1e11, else milliseconds. Returns: 0, or
 * BELFRY_EINVAL. */
int timestamp_from_number(double number, int64_t *out_ms) BELFRY_MUST_CHECK;

/* As timestamp_parse, and also `now` and `-15m`, `-24h`, `-7d`, `-30s`, `-2w` relative to `now_ms`.
 */
int timestamp_parse_relative(struct slice text, int64_t now_ms, int64_t *out_ms) BELFRY_MUST_CHECK;

#endif
