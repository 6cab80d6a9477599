#include "history/rollup_priv.h"

#include "base/wire.h"
#include "history/blob_priv.h"
#include "history/planes_priv.h"

#include <stdlib.h>

#define FORMAT        1
#define WHAT          "a run of roll-ups"
#define HAS_INCREASES 1
#define HAS_SKETCHES  2
#define PARTS_ALL     (HAS_INCREASES | HAS_SKETCHES)
#define BIN_COUNT_MAX (INT64_C(1) << 62)
#define SAMPLES_MAX   (INT64_C(1) << 53)

_Static_assert(ROLLUP_BUCKETS_MAX <= PLANES_VALUES_MAX && ROLLUP_BINS_MAX <= PLANES_VALUES_MAX,
               "a roll-up is made of columns");

struct rollup_coder {
  struct planes *planes;
  struct rollup_bucket buckets[ROLLUP_BUCKETS_MAX];
  struct sketch_bin bins[ROLLUP_BINS_MAX];
  union { /* the column at hand */
    int64_t integers[ROLLUP_BINS_MAX];
    double doubles[ROLLUP_BINS_MAX];
  };
};

struct rollup_coder *rollup__coder_new(void) {
  struct rollup_coder *coder = malloc(sizeof *coder);
  if (!coder)
    return NULL;
  coder->planes = planes__new();
  if (coder->planes)
    return coder;
  free(coder);
  return NULL;
}

void rollup__coder_free(struct rollup_coder *coder) {
  if (!coder)
    return;
  planes__free(coder->planes);
  free(coder);
}

/* --- the columns, in the order in which they are stored --- */

#define FIELD(name) offsetof(struct rollup_bucket, name)

static const size_t integer_fields[] = {FIELD(start_ms), FIELD(count)};
static const size_t double_fields[] = {FIELD(min),  FIELD(max),   FIELD(sum),
                                       FIELD(last), FIELD(first), FIELD(increase)};
#define INTEGER_FIELDS (sizeof integer_fields / sizeof *integer_fields)
#define DOUBLE_FIELDS  (sizeof double_fields / sizeof *double_fields)

/* What increases need comes last, and only where there are any. */
static size_t double_count(struct rollup_parts parts) {
  return parts.increases ? DOUBLE_FIELDS : DOUBLE_FIELDS - 2;
}

/* --- out --- */

static int put_integers(struct rollup_coder *coder, size_t count, struct buf *out) {
  return planes__put_integers(coder->planes, coder->integers, count, out);
}

static int put_sketches(struct rollup_coder *coder, const struct rollup_bucket *buckets,
                        size_t count, struct buf *out) {
  size_t bins = 0;
  for (size_t i = 0; i < count; i++) {
    coder->integers[i] = buckets[i].bin_count;
    if (buckets[i].bin_count > ROLLUP_BINS_MAX - bins)
      return BELFRY_ETOOBIG;
    for (uint32_t bin = 0; bin < buckets[i].bin_count; bin++)
      coder->bins[bins++] = buckets[i].bins[bin];
  }
  int status = put_integers(coder, count, out);
  wire_put_u32(out, (uint32_t)bins);
  if (status || bins == 0)
    return status ? status : buf_status(out);
  for (size_t i = 0; i < bins; i++)
    coder->integers[i] = coder->bins[i].key;
  status = put_integers(coder, bins, out);
  for (size_t i = 0; i < bins; i++)
    coder->integers[i] = (int64_t)coder->bins[i].count;
  return status ? status : put_integers(coder, bins, out);
}

static int put_columns(struct rollup_coder *coder, const struct rollup_bucket *buckets,
                       size_t count, struct rollup_parts parts, struct buf *out) {
  int status = BELFRY_OK;
  for (size_t field = 0; field < INTEGER_FIELDS && !status; field++) {
    for (size_t i = 0; i < count; i++)
      coder->integers[i] = *(const int64_t *)((const char *)&buckets[i] + integer_fields[field]);
    status = put_integers(coder, count, out);
  }
  for (size_t field = 0; field < double_count(parts) && !status; field++) {
    for (size_t i = 0; i < count; i++)
      coder->doubles[i] = *(const double *)((const char *)&buckets[i] + double_fields[field]);
    status = planes__put_doubles(coder->planes, coder->doubles, count, out);
  }
  return status || !parts.sketches ? status : put_sketches(coder, buckets, count, out);
}

int rollup__put(struct rollup_coder *coder, const struct rollup_bucket *buckets, size_t count,
                struct rollup_parts parts, struct buf *out) {
  size_t start = blob__begin(out, FORMAT);
  wire_put_u8(
      out, (uint8_t)((parts.increases ? HAS_INCREASES : 0) | (parts.sketches ? HAS_SKETCHES : 0)));
  wire_put_u32(out, (uint32_t)count);
  int status = put_columns(coder, buckets, count, parts, out);
  if (status)
    return status;
  return blob__end(out, start);
}

/* --- in --- */

static int take_integers(struct rollup_coder *coder, struct wire *in, size_t count) {
  return planes__take_integers(coder->planes, in, coder->integers, count);
}

static int take_bins(struct rollup_coder *coder, struct wire *in, size_t bins) {
  int status = take_integers(coder, in, bins);
  for (size_t i = 0; i < bins && !status; i++) {
    if (coder->integers[i] < -SKETCH_KEY_MAX || coder->integers[i] > SKETCH_KEY_MAX)
      return BELFRY_ECORRUPT;
    coder->bins[i].key = (int32_t)coder->integers[i];
  }
  if (!status)
    status = take_integers(coder, in, bins);
  for (size_t i = 0; i < bins && !status; i++) {
    if (coder->integers[i] < 1 || coder->integers[i] > BIN_COUNT_MAX)
      return BELFRY_ECORRUPT;
    coder->bins[i].count = (uint64_t)coder->integers[i];
  }
  return status;
}

static bool keys_rise(const struct rollup_bucket *bucket) {
  for (uint32_t i = 1; i < bucket->bin_count; i++)
    if (bucket->bins[i].key <= bucket->bins[i - 1].key)
      return false;
  return true;
}

static int take_sketches(struct rollup_coder *coder, struct wire *in, size_t count) {
  int status = take_integers(coder, in, count);
  size_t at = 0;
  for (size_t i = 0; i < count && !status; i++) {
    if (coder->integers[i] < 0 || (uint64_t)coder->integers[i] > ROLLUP_BINS_MAX - at)
      return BELFRY_ECORRUPT;
    coder->buckets[i].bins = &coder->bins[at];
    coder->buckets[i].bin_count = (uint32_t)coder->integers[i];
    at += coder->buckets[i].bin_count;
  }
  if (!status && wire_get_u32(in) != at)
    return BELFRY_ECORRUPT;
  if (!status && at > 0)
    status = take_bins(coder, in, at);
  for (size_t i = 0; i < count && !status; i++)
    if (!keys_rise(&coder->buckets[i]))
      status = BELFRY_ECORRUPT;
  return status;
}

static int take_columns(struct rollup_coder *coder, struct wire *in, size_t count,
                        struct rollup_parts parts) {
  int status = BELFRY_OK;
  for (size_t field = 0; field < INTEGER_FIELDS && !status; field++) {
    status = take_integers(coder, in, count);
    for (size_t i = 0; i < count && !status; i++)
      *(int64_t *)((char *)&coder->buckets[i] + integer_fields[field]) = coder->integers[i];
  }
  for (size_t field = 0; field < double_count(parts) && !status; field++) {
    status = planes__take_doubles(coder->planes, in, coder->doubles, count);
    for (size_t i = 0; i < count && !status; i++)
      *(double *)((char *)&coder->buckets[i] + double_fields[field]) = coder->doubles[i];
  }
  return status || !parts.sketches ? status : take_sketches(coder, in, count);
}

static int corrupt(struct belfry_error *error, const char *what) {
  return belfry_error_set(error, BELFRY_ECORRUPT, WHAT " %s", what);
}

int rollup__take(struct rollup_coder *coder, struct slice blob, struct rollup *out,
                 struct belfry_error *error) {
  struct wire in;
  int status = blob__open(blob, FORMAT, WHAT, &in, error);
  if (status)
    return status;
  uint8_t given = wire_get_u8(&in);
  size_t count = wire_get_u32(&in);
  if (in.failed || (given & ~PARTS_ALL) || count < 1 || count > ROLLUP_BUCKETS_MAX)
    return corrupt(error, "has another format");
  struct rollup_parts parts = {.increases = given & HAS_INCREASES,
                               .sketches = given & HAS_SKETCHES};
  for (size_t i = 0; i < count; i++)
    coder->buckets[i] = (struct rollup_bucket){0};
  if (take_columns(coder, &in, count, parts) || in.failed || !wire_at_end(&in))
    return corrupt(error, "does not unpack");
  for (size_t i = 0; i < count; i++)
    if (coder->buckets[i].count < 1 || coder->buckets[i].count > SAMPLES_MAX ||
        (i > 0 && coder->buckets[i].start_ms <= coder->buckets[i - 1].start_ms))
      return corrupt(error, "is not in order of time");
  *out = (struct rollup){.count = count, .parts = parts, .buckets = coder->buckets};
  return BELFRY_OK;
}
