/* lib/base/ipc and wire: a stream of frames is taken apart within its bounds, and put again as the
 * same bytes. */
#include "base/ipc.h"
#include "base/wire.h"
#include "property.h"

#include <string.h>

#define PAYLOAD_BYTES_MAX 4096

/* Reads fields as the payload's own bytes say which. */
static void read_fields(struct slice payload) {
  struct wire wire = wire_read(payload);
  for (size_t i = 0; i < payload.len && !wire.failed; i++) {
    struct slice text = {0};
    switch (payload.data[i] % 6) {
    case 0:
      (void)wire_get_u8(&wire);
      break;
    case 1:
      (void)wire_get_u16(&wire);
      break;
    case 2:
      (void)wire_get_u32(&wire);
      break;
    case 3:
      (void)wire_get_i64(&wire);
      break;
    case 4:
      (void)wire_get_f64(&wire);
      break;
    default:
      text = wire_get_slice(&wire);
      PROPERTY(text.len == 0 || (text.data >= payload.data && text.data + text.len <= wire.end),
               "a text is within the message");
    }
    PROPERTY(wire.at >= payload.data && wire.at <= wire.end, "reading stays within the message");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct buf in, again;
  struct ipc_frame frame;
  size_t at = 0;
  buf_init(&in, 0);
  buf_init(&again, 0);
  buf_put(&in, data, size);
  for (;;) {
    size_t before = at;
    int status = ipc_take_frame(&in, &at, PAYLOAD_BYTES_MAX, &frame);
    if (status) {
      PROPERTY(at == before, "what is not whole is not taken");
      PROPERTY(status == BELFRY_EMORE || status == BELFRY_ETOOBIG,
               "more is needed, or it is too large");
      break;
    }
    PROPERTY(at > before && at <= in.len && frame.payload.len <= PAYLOAD_BYTES_MAX,
             "a frame is within its bounds");
    read_fields(frame.payload);
    ipc_put_frame(&again, frame.verb, frame.status, frame.tag, frame.payload);
  }
  PROPERTY(again.len == at && (at == 0 || memcmp(again.data, in.data, at) == 0),
           "frames are put as the same bytes");
  buf_fini(&in);
  buf_fini(&again);
  return 0;
}
