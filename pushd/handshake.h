/*
 * How a client begins: who may come in, where it starts, the answer.
 */
#ifndef BELFRY_PUSHD_HANDSHAKE_H
#define BELFRY_PUSHD_HANDSHAKE_H

#include "pushd/request.h"

struct client;
struct hub;

/* Decides about a client in CLIENT_HANDSHAKE: opens it, or answers why not and ends it. */
void handshake_decide(struct client *client, const struct request *request);

/* Answers with problem+json (RFC 9457) and ends the client: the request itself is wrong. */
void handshake_refuse(struct client *client, const struct request *request, int status,
                      const char *detail);

/* The phrase for a status of a refusal. */
const char *handshake_title(int status);

/* Looks again at the credential of an open connection: closes 4401 when it has expired, or when
 * its key or user is gone or has another role. */
void handshake_check_again(struct client *client);

/* A key or a user was changed: has the credentials of all connections looked at again, spread over
 * the next moments. */
void handshake_check_all_soon(struct hub *hub);

#define CLOSE_CREDENTIAL_EXPIRED 4401

#endif
