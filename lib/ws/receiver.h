/*
 * The receiving side of a WebSocket (RFC 6455, 5 and 7): bytes in, events out, no I/O. Checks
 * everything that the protocol forbids, unmasks, joins fragments, lets control frames through in
 * between, inflates compressed messages, and checks UTF-8 (of what is not compressed as it
 * arrives).
 *
 * Between messages it remembers nothing (ws_receiver_idle), so a server may free it then and make
 * a new one when the next bytes arrive.
 */
#ifndef BELFRY_WS_RECEIVER_H
#define BELFRY_WS_RECEIVER_H

#include "base/buf.h"
#include "base/slice.h"
#include "ws/frame.h"
#include "ws/utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_role { WS_SERVER, WS_CLIENT };

enum ws_event_kind {
  WS_EVENT_NONE,   /* all input is taken and more is needed */
  WS_EVENT_TEXT,   /* a whole message; its payload is valid UTF-8 */
  WS_EVENT_BINARY, /* a whole message */
  WS_EVENT_PING,
  WS_EVENT_PONG,
  WS_EVENT_CLOSE, /* close_code and payload (the reason, valid UTF-8) are set; nothing follows */
  WS_EVENT_ERROR, /* the peer broke the protocol: close with close_code; nothing follows */
};

struct ws_event {
  enum ws_event_kind kind;
  struct slice payload; /* borrowed until the next call, or the inflater's next use */
  uint16_t close_code;
  const char *error; /* what was wrong; static */
};

struct ws_inflater;

struct ws_receiver {
  enum ws_role role;
  size_t max_message;
  struct ws_inflater *inflater; /* borrowed; NULL: nothing may be compressed */
  struct buf message;           /* the payload of the message so far, unmasked */
  struct utf8_check text;
  uint64_t payload_len;   /* of the current frame */
  uint64_t payload_taken; /* bytes of it that were taken */
  bool in_payload;        /* the header is complete */
  bool final;             /* FIN of the current frame */
  bool compressed;        /* the message in progress (RSV1 of its first frame) */
  bool delivered;         /* `message` was given out and is to be emptied */
  bool over;              /* after a close frame or an error nothing is taken */
  uint8_t opcode;         /* of the current frame */
  uint8_t message_opcode; /* of the message in progress; 0: none */
  uint8_t header_len;     /* bytes of the header that were taken */
  uint8_t header[WS_HEADER_MAX_BYTES];
  uint8_t mask[WS_MASK_BYTES];
  uint8_t control_len;
  char control[WS_CONTROL_MAX_BYTES]; /* payload of the control frame in progress */
};

/* Takes: `role` the side that receives; messages above `max_message` bytes are an error 1009. */
void ws_receiver_init(struct ws_receiver *receiver, enum ws_role role, size_t max_message);
void ws_receiver_fini(struct ws_receiver *receiver);

/* Takes compressed messages too (RFC 7692), because that was negotiated without context takeover.
 * `inflater` is borrowed and may serve many receivers. `max_message` bounds a message compressed
 * and inflated. */
void ws_receiver_allow_deflate(struct ws_receiver *receiver, struct ws_inflater *inflater);

/*
 * Takes bytes off the front of `*input` until something has happened or there are none left. Call
 * it until it gives WS_EVENT_NONE.
 */
void ws_receiver_take(struct ws_receiver *receiver, struct slice *input, struct ws_event *event);

/* Whether it stands between two messages and could be thrown away. */
bool ws_receiver_idle(const struct ws_receiver *receiver);

#endif
