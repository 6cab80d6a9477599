/*
 * A proxy's side of an HTTP/2 connection for tests of belfry-pushd, on nghttp2's client session. It
 * opens its windows only when told to, and reads only when told to.
 */
#ifndef BELFRY_TESTS_H2_PEER_H
#define BELFRY_TESTS_H2_PEER_H

#include "base/buf.h"

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H2_PEER_STREAMS_MAX 2000

struct h2_peer_stream {
  int32_t id;
  int status;      /* of the answer; 0: none yet */
  struct buf body; /* as far as it was not taken */
  size_t bytes;    /* of the body in all */
  bool stalled;    /* its window is not opened again */
  size_t held;     /* bytes for which it was not */
  bool ended;      /* END_STREAM came */
  bool closed;
  uint32_t code; /* ... with */
};

struct h2_peer {
  int fd;
  nghttp2_session *session;
  struct h2_peer_stream streams[H2_PEER_STREAMS_MAX];
  size_t count;
  size_t read_bytes; /* at once */
  bool over;         /* the connection was closed */
  bool goaway;
  uint32_t goaway_code;
};

/* Connects to the unix socket with a window of so many bytes for each stream. */
void h2_peer_connect(struct h2_peer *peer, const char *path, uint32_t window);
void h2_peer_free(struct h2_peer *peer);

/* Begins a request: an extended CONNECT for a WebSocket, a GET for other targets. `header` is a
 * line that ends in CRLF. Returns: its number. */
size_t h2_peer_open(struct h2_peer *peer, const char *target, const char *header);

/* Writes what waits to be written, reads once if something comes within the time. Returns: false
 * when nothing came. */
bool h2_peer_pump(struct h2_peer *peer, int timeout_ms);

/* Pumps until `done`; fails the test after a while, with what was waited for. */
void h2_peer_until(struct h2_peer *peer, bool (*done)(struct h2_peer *peer, void *arg), void *arg,
                   const char *what);

/* Opens the window of a stalled stream again. */
void h2_peer_go_on(struct h2_peer *peer, size_t number);

void h2_peer_reset(struct h2_peer *peer, size_t number);

#endif
