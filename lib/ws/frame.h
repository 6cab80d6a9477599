/*
 * WebSocket frames as bytes (RFC 6455, section 5). No I/O; nothing is sent or received here.
 */
#ifndef BELFRY_WS_FRAME_H
#define BELFRY_WS_FRAME_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode {
  WS_CONTINUATION = 0x0,
  WS_TEXT = 0x1,
  WS_BINARY = 0x2,
  WS_CLOSE = 0x8,
  WS_PING = 0x9,
  WS_PONG = 0xa,
};

/* Put beside the opcode of a message's first frame: the message is compressed (RFC 7692, 6). */
#define WS_RSV1 0x40

/* Codes of a close frame (RFC 6455, 7.4, and IANA's registry). */
enum ws_close_code {
  WS_CLOSE_NORMAL = 1000,
  WS_CLOSE_GOING_AWAY = 1001,
  WS_CLOSE_PROTOCOL_ERROR = 1002,
  WS_CLOSE_UNSUPPORTED_DATA = 1003,
  WS_CLOSE_NO_CODE = 1005, /* never sent: a close frame without a code was received */
  WS_CLOSE_INVALID_DATA = 1007,
  WS_CLOSE_POLICY = 1008,
  WS_CLOSE_TOO_BIG = 1009,
  WS_CLOSE_INTERNAL_ERROR = 1011,
  WS_CLOSE_SERVICE_RESTART = 1012,
  WS_CLOSE_TRY_AGAIN_LATER = 1013,
};

#define WS_HEADER_MAX_BYTES  14
#define WS_CONTROL_MAX_BYTES 125
#define WS_MASK_BYTES        4
#define WS_CLOSE_REASON_MAX  (WS_CONTROL_MAX_BYTES - 2)

/*
 * Writes a frame's header. Takes: `mask` the 4 bytes of the masking key, or NULL for a frame that
 * is not masked (a server's). Returns: its length, 2 to WS_HEADER_MAX_BYTES.
 */
size_t ws_frame_header(uint8_t out[WS_HEADER_MAX_BYTES], bool final, enum ws_opcode opcode,
                       uint64_t payload_len, const uint8_t *mask);

/* Masks or unmasks `len` bytes in place; `offset` is their place within the payload. */
void ws_mask(char *data, size_t len, const uint8_t mask[WS_MASK_BYTES], uint64_t offset);

/* Puts a whole frame. `mask` as above. */
void ws_put_frame(struct buf *out, bool final, enum ws_opcode opcode, struct slice payload,
                  const uint8_t *mask);

/* Puts a close frame. A reason over WS_CLOSE_REASON_MAX bytes is cut at a character's boundary.
   `code` WS_CLOSE_NO_CODE puts one without a code. */
void ws_put_close(struct buf *out, uint16_t code, struct slice reason, const uint8_t *mask);

/* Whether a peer may send `code` in a close frame. */
bool ws_close_code_valid(uint16_t code);

#endif
