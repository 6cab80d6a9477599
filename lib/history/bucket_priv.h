/*
 * Roll-up maths: what samples come to in a bucket, and what buckets come to together. Pure; the
 * packed form is rollup_priv.h.
 *
 * Buckets that follow each other in time append to exactly the bucket of all their samples, however
 * they were cut. Sums and increases of decimals are rounded to the digits that they can have, so
 * that they do not collect the dust of binary fractions, and pack well.
 */
#ifndef BELFRY_HISTORY_BUCKET_PRIV_H
#define BELFRY_HISTORY_BUCKET_PRIV_H

#include "base/slice.h"
#include "history/rollup_priv.h"

#include <stdbool.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    INT64_C(86400000)

/* The start of the span of `width` (> 0) that `ts_ms` lies in. */
int64_t bucket__floor(int64_t ts_ms, int64_t width);

/* How far a counter went from one sample to the next; when it went back it began again at 0. */
double bucket__step(double before, double after);

/* A bucket without samples. */
static inline struct rollup_bucket bucket__empty(int64_t start_ms) {
  return (struct rollup_bucket){.start_ms = start_ms};
}

/* Takes the next sample in order of time. */
void bucket__add(struct rollup_bucket *bucket, double value);

/* Appends a bucket that is later in time. Leaves the sketch, and the start, alone. */
void bucket__append(struct rollup_bucket *bucket, const struct rollup_bucket *later);

/* Rounds sum and increase to what decimals of `exponent` digits (planes__exponent()) come to; -1:
 * leaves them. */
void bucket__round(struct rollup_bucket *bucket, int exponent);

/* What a metric's name says about the parts that its roll-ups should have: `_total`, `_count`,
 * `_sum` and `_bucket` end the names of counters; `latency` or `duration` in it, or `_ms` or
 * `_seconds` at its end, is for quantiles. */
struct rollup_parts bucket__parts_of(struct slice metric);

#endif
