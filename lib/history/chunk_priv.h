/*
 * A chunk: samples of one series in order of time, packed into a blob with a checksum.
 *
 * Exactly the doubles that were put come back, -0.0 and the payload of a NaN included; that they
 * are finite is the business of who accepts samples. Fields, as of base/wire.h and planes_priv.h:
 *
 *     u8 format (1), u32 count, times (integers), values (doubles), u32 CRC-32 of all before it
 */
#ifndef BELFRY_HISTORY_CHUNK_PRIV_H
#define BELFRY_HISTORY_CHUNK_PRIV_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

#define CHUNK_SAMPLES_MAX 65536

struct chunk_coder;

/* Returns: owned, free with chunk__coder_free(); NULL when out of memory. Not for two threads. */
struct chunk_coder *chunk__coder_new(void);
void chunk__coder_free(struct chunk_coder *coder);

/* Puts a chunk of 1 to CHUNK_SAMPLES_MAX samples; times must rise.
 * Returns: 0, BELFRY_ENOMEM, or BELFRY_ETOOBIG when `out` has no room; it then ends in a part of a
 * chunk. */
int chunk__put(struct chunk_coder *coder, const int64_t *times_ms, const double *values,
               size_t count, struct buf *out) BELFRY_MUST_CHECK;

struct chunk {
  size_t count;
  const int64_t *times_ms; /* borrowed from the coder until its next call; rising */
  const double *values;    /* likewise */
};

/* Unpacks. Returns: 0; BELFRY_ECORRUPT when it fails its check or is not as chunk__put makes it;
 * BELFRY_ENOMEM. */
int chunk__take(struct chunk_coder *coder, struct slice blob, struct chunk *out,
                struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
