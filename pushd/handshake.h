/*
 * How a connection begins: the request's head, who may come in, the answer.
 */
#ifndef BELFRY_PUSHD_HANDSHAKE_H
#define BELFRY_PUSHD_HANDSHAKE_H

#include "base/slice.h"

struct client;

/* Takes bytes of a client in CLIENT_HANDSHAKE. Opens it, or answers why not and ends it. */
void handshake_on_bytes(struct client *client, struct slice bytes);

/* Looks again at the credential of an open connection: closes 4401 when it has expired or its key
 * is gone. */
void handshake_check_again(struct client *client);

#define CLOSE_CREDENTIAL_EXPIRED 4401

#endif
