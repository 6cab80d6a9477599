/*
 * The other end of a push client for fuzz targets: belfry-pushd's hub over a small real history,
 * and a transport in memory that takes as much as it is allowed to. What is written is checked to
 * the last byte.
 */
#ifndef BELFRY_TESTS_FUZZ_PUSH_PEER_H
#define BELFRY_TESTS_FUZZ_PUSH_PEER_H

#include "base/buf.h"
#include "pushd/client.h"
#include "pushd/hub.h"

#include <stdbool.h>

struct push_peer {
  struct client *client; /* good until the hub's next turn after `dropped` */
  struct buf out;        /* what was written */
  size_t room;           /* so many bytes are taken before the peer blocks */
  int status;            /* of the answer; 0: none yet */
  bool deflate;          /* was negotiated */
  bool ended, dropped;
};

/* The hub, made at the first call. */
struct hub *push_peer_hub(void);

/* A client in CLIENT_HANDSHAKE with a peer that takes `room` bytes. */
void push_peer_begin(struct push_peer *peer, size_t room);

/* Sends the request's head, however it is; what comes behind it is given to the client. */
void push_peer_request(struct push_peer *peer, struct slice bytes);

/* Lets the peer take `room` bytes more, and the hub do what is due. */
void push_peer_take(struct push_peer *peer, size_t room);

/* Lets the peer take everything, checks what it was sent, and drops the client. */
void push_peer_end(struct push_peer *peer);

#endif
