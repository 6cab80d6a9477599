#include "history/chunk_priv.h"

#include "base/wire.h"
#include "history/blob_priv.h"
#include "history/planes_priv.h"

#include <stdlib.h>

#define FORMAT 1
#define WHAT   "a chunk of samples"

_Static_assert(CHUNK_SAMPLES_MAX <= PLANES_VALUES_MAX, "a chunk is a column");

struct chunk_coder {
  struct planes *planes;
  int64_t times_ms[CHUNK_SAMPLES_MAX];
  double values[CHUNK_SAMPLES_MAX];
};

struct chunk_coder *chunk__coder_new(void) {
  struct chunk_coder *coder = malloc(sizeof *coder);
  if (!coder)
    return NULL;
  coder->planes = planes__new();
  if (coder->planes)
    return coder;
  free(coder);
  return NULL;
}

void chunk__coder_free(struct chunk_coder *coder) {
  if (!coder)
    return;
  planes__free(coder->planes);
  free(coder);
}

int chunk__put(struct chunk_coder *coder, const int64_t *times_ms, const double *values,
               size_t count, struct buf *out) {
  size_t start = blob__begin(out, FORMAT);
  wire_put_u32(out, (uint32_t)count);
  int status = planes__put_integers(coder->planes, times_ms, count, out);
  if (status)
    return status;
  status = planes__put_doubles(coder->planes, values, count, out);
  if (status)
    return status;
  return blob__end(out, start);
}

static int corrupt(struct belfry_error *error, const char *what) {
  return belfry_error_set(error, BELFRY_ECORRUPT, WHAT " %s", what);
}

int chunk__take(struct chunk_coder *coder, struct slice blob, struct chunk *out,
                struct belfry_error *error) {
  struct wire in;
  int status = blob__open(blob, FORMAT, WHAT, &in, error);
  if (status)
    return status;
  size_t count = wire_get_u32(&in);
  if (in.failed || count < 1 || count > CHUNK_SAMPLES_MAX)
    return corrupt(error, "has another format");
  if (planes__take_integers(coder->planes, &in, coder->times_ms, count) ||
      planes__take_doubles(coder->planes, &in, coder->values, count) || in.failed ||
      !wire_at_end(&in))
    return corrupt(error, "does not unpack");
  for (size_t i = 1; i < count; i++)
    if (coder->times_ms[i] <= coder->times_ms[i - 1])
      return corrupt(error, "is not in order of time");
  *out = (struct chunk){.count = count, .times_ms = coder->times_ms, .values = coder->values};
  return BELFRY_OK;
}
