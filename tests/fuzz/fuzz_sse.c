/* cli/sse: however a stream is cut, the same messages come out. The first two bytes say where it is
 * cut. */
#include "cli/sse.h"
#include "property.h"

static void collect(void *arg, struct slice name, struct slice data) {
  buf_printf(arg, "%zu %zu ", name.len, data.len);
  buf_put_slice(arg, name);
  buf_put_slice(arg, data);
}

static void run(struct slice first, struct slice second, struct buf *out) {
  struct sse sse;
  buf_init(out, 0);
  sse_init(&sse, collect, out);
  PROPERTY(sse_feed(&sse, first) == 0 && sse_feed(&sse, second) == 0, "a short stream fits");
  buf_printf(out, "; %s %lld", sse.last_id, (long long)sse.retry_ms);
  sse_restart(&sse);
  sse_fini(&sse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct buf whole, cut;
  if (size < 2)
    return 0;
  struct slice stream = slice_new((const char *)data + 2, size - 2);
  size_t at = ((size_t)data[0] << 8 | data[1]) % (stream.len + 1);
  run(stream, slice_new(stream.data + stream.len, 0), &whole);
  run(slice_new(stream.data, at), slice_new(stream.data + at, stream.len - at), &cut);
  PROPERTY(slice_equal(buf_slice(&whole), buf_slice(&cut)), "a cut changes nothing");
  buf_fini(&whole);
  buf_fini(&cut);
  return 0;
}
