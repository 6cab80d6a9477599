/*
 * A WebSocket to a Belfry server, from the handshake to the close. The bytes go over the connection
 * of http_dial; lib/ws frames them.
 */
#ifndef BELFRY_CLI_WEBSOCKET_H
#define BELFRY_CLI_WEBSOCKET_H

#include "base/buf.h"
#include "base/error.h"
#include "cli/http.h"
#include "ws/receiver.h"

#include <stdint.h>

struct websocket {
  struct http *http; /* borrowed */
  struct ws_receiver receiver;
  struct buf bytes;    /* what has come in, from the handshake's answer on */
  struct slice rest;   /* what of it is not taken yet */
  uint16_t close_code; /* what the server has closed with; 0: it has not */
};

/* Takes: `http` must outlive it. Free with websocket_fini(). */
void websocket_init(struct websocket *websocket, struct http *http);
void websocket_fini(struct websocket *websocket);

/*
 * Connects and shakes hands. `path` goes behind the server's URL, as that of struct http_request.
 * Returns: 0 with `response`: status 101 when it is open, else the refusal with its body (a
 * redirect is one, and never followed); BELFRY_ECLOSED or BELFRY_ETIMEDOUT when there was no
 * answer; BELFRY_EPROTO when it was none.
 */
int websocket_open(struct websocket *websocket, const char *path, struct http_response *response,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

int websocket_send(struct websocket *websocket, struct slice text,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/*
 * Waits for the next message and answers pings meanwhile. `*message` is borrowed until the next
 * call. Returns: 0; BELFRY_ECLOSED when the server has closed (close_code) or the connection is
 * lost; BELFRY_ETIMEDOUT when nothing has come, pings included, for longer than a living server is
 * silent; BELFRY_EPROTO when the server broke the protocol, which it was told.
 */
int websocket_next(struct websocket *websocket, struct slice *message,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
