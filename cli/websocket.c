#include "cli/websocket.h"

#include "base/fd.h"
#include "cli/upgrade.h"
#include "ws/handshake.h"

#define MESSAGE_BYTES_MAX    ((size_t)16 << 20)
#define INPUT_BYTES_MAX      ((size_t)1 << 20) /* of a refusal, or of what is read at once */
#define HANDSHAKE_TIMEOUT_MS 20000
#define SEND_TIMEOUT_MS      20000
#define CLOSE_TIMEOUT_MS     1000
#define SILENCE_MAX_MS       45000 /* the server pings every 20 s */

void websocket_init(struct websocket *websocket, struct http *http) {
  *websocket = (struct websocket){.http = http};
  ws_receiver_init(&websocket->receiver, WS_CLIENT, MESSAGE_BYTES_MAX);
  buf_init(&websocket->bytes, INPUT_BYTES_MAX);
}

void websocket_fini(struct websocket *websocket) {
  http_hang_up(websocket->http);
  ws_receiver_fini(&websocket->receiver);
  buf_fini(&websocket->bytes);
}

/* --- the handshake ------------------------------------------------------------------------------
 */

static int send_request(struct websocket *websocket, const char *path, const char *key,
                        struct belfry_error *error) {
  struct buf host, target, request;
  buf_init(&host, 0);
  buf_init(&target, 0);
  buf_init(&request, 0);
  int status = http_put_server(websocket->http, &host, &target, error);
  buf_put_text(&target, path);
  if (!status) {
    const struct upgrade_request upgrade = {
        .host = host.data, .target = target.data, .key = key, .bearer = http_key(websocket->http)};
    status = buf_status(&target);
    if (!status)
      upgrade_put_request(&request, &upgrade);
    if (!status)
      status = buf_status(&request);
    if (status)
      belfry_error_set(error, status, "out of memory");
    else
      status = http_send(websocket->http, buf_slice(&request), HANDSHAKE_TIMEOUT_MS, error);
  }
  if (request.data)
    explicit_bzero(request.data, request.len); /* it holds the key */
  buf_fini(&request);
  buf_fini(&target);
  buf_fini(&host);
  return status;
}

static int read_answer(struct websocket *websocket, const char *key, struct upgrade_answer *answer,
                       struct belfry_error *error) {
  int status;
  do {
    status = http_receive(websocket->http, &websocket->bytes, HANDSHAKE_TIMEOUT_MS, error);
    if (status)
      return status;
    websocket->rest = buf_slice(&websocket->bytes);
    status = upgrade_read_answer(&websocket->rest, key, answer, error);
  } while (status == BELFRY_EMORE);
  return status;
}

/* Collects the refusal's body as far as it comes: it only explains. */
static void read_body(struct websocket *websocket, const struct upgrade_answer *answer,
                      struct buf *body) {
  size_t head = websocket->bytes.len - websocket->rest.len;
  while (!upgrade_put_body(
      answer, slice_new(websocket->bytes.data + head, websocket->bytes.len - head), body)) {
    if (http_receive(websocket->http, &websocket->bytes, HANDSHAKE_TIMEOUT_MS, NULL))
      return;
  }
}

int websocket_open(struct websocket *websocket, const char *path, struct http_response *response,
                   struct belfry_error *error) {
  char key[WS_KEY_BYTES];
  struct upgrade_answer answer;
  ws_key_make(key);
  int status = http_dial(websocket->http, error);
  if (!status)
    status = send_request(websocket, path, key, error);
  if (!status)
    status = read_answer(websocket, key, &answer, error);
  if (status)
    return status;
  response->status = answer.status;
  response->retry_after_s = answer.retry_after_s;
  if (answer.status == 101)
    return BELFRY_OK;
  if (answer.status >= 300 && answer.status < 400 && answer.location.len) {
    response->status = 0;
    return belfry_error_set(error, BELFRY_EPROTO,
                            "the server leads elsewhere (%ld), and a key is not taken along: give "
                            "--url what it names: %.*s",
                            answer.status,
                            answer.location.len < 200 ? (int)answer.location.len : 200,
                            answer.location.data);
  }
  read_body(websocket, &answer, &response->body);
  return BELFRY_OK;
}

/* --- messages -----------------------------------------------------------------------------------
 */

static int send_frame(struct websocket *websocket, enum ws_opcode opcode, struct slice payload,
                      struct belfry_error *error) {
  uint8_t mask[WS_MASK_BYTES];
  struct buf frame;
  fd_random(mask, sizeof mask);
  buf_init(&frame, 0);
  ws_put_frame(&frame, true, opcode, payload, mask);
  int status = buf_status(&frame);
  if (status)
    belfry_error_set(error, status, "out of memory");
  else
    status = http_send(websocket->http, buf_slice(&frame), SEND_TIMEOUT_MS, error);
  buf_fini(&frame);
  return status;
}

int websocket_send(struct websocket *websocket, struct slice text, struct belfry_error *error) {
  return send_frame(websocket, WS_TEXT, text, error);
}

/* The last frame; whether it arrives changes nothing any more. */
static void send_close(struct websocket *websocket, uint16_t code, const char *reason) {
  uint8_t mask[WS_MASK_BYTES];
  struct buf frame;
  fd_random(mask, sizeof mask);
  buf_init(&frame, 0);
  ws_put_close(&frame, code, slice_of(reason), mask);
  int status = buf_status(&frame);
  if (!status)
    status = http_send(websocket->http, buf_slice(&frame), CLOSE_TIMEOUT_MS, NULL);
  (void)status;
  buf_fini(&frame);
}

static int on_close(struct websocket *websocket, const struct ws_event *event,
                    struct belfry_error *error) {
  websocket->close_code = event->close_code;
  send_close(websocket, event->close_code, "");
  if (event->close_code == WS_CLOSE_NO_CODE)
    return belfry_error_set(error, BELFRY_ECLOSED, "the server has closed without saying why");
  return belfry_error_set(error, BELFRY_ECLOSED, "the server has closed with %u%s%.*s",
                          event->close_code, event->payload.len ? ": " : "",
                          SLICE_ARG(event->payload));
}

static int on_wrong(struct websocket *websocket, uint16_t code, const char *what,
                    struct belfry_error *error) {
  send_close(websocket, code, what);
  return belfry_error_set(error, BELFRY_EPROTO, "the server broke the WebSocket protocol: %s",
                          what);
}

/* Returns: BELFRY_EMORE when there is no message among what has come. */
static int take(struct websocket *websocket, struct slice *message, struct belfry_error *error) {
  struct ws_event event;
  int status = BELFRY_EMORE;
  while (status == BELFRY_EMORE) {
    ws_receiver_take(&websocket->receiver, &websocket->rest, &event);
    switch (event.kind) {
    case WS_EVENT_NONE:
      return BELFRY_EMORE;
    case WS_EVENT_TEXT:
      *message = event.payload;
      return BELFRY_OK;
    case WS_EVENT_BINARY:
      return on_wrong(websocket, WS_CLOSE_UNSUPPORTED_DATA, "a binary message", error);
    case WS_EVENT_PING:
      status = send_frame(websocket, WS_PONG, event.payload, error);
      status = status ? status : BELFRY_EMORE;
      break;
    case WS_EVENT_PONG:
      break;
    case WS_EVENT_CLOSE:
      return on_close(websocket, &event, error);
    case WS_EVENT_ERROR:
      return on_wrong(websocket, event.close_code, event.error, error);
    }
  }
  return status;
}

int websocket_next(struct websocket *websocket, struct slice *message, struct belfry_error *error) {
  int status = take(websocket, message, error);
  while (status == BELFRY_EMORE) {
    buf_clear(&websocket->bytes);
    status = http_receive(websocket->http, &websocket->bytes, SILENCE_MAX_MS, error);
    if (status)
      return status;
    websocket->rest = buf_slice(&websocket->bytes);
    status = take(websocket, message, error);
  }
  return status;
}
