/*
 * The values of the opening handshake that need a computation (RFC 6455, 4).
 */
#ifndef BELFRY_WS_HANDSHAKE_H
#define BELFRY_WS_HANDSHAKE_H

#include "base/slice.h"

#include <stdbool.h>

#define WS_KEY_BYTES    25 /* 24 and a NUL */
#define WS_ACCEPT_BYTES 29 /* 28 and a NUL */

/* Whether a Sec-WebSocket-Key is base64 of 16 bytes. */
bool ws_key_valid(struct slice key);

/* The Sec-WebSocket-Accept that answers `key`. */
void ws_accept(struct slice key, char out[WS_ACCEPT_BYTES]);

/* A client's new key. */
void ws_key_make(char out[WS_KEY_BYTES]);

#endif
