/* lib/history/rollup: a blob with any content and the right checksum unpacks or is refused; what it
 * unpacks to comes back when it is packed again, and its sketches can be asked. */
#include "blob.h"
#include "history/rollup_priv.h"

#include <math.h>
#include <string.h>

static struct rollup_coder *coder, *other;

static bool same_bits(double a, double b) {
  return memcmp(&a, &b, sizeof a) == 0;
}

static void check_bucket(const struct rollup_bucket *bucket, const struct rollup_bucket *want) {
  PROPERTY(bucket->start_ms == want->start_ms && bucket->count == want->count &&
               bucket->bin_count == want->bin_count,
           "numbers come back");
  PROPERTY(same_bits(bucket->min, want->min) && same_bits(bucket->max, want->max) &&
               same_bits(bucket->sum, want->sum) && same_bits(bucket->last, want->last) &&
               same_bits(bucket->first, want->first) &&
               same_bits(bucket->increase, want->increase),
           "values come back");
  for (uint32_t i = 0; i < bucket->bin_count; i++)
    PROPERTY(bucket->bins[i].key == want->bins[i].key &&
                 bucket->bins[i].count == want->bins[i].count,
             "sketches come back");
}

static void check_round_trip(const struct rollup *rollup) {
  struct buf blob;
  struct rollup again;
  buf_init(&blob, 0);
  PROPERTY(rollup__put(other, rollup->buckets, rollup->count, rollup->parts, &blob) == 0,
           "buckets can be packed");
  PROPERTY(rollup__take(other, buf_slice(&blob), &again, NULL) == 0, "what was packed unpacks");
  PROPERTY(again.count == rollup->count, "all come back");
  for (size_t i = 0; i < again.count; i++)
    check_bucket(&again.buckets[i], &rollup->buckets[i]);
  buf_fini(&blob);
}

static void check_sketch(const struct rollup_bucket *bucket) {
  struct sketch sketch = {0};
  int status = BELFRY_OK;
  for (uint32_t i = 0; i < bucket->bin_count && !status; i++)
    status = sketch__add_bin(&sketch, bucket->bins[i].key, bucket->bins[i].count);
  PROPERTY(!status || status == BELFRY_ECORRUPT, "only too great a sum is refused");
  if (sketch.total > 0) {
    double low = sketch__quantile(&sketch, 0), middle = sketch__quantile(&sketch, 0.5),
           high = sketch__quantile(&sketch, 1);
    PROPERTY(isfinite(low) && isfinite(high), "quantiles are finite");
    PROPERTY(low <= middle && middle <= high, "quantiles rise");
  }
  sketch__fini(&sketch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
  struct rollup rollup;
  if (!coder)
    coder = rollup__coder_new();
  if (!other)
    other = rollup__coder_new();
  PROPERTY(coder && other, "there is memory");
  struct buf blob = blob_seal(bytes, len);
  int status = rollup__take(coder, buf_slice(&blob), &rollup, NULL);
  buf_fini(&blob); /* the buckets need it no longer */
  PROPERTY(!status || status == BELFRY_ECORRUPT, "only what is corrupt is refused");
  if (status)
    return 0;
  PROPERTY(rollup.count >= 1 && rollup.count <= ROLLUP_BUCKETS_MAX, "there are buckets");
  for (size_t i = 0; i < rollup.count; i++) {
    PROPERTY(i == 0 || rollup.buckets[i].start_ms > rollup.buckets[i - 1].start_ms, "starts rise");
    check_sketch(&rollup.buckets[i]);
  }
  check_round_trip(&rollup);
  return 0;
}
