#include "history/bucket_priv.h"

#include <math.h>

#define WHOLE_MAX 9007199254740992.0 /* 2^53: beyond it doubles have no fractions */

int64_t bucket__floor(int64_t ts_ms, int64_t width) {
  int64_t rest = ts_ms % width;
  return ts_ms - (rest < 0 ? rest + width : rest);
}

double bucket__step(double before, double after) {
  return after >= before ? after - before : after;
}

void bucket__add(struct rollup_bucket *bucket, double value) {
  if (bucket->count == 0) {
    bucket->min = bucket->max = bucket->first = value;
  } else {
    bucket->min = value < bucket->min ? value : bucket->min;
    bucket->max = value > bucket->max ? value : bucket->max;
    bucket->increase += bucket__step(bucket->last, value);
  }
  bucket->sum += value;
  bucket->last = value;
  bucket->count++;
}

void bucket__append(struct rollup_bucket *bucket, const struct rollup_bucket *later) {
  if (later->count == 0)
    return;
  if (bucket->count == 0) {
    bucket->min = later->min;
    bucket->max = later->max;
    bucket->first = later->first;
  } else {
    bucket->min = later->min < bucket->min ? later->min : bucket->min;
    bucket->max = later->max > bucket->max ? later->max : bucket->max;
    bucket->increase += bucket__step(bucket->last, later->first);
  }
  bucket->increase += later->increase;
  bucket->sum += later->sum;
  bucket->last = later->last;
  bucket->count += later->count;
}

static double round_to(double value, double power) {
  double scaled = nearbyint(value * power);
  return fabs(scaled) < WHOLE_MAX ? scaled / power : value;
}

void bucket__round(struct rollup_bucket *bucket, int exponent) {
  if (exponent < 0)
    return;
  double power = pow(10, exponent); /* exact up to 10^22 */
  bucket->sum = round_to(bucket->sum, power);
  bucket->increase = round_to(bucket->increase, power);
}

static bool ends_with(struct slice text, const char *end) {
  size_t len = strlen(end);
  return text.len >= len && memcmp(text.data + text.len - len, end, len) == 0;
}

struct rollup_parts bucket__parts_of(struct slice metric) {
  return (struct rollup_parts){
      .increases = ends_with(metric, "_total") || ends_with(metric, "_count") ||
                   ends_with(metric, "_sum") || ends_with(metric, "_bucket"),
      .sketches = ends_with(metric, "_ms") || ends_with(metric, "_seconds") ||
                  slice_glob(slice_of("*latency*"), metric) ||
                  slice_glob(slice_of("*duration*"), metric),
  };
}
