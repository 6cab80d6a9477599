/*
 * A client's WebSocket: what arrives on it.
 */
#ifndef BELFRY_PUSHD_WS_H
#define BELFRY_PUSHD_WS_H

#include "base/slice.h"

struct client;

#define WS_MESSAGE_MAX_BYTES 65536

/* Takes bytes that came after the handshake. May drop the client. */
void ws_on_bytes(struct client *client, struct slice bytes);

void ws_free_receiver(struct client *client);

#endif
