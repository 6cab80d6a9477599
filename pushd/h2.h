/*
 * HTTP/2 without TLS, spoken at once (prior knowledge), for proxies that carry many clients over
 * few connections: each stream is a client, SSE (GET) or WebSocket (extended CONNECT, RFC 8441).
 * Alone includes nghttp2.
 */
#ifndef BELFRY_PUSHD_H2_H
#define BELFRY_PUSHD_H2_H

#include "base/slice.h"
#include "pushd/transport.h"

#include <stdint.h>

struct hub;

/* How a client begins that knows that we speak HTTP/2 (RFC 9113, 3.4). */
#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

extern const struct transport h2_transport;

/* Takes: `fd`, nonblocking, whose first bytes, the preface or more, are `bytes`. */
void h2_start(struct hub *hub, int fd, struct slice bytes);

/* Writes what streams were given in a pass, so that it counts as part of it. Else a connection
 * writes before the loop waits again. */
void h2_write(struct hub *hub);

/* Tells the peers of all connections not to begin further streams; a connection ends when its
 * streams have. */
void h2_stop(struct hub *hub);

uint32_t h2_connection_count(const struct hub *hub);

/* Ends all connections at once; their clients must be gone. */
void h2_fini(struct hub *hub);

#endif
