#include "ws/frame.h"

#include "base/json.h"

#include <string.h>

size_t ws_frame_header(uint8_t out[WS_HEADER_MAX_BYTES], bool final, enum ws_opcode opcode,
                       uint64_t payload_len, const uint8_t *mask) {
  size_t len = 2;
  out[0] = (uint8_t)((final ? 0x80 : 0) | opcode);
  out[1] = mask ? 0x80 : 0;
  if (payload_len < 126) {
    out[1] |= (uint8_t)payload_len;
  } else {
    /* The shortest of the two longer forms (5.2: the minimal number of bytes must be used). */
    unsigned bytes = payload_len <= UINT16_MAX ? 2 : 8;
    out[1] |= bytes == 2 ? 126 : 127;
    for (unsigned i = 0; i < bytes; i++)
      out[len++] = (uint8_t)(payload_len >> 8 * (bytes - 1 - i));
  }
  if (mask) {
    memcpy(out + len, mask, WS_MASK_BYTES);
    len += WS_MASK_BYTES;
  }
  return len;
}

void ws_mask(char *data, size_t len, const uint8_t mask[WS_MASK_BYTES], uint64_t offset) {
  uint8_t key[8]; /* the key twice, turned so that it starts at `offset` */
  for (unsigned i = 0; i < sizeof key; i++)
    key[i] = mask[(offset + i) % WS_MASK_BYTES];
  uint64_t wide;
  memcpy(&wide, key, sizeof wide);
  size_t i = 0;
  for (; i + sizeof wide <= len; i += sizeof wide) {
    uint64_t eight;
    memcpy(&eight, data + i, sizeof eight);
    eight ^= wide;
    memcpy(data + i, &eight, sizeof eight);
  }
  for (; i < len; i++)
    data[i] = (char)(data[i] ^ key[i % sizeof key]);
}

void ws_put_frame(struct buf *out, bool final, enum ws_opcode opcode, struct slice payload,
                  const uint8_t *mask) {
  uint8_t header[WS_HEADER_MAX_BYTES];
  size_t header_len = ws_frame_header(header, final, opcode, payload.len, mask);
  char *room = buf_reserve(out, header_len + payload.len);
  if (!room)
    return;
  memcpy(room, header, header_len);
  if (payload.len)
    memcpy(room + header_len, payload.data, payload.len);
  if (mask)
    ws_mask(room + header_len, payload.len, mask, 0);
  buf_commit(out, header_len + payload.len);
}

void ws_put_close(struct buf *out, uint16_t code, struct slice reason, const uint8_t *mask) {
  char payload[WS_CONTROL_MAX_BYTES];
  size_t len = 0;
  if (code != WS_CLOSE_NO_CODE) {
    if (reason.len > WS_CLOSE_REASON_MAX)
      reason.len = WS_CLOSE_REASON_MAX;
    reason.len = utf8_valid_prefix(reason);
    payload[len++] = (char)(code >> 8);
    payload[len++] = (char)(code & 0xff);
    if (reason.len)
      memcpy(payload + len, reason.data, reason.len);
    len += reason.len;
  }
  ws_put_frame(out, true, WS_CLOSE, slice_new(payload, len), mask);
}

bool ws_close_code_valid(uint16_t code) {
  if (code >= 3000 && code <= 4999) /* libraries' and applications' own */
    return true;
  /* 1004 is reserved; 1005, 1006 and 1015 say what happened locally and are never sent. */
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}
