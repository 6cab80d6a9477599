/*
 * Roll-ups: what the samples of a series in a span of time (a bucket) come to, and many such
 * buckets of one series packed into a blob with a checksum.
 *
 * Each column is packed by itself (planes_priv.h):
 *
 *     u8 format (1), u8 parts (1: increases, 2: sketches), u32 count,
 *     starts and counts (integers), min, max, sum, last (doubles), [first, increase (doubles)],
 *     [bins of each bucket (integers), u32 number of all bins, their keys and counts (integers)],
 *     u32 CRC-32 of all before it
 */
#ifndef BELFRY_HISTORY_ROLLUP_PRIV_H
#define BELFRY_HISTORY_ROLLUP_PRIV_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "history/sketch_priv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROLLUP_BUCKETS_MAX 4096
#define ROLLUP_BINS_MAX    65536 /* of all sketches of one blob */

struct rollup_bucket {
  int64_t start_ms;
  int64_t count; /* of samples, at least 1 */
  double min, max, sum;
  double last;     /* the value of the newest */
  double first;    /* the value of the oldest */
  double increase; /* of a counter from its first to its last here; resets are corrected. What lies
                      between two buckets follows from the last of one and the first of the next, so
                      that a bucket depends on nothing but its own samples */
  const struct sketch_bin *bins; /* of its sketch, by key; NULL without sketches */
  uint32_t bin_count;
};

/* What a packed run of buckets has beside the plain figures. */
struct rollup_parts {
  bool increases; /* `first` and `increase`, which are 0 without */
  bool sketches;
};

struct rollup_coder;

/* Returns: owned, free with rollup__coder_free(); NULL when out of memory. Not for two threads. */
struct rollup_coder *rollup__coder_new(void);
void rollup__coder_free(struct rollup_coder *coder);

/* Puts 1 to ROLLUP_BUCKETS_MAX buckets, whose starts must rise. Returns: 0; BELFRY_ETOOBIG when
 * their sketches have over ROLLUP_BINS_MAX bins or `out` has no room; BELFRY_ENOMEM. After an error
 * `out` ends in a part of a roll-up. */
int rollup__put(struct rollup_coder *coder, const struct rollup_bucket *buckets, size_t count,
                struct rollup_parts parts, struct buf *out) BELFRY_MUST_CHECK;

struct rollup {
  size_t count;
  struct rollup_parts parts;
  const struct rollup_bucket *buckets; /* borrowed from the coder until its next call */
};

/* Unpacks. Returns: 0; BELFRY_ECORRUPT when it fails its check or is not as rollup__put makes it.
 */
int rollup__take(struct rollup_coder *coder, struct slice blob, struct rollup *out,
                 struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
