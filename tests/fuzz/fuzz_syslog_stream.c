/* Whatever comes over a connection of syslog, messages are bounded, and none depends on how the
 * bytes of it came. */
#include "model/syslog_stream.h"
#include "property.h"

#define MAX_BYTES 64

static void run(struct slice text, size_t step, struct buf *out) {
  struct syslog_stream stream;
  struct slice message;
  bool cut;
  syslog_stream_init(&stream, MAX_BYTES);
  for (size_t at = 0; !stream.final; at += step) {
    size_t piece = at >= text.len ? 0 : text.len - at < step ? text.len - at : step;
    stream.final = piece == 0;
    syslog_stream_put(&stream, slice_new(piece ? text.data + at : NULL, piece));
    while (syslog_stream_next(&stream, &message, &cut)) {
      PROPERTY(message.len <= MAX_BYTES, "a message is bounded");
      buf_put_slice(out, message);
      buf_put_text(out, cut ? "!\n" : "\n");
    }
    PROPERTY(stream.data.len - stream.taken <= MAX_BYTES + 16, "what is kept is bounded");
  }
  syslog_stream_fini(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct slice text = slice_new((const char *)data, size);
  struct buf whole, pieces;
  buf_init(&whole, 0);
  buf_init(&pieces, 0);
  run(text, size + 1, &whole);
  run(text, 3, &pieces);
  PROPERTY(slice_equal(buf_slice(&whole), buf_slice(&pieces)), "the messages are the same");
  buf_fini(&whole);
  buf_fini(&pieces);
  return 0;
}
