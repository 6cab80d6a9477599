#include "history/sketch_priv.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAMMA     ((1 + SKETCH_ALPHA) / (1 - SKETCH_ALPHA))
#define TINY      1e-9
#define KEY_SHIFT 1100 /* more than -log_g(TINY), so that keys of positive values are positive */
#define TOTAL_MAX (UINT64_C(1) << 62)

void sketch__fini(struct sketch *sketch) {
  free(sketch->bins);
  *sketch = (struct sketch){0};
}

void sketch__clear(struct sketch *sketch) {
  sketch->bin_count = 0;
  sketch->total = 0;
}

static int32_t key_of(double value) {
  double magnitude = fabs(value);
  if (magnitude < TINY)
    return 0;
  int32_t key = (int32_t)ceil(log(magnitude) / log(GAMMA)) + KEY_SHIFT;
  return value > 0 ? key : -key;
}

/* The middle of a bin, whose relative distance to both of its ends is alpha. That of the last may
 * lie beyond the largest double, which is then nearer to what was counted than infinity. */
static double value_of(int32_t key) {
  if (key == 0)
    return 0;
  double low_end = pow(GAMMA, abs(key) - KEY_SHIFT - 1);
  double magnitude = fmin((1 + SKETCH_ALPHA) * low_end, DBL_MAX);
  return key > 0 ? magnitude : -magnitude;
}

/* The first bin with a key of at least `key`. */
static uint32_t find(const struct sketch *sketch, int32_t key) {
  uint32_t low = 0, high = sketch->bin_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (sketch->bins[middle].key < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int reserve_one(struct sketch *sketch) {
  if (sketch->bin_count < sketch->cap)
    return BELFRY_OK;
  uint32_t cap = sketch->cap ? sketch->cap * 2 : 8;
  struct sketch_bin *bins = realloc(sketch->bins, cap * sizeof *bins);
  if (!bins)
    return BELFRY_ENOMEM;
  sketch->bins = bins;
  sketch->cap = cap;
  return BELFRY_OK;
}

/* The two lowest bins become one, at the higher of their places. */
static void collapse(struct sketch *sketch) {
  sketch->bins[1].count += sketch->bins[0].count;
  memmove(sketch->bins, sketch->bins + 1, --sketch->bin_count * sizeof *sketch->bins);
}

static int count_key(struct sketch *sketch, int32_t key, uint64_t count) {
  uint32_t at = find(sketch, key);
  if (at == sketch->bin_count || sketch->bins[at].key != key) {
    int status = reserve_one(sketch);
    if (status)
      return status;
    memmove(sketch->bins + at + 1, sketch->bins + at,
            (sketch->bin_count - at) * sizeof *sketch->bins);
    sketch->bins[at] = (struct sketch_bin){.key = key};
    sketch->bin_count++;
  }
  sketch->bins[at].count += count;
  sketch->total += count;
  if (sketch->bin_count > SKETCH_BINS_MAX)
    collapse(sketch);
  return BELFRY_OK;
}

int sketch__add(struct sketch *sketch, double value, uint64_t times) {
  return times ? count_key(sketch, key_of(value), times) : BELFRY_OK;
}

int sketch__merge(struct sketch *into, const struct sketch *from) {
  int status = BELFRY_OK;
  for (uint32_t i = 0; i < from->bin_count && !status; i++)
    status = count_key(into, from->bins[i].key, from->bins[i].count);
  return status;
}

int sketch__add_bin(struct sketch *sketch, int32_t key, uint64_t count) {
  if (key < -SKETCH_KEY_MAX || key > SKETCH_KEY_MAX || count == 0 || count > TOTAL_MAX ||
      sketch->total > TOTAL_MAX - count)
    return BELFRY_ECORRUPT;
  return count_key(sketch, key, count);
}

double sketch__quantile(const struct sketch *sketch, double q) {
  if (sketch->total == 0)
    return NAN;
  double rank = q * (double)(sketch->total - 1);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < sketch->bin_count; i++) {
    seen += sketch->bins[i].count;
    if ((double)seen > rank)
      return value_of(sketch->bins[i].key);
  }
  return value_of(sketch->bins[sketch->bin_count - 1].key);
}
