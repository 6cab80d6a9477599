/*
 * A quantile sketch with a relative error: DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully
 * mergeable quantile sketch with relative-error guarantees", VLDB 2019). A quantile is off by at
 * most SKETCH_ALPHA of its value. Two sketches add up to exactly the sketch of all their values, in
 * any order, as long as neither has more than SKETCH_BINS_MAX bins; beyond that the lowest bins
 * fall together, and only the lowest quantiles lose their bound.
 *
 * A value v > 0 falls into bin ceil(log_g(v)), g = (1 + alpha) / (1 - alpha); bins of negative
 * values are mirrored; magnitudes below 1e-9 count as zero.
 */
#ifndef BELFRY_HISTORY_SKETCH_PRIV_H
#define BELFRY_HISTORY_SKETCH_PRIV_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define SKETCH_ALPHA    0.01
#define SKETCH_BINS_MAX 2048
#define SKETCH_KEY_MAX  40000 /* more than the key of the largest double */

struct sketch_bin {
  int32_t key; /* in the order of the values that fall into it; 0: zero */
  uint64_t count;
};

/* Zero it before the first use. */
struct sketch {
  struct sketch_bin *bins; /* owned; by key */
  uint32_t bin_count, cap;
  uint64_t total; /* of all bins */
};

void sketch__fini(struct sketch *sketch);

/* Empties it; keeps the memory. */
void sketch__clear(struct sketch *sketch);

/* Counts a value, which must be finite, `times` times. Returns: 0 or BELFRY_ENOMEM. */
int sketch__add(struct sketch *sketch, double value, uint64_t times) BELFRY_MUST_CHECK;

/* Adds what another one holds. Returns: 0 or BELFRY_ENOMEM. */
int sketch__merge(struct sketch *into, const struct sketch *from) BELFRY_MUST_CHECK;

/* The value below which the part `q` (0 to 1) of the values lies: the lower of two at an even
 * split. Returns: NaN when the sketch is empty. */
double sketch__quantile(const struct sketch *sketch, double q);

/* Adds `count` to the bin `key`, as it was stored. Returns: 0; BELFRY_ECORRUPT for a key that no
 * value has or a count beyond all measure; BELFRY_ENOMEM. */
int sketch__add_bin(struct sketch *sketch, int32_t key, uint64_t count) BELFRY_MUST_CHECK;

#endif
