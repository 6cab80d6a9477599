/* belfry tail over a WebSocket: after a lost connection `since` and `epoch` say where it was. */
#include "cli/tail.h"
#include "cli/url.h"
#include "cli/websocket.h"

#include <inttypes.h>
#include <stdio.h>

static void put_path(struct buf *path, const struct tail *tail) {
  buf_put_text(path, tail->options.dashboard ? "ws/dashboard" : "ws");
  tail_put_filters(path, tail);
  if (tail->place >= 0) {
    char place[32];
    snprintf(place, sizeof place, "%" PRId64, tail->place);
    url_put_parameter(path, "since", place);
    url_put_parameter(path, "epoch", tail->epoch[0] ? tail->epoch : NULL);
  } else {
    url_put_parameter(path, "since", tail->options.since);
    url_put_parameter(path, "last", tail->options.last);
  }
}

static int send_all(struct websocket *websocket, const struct tail_options *options,
                    struct belfry_error *error) {
  int status = BELFRY_OK;
  for (size_t i = 0; i < options->send_count && !status; i++)
    status = websocket_send(websocket, slice_of(options->send[i]), error);
  return status;
}

/* What the server holds against what we have sent would be the same the next time. */
static bool is_our_fault(uint16_t code) {
  return code == WS_CLOSE_PROTOCOL_ERROR || code == WS_CLOSE_UNSUPPORTED_DATA ||
         code == WS_CLOSE_INVALID_DATA || code == WS_CLOSE_TOO_BIG;
}

static int follow(struct tail *tail, struct websocket *websocket, struct belfry_error *error) {
  struct slice message;
  int status = send_all(websocket, &tail->options, error);
  while (!status) {
    status = websocket_next(websocket, &message, error);
    if (status)
      break;
    tail_take(tail, message);
    if (fflush(stdout) != 0)
      status = belfry_error_set(error, BELFRY_EIO, "cannot write the output");
  }
  return status == BELFRY_ECLOSED && is_our_fault(websocket->close_code) ? BELFRY_EPROTO : status;
}

int tail_over_ws(struct tail *tail, struct http *http, struct http_response *response,
                 struct belfry_error *error) {
  struct websocket websocket;
  struct buf path;
  buf_init(&path, 0);
  put_path(&path, tail);
  websocket_init(&websocket, http);
  int status =
      buf_status(&path) ? BELFRY_ENOMEM : websocket_open(&websocket, path.data, response, error);
  if (!status && response->status == 101)
    status = follow(tail, &websocket, error);
  websocket_fini(&websocket);
  buf_fini(&path);
  return status;
}
