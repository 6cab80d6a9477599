/* lib/history/chunk: a blob with any content and the right checksum unpacks or is refused; what it
 * unpacks to comes back when it is packed again. */
#include "blob.h"
#include "history/chunk_priv.h"

#include <string.h>

static struct chunk_coder *coder;
static int64_t times_ms[CHUNK_SAMPLES_MAX];
static double values[CHUNK_SAMPLES_MAX];

static void check_round_trip(size_t count) {
  struct buf blob;
  struct chunk chunk;
  buf_init(&blob, 0);
  PROPERTY(chunk__put(coder, times_ms, values, count, &blob) == 0, "samples can be packed");
  PROPERTY(chunk__take(coder, buf_slice(&blob), &chunk, NULL) == 0, "what was packed unpacks");
  PROPERTY(chunk.count == count && memcmp(chunk.times_ms, times_ms, count * sizeof *times_ms) == 0,
           "times come back");
  PROPERTY(memcmp(chunk.values, values, count * sizeof *values) == 0, "values come back");
  buf_fini(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
  struct chunk chunk;
  if (!coder)
    coder = chunk__coder_new();
  PROPERTY(coder, "there is memory");
  struct buf blob = blob_seal(bytes, len);
  int status = chunk__take(coder, buf_slice(&blob), &chunk, NULL);
  PROPERTY(!status || status == BELFRY_ECORRUPT, "only what is corrupt is refused");
  if (!status) {
    PROPERTY(chunk.count >= 1 && chunk.count <= CHUNK_SAMPLES_MAX, "there are samples");
    for (size_t i = 1; i < chunk.count; i++)
      PROPERTY(chunk.times_ms[i] > chunk.times_ms[i - 1], "times rise");
    memcpy(times_ms, chunk.times_ms, chunk.count * sizeof *times_ms);
    memcpy(values, chunk.values, chunk.count * sizeof *values);
    check_round_trip(chunk.count);
  }
  buf_fini(&blob);
  /* The same bytes as values, every fifteen seconds. */
  size_t count = len / sizeof *values;
  if (count > 0 && count <= CHUNK_SAMPLES_MAX) {
    memcpy(values, bytes, count * sizeof *values);
    for (size_t i = 0; i < count; i++)
      times_ms[i] = (int64_t)i * 15000;
    check_round_trip(count);
  }
  return 0;
}
