/*
 * A client on a connection of its own: HTTP/1.1 (and what shows itself to be HTTP/2), then bytes.
 */
#ifndef BELFRY_PUSHD_TCP_H
#define BELFRY_PUSHD_TCP_H

struct client;
struct hub;

/* Takes: `fd`, nonblocking. Makes a client that begins with a request; when out of memory, the
 * connection is closed. */
void tcp_accept(struct hub *hub, int fd);

#endif
