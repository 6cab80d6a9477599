/*
 * Whether a client's peer is still there. From time to time it is said something: a ping, which the
 * peer of a WebSocket answers, or a comment in an event stream, which its peer at least takes. When
 * that was in vain too often, the client is given up. A slow reader is not a dead one: what it has
 * not come to yet it cannot answer, so that as long as it reads on, that does not count.
 */
#ifndef BELFRY_PUSHD_ALIVE_H
#define BELFRY_PUSHD_ALIVE_H

struct client;

/* Sets when the peer is said something next. */
void alive_schedule(struct client *client);

/* The time has come: says it, or gives the client up. May drop the client. */
void alive_on_due(struct client *client);

#endif
