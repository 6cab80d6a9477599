#include "base/ipc.h"

#include "base/wire.h"

#include <endian.h>
#include <string.h>

size_t ipc_begin_frame(struct buf *out, uint16_t verb, int status, uint32_t tag) {
  size_t mark = out->len;
  wire_put_u32(out, 0);
  wire_put_u16(out, verb);
  wire_put_u16(out, (uint16_t)-status);
  wire_put_u32(out, tag);
  return mark;
}

void ipc_end_frame(struct buf *out, size_t mark) {
  if (buf_status(out))
    return;
  uint32_t length = htole32((uint32_t)(out->len - mark - IPC_HEADER_BYTES));
  memcpy(out->data + mark, &length, sizeof length);
}

void ipc_put_frame(struct buf *out, uint16_t verb, int status, uint32_t tag, struct slice payload) {
  size_t mark = ipc_begin_frame(out, verb, status, tag);
  buf_put_slice(out, payload);
  ipc_end_frame(out, mark);
}

int ipc_take_frame(const struct buf *in, size_t *at, size_t max_payload, struct ipc_frame *frame) {
  if (in->len - *at < IPC_HEADER_BYTES)
    return BELFRY_EMORE;
  struct wire wire = wire_read(slice_new(in->data + *at, in->len - *at));
  uint32_t length = wire_get_u32(&wire);
  frame->verb = wire_get_u16(&wire);
  frame->status = -(int)wire_get_u16(&wire);
  frame->tag = wire_get_u32(&wire);
  if (length > max_payload)
    return BELFRY_ETOOBIG;
  if ((size_t)(wire.end - wire.at) < length)
    return BELFRY_EMORE;
  frame->payload = slice_new(wire.at, length);
  *at += IPC_HEADER_BYTES + length;
  return BELFRY_OK;
}
