#include "ws/receiver.h"

#include "ws/deflate.h"

#include <string.h>

void ws_receiver_init(struct ws_receiver *receiver, enum ws_role role, size_t max_message) {
  *receiver = (struct ws_receiver){.role = role, .max_message = max_message};
  buf_init(&receiver->message, max_message);
}

void ws_receiver_fini(struct ws_receiver *receiver) {
  buf_fini(&receiver->message);
}

void ws_receiver_allow_deflate(struct ws_receiver *receiver, struct ws_inflater *inflater) {
  receiver->inflater = inflater;
}

bool ws_receiver_idle(const struct ws_receiver *receiver) {
  return receiver->header_len == 0 && receiver->message_opcode == 0 && !receiver->over;
}

static void fail(struct ws_receiver *receiver, struct ws_event *event, uint16_t close_code,
                 const char *error) {
  receiver->over = true;
  *event = (struct ws_event){.kind = WS_EVENT_ERROR, .close_code = close_code, .error = error};
}

static bool is_control(uint8_t opcode) {
  return opcode >= 8;
}

/* The first frame of a message may say that the message is compressed (RFC 7692, 6). */
static bool may_be_compressed(const struct ws_receiver *receiver, uint8_t opcode) {
  return receiver->inflater && (opcode == WS_TEXT || opcode == WS_BINARY);
}

/* Length of the header whose first two bytes are known. */
static size_t header_length(const uint8_t *header) {
  unsigned len = header[1] & 0x7f;
  return 2 +
         (len == 126   ? 2
          : len == 127 ? 8
                       : 0) +
         ((header[1] & 0x80) ? (size_t)WS_MASK_BYTES : 0);
}

/* What the first two bytes alone can get wrong, so that a peer is told without waiting for more. */
static bool check_start(struct ws_receiver *receiver, struct ws_event *event) {
  const uint8_t *header = receiver->header;
  uint8_t opcode = header[0] & 0x0f;
  bool final = header[0] & 0x80, masked = header[1] & 0x80;
  const char *error = NULL;
  if (header[0] & 0x70 & ~(may_be_compressed(receiver, opcode) ? WS_RSV1 : 0))
    error = "a reserved bit is set without an extension";
  else if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
    error = "unknown opcode";
  else if (masked != (receiver->role == WS_SERVER))
    error = masked ? "a server's frame must not be masked" : "a client's frame must be masked";
  else if (is_control(opcode) && !final)
    error = "a control frame must not be fragmented";
  else if (is_control(opcode) && (header[1] & 0x7f) > WS_CONTROL_MAX_BYTES)
    error = "a control frame holds at most 125 bytes";
  else if (opcode == WS_CONTINUATION && !receiver->message_opcode)
    error = "a continuation without a message to continue";
  else if ((opcode == WS_TEXT || opcode == WS_BINARY) && receiver->message_opcode)
    error = "a new message before the end of the last one";
  if (error)
    fail(receiver, event, WS_CLOSE_PROTOCOL_ERROR, error);
  return !error;
}

/* Reads the complete header. */
static bool read_header(struct ws_receiver *receiver, struct ws_event *event) {
  const uint8_t *header = receiver->header;
  uint64_t len = header[1] & 0x7f;
  size_t at = 2;
  if (len >= 126) {
    unsigned bytes = len == 126 ? 2 : 8;
    len = 0;
    for (unsigned i = 0; i < bytes; i++)
      len = len << 8 | header[at++];
    if (len < (bytes == 2 ? 126 : UINT64_C(65536)) || len >> 63) {
      fail(receiver, event, WS_CLOSE_PROTOCOL_ERROR, "a length that is not in its shortest form");
      return false;
    }
  }
  if (header[1] & 0x80)
    memcpy(receiver->mask, header + at, WS_MASK_BYTES);
  receiver->final = header[0] & 0x80;
  receiver->opcode = header[0] & 0x0f;
  receiver->payload_len = len;
  receiver->payload_taken = 0;
  receiver->control_len = 0;
  receiver->in_payload = true;
  if (!is_control(receiver->opcode)) {
    if (len > receiver->max_message - receiver->message.len) {
      fail(receiver, event, WS_CLOSE_TOO_BIG, "the message is too big");
      return false;
    }
    if (receiver->opcode != WS_CONTINUATION) {
      receiver->message_opcode = receiver->opcode;
      receiver->compressed = header[0] & WS_RSV1;
      receiver->text = (struct utf8_check){0};
    }
  }
  return true;
}

static void take_control_bytes(struct ws_receiver *receiver, struct slice bytes) {
  char *to = receiver->control + receiver->control_len;
  memcpy(to, bytes.data, bytes.len);
  if (receiver->role == WS_SERVER)
    ws_mask(to, bytes.len, receiver->mask, receiver->payload_taken);
  receiver->control_len = (uint8_t)(receiver->control_len + bytes.len);
}

static bool take_message_bytes(struct ws_receiver *receiver, struct slice bytes,
                               struct ws_event *event) {
  char *to = buf_reserve(&receiver->message, bytes.len);
  if (!to) {
    fail(receiver, event, WS_CLOSE_INTERNAL_ERROR, "out of memory");
    return false;
  }
  memcpy(to, bytes.data, bytes.len);
  if (receiver->role == WS_SERVER)
    ws_mask(to, bytes.len, receiver->mask, receiver->payload_taken);
  buf_commit(&receiver->message, bytes.len);
  if (receiver->message_opcode == WS_TEXT && !receiver->compressed &&
      !utf8_check_piece(&receiver->text, slice_new(to, bytes.len))) {
    fail(receiver, event, WS_CLOSE_INVALID_DATA, "the text is not UTF-8");
    return false;
  }
  return true;
}

static void end_close(struct ws_receiver *receiver, struct ws_event *event) {
  struct slice payload = slice_new(receiver->control, receiver->control_len);
  if (payload.len == 0) {
    *event = (struct ws_event){.kind = WS_EVENT_CLOSE, .close_code = WS_CLOSE_NO_CODE};
  } else if (payload.len == 1) {
    fail(receiver, event, WS_CLOSE_PROTOCOL_ERROR, "half a close code");
  } else {
    uint16_t code = (uint16_t)((uint8_t)payload.data[0] << 8 | (uint8_t)payload.data[1]);
    struct slice reason = slice_new(payload.data + 2, payload.len - 2);
    struct utf8_check check = {0};
    if (!ws_close_code_valid(code))
      fail(receiver, event, WS_CLOSE_PROTOCOL_ERROR, "a close code that must not be sent");
    else if (!utf8_check_piece(&check, reason) || !utf8_check_complete(&check))
      fail(receiver, event, WS_CLOSE_INVALID_DATA, "the close reason is not UTF-8");
    else
      *event = (struct ws_event){.kind = WS_EVENT_CLOSE, .close_code = code, .payload = reason};
  }
  receiver->over = true;
}

/* Returns: false when what the message holds cannot be had. */
static bool inflate_message(struct ws_receiver *receiver, struct slice *payload,
                            struct ws_event *event) {
  int status = ws_inflate(receiver->inflater, *payload, receiver->max_message, payload);
  if (status == BELFRY_ETOOBIG)
    fail(receiver, event, WS_CLOSE_TOO_BIG, "the message is too big when it is inflated");
  else if (status == BELFRY_ENOMEM)
    fail(receiver, event, WS_CLOSE_INTERNAL_ERROR, "out of memory");
  else if (status)
    fail(receiver, event, WS_CLOSE_INVALID_DATA, "the compressed data are broken");
  else if (receiver->message_opcode == WS_TEXT && !utf8_check_piece(&receiver->text, *payload))
    fail(receiver, event, WS_CLOSE_INVALID_DATA, "the text is not UTF-8");
  return event->kind != WS_EVENT_ERROR;
}

/* The current frame is complete. */
static void end_frame(struct ws_receiver *receiver, struct ws_event *event) {
  receiver->in_payload = false;
  receiver->header_len = 0;
  switch (receiver->opcode) {
  case WS_CLOSE:
    end_close(receiver, event);
    return;
  case WS_PING:
  case WS_PONG:
    *event = (struct ws_event){.kind = receiver->opcode == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG,
                               .payload = slice_new(receiver->control, receiver->control_len)};
    return;
  }
  if (!receiver->final)
    return;
  bool text = receiver->message_opcode == WS_TEXT;
  struct slice payload = buf_slice(&receiver->message);
  if (receiver->compressed && !inflate_message(receiver, &payload, event))
    return;
  if (text && !utf8_check_complete(&receiver->text)) {
    fail(receiver, event, WS_CLOSE_INVALID_DATA, "the text ends within a UTF-8 character");
    return;
  }
  *event = (struct ws_event){.kind = text ? WS_EVENT_TEXT : WS_EVENT_BINARY, .payload = payload};
  receiver->message_opcode = 0;
  receiver->delivered = true;
}

void ws_receiver_take(struct ws_receiver *receiver, struct slice *input, struct ws_event *event) {
  *event = (struct ws_event){.kind = WS_EVENT_NONE};
  if (receiver->delivered) {
    buf_clear(&receiver->message);
    receiver->delivered = false;
  }
  while (event->kind == WS_EVENT_NONE && !receiver->over) {
    if (!receiver->in_payload) {
      if (input->len == 0)
        return;
      receiver->header[receiver->header_len++] = (uint8_t)*input->data++;
      input->len--;
      if (receiver->header_len == 2 && !check_start(receiver, event))
        return;
      if (receiver->header_len < 2 || receiver->header_len < header_length(receiver->header))
        continue;
      if (!read_header(receiver, event))
        return;
    }
    uint64_t left = receiver->payload_len - receiver->payload_taken;
    struct slice bytes = slice_new(input->data, left < input->len ? (size_t)left : input->len);
    if (bytes.len) {
      if (is_control(receiver->opcode))
        take_control_bytes(receiver, bytes);
      else if (!take_message_bytes(receiver, bytes, event))
        return;
      receiver->payload_taken += bytes.len;
      input->data += bytes.len;
      input->len -= bytes.len;
    }
    if (receiver->payload_taken < receiver->payload_len)
      return;
    end_frame(receiver, event);
  }
}
