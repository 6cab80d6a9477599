/*
 * How a client's bytes reach its peer and come from it: over a connection of its own (tcp.c), or as
 * a stream of an HTTP/2 connection that it shares with others (h2.c). A transport moves bytes; what
 * they are is the business of run.c (out) and of handshake.c, ws.c and commands.c (in).
 */
#ifndef BELFRY_PUSHD_TRANSPORT_H
#define BELFRY_PUSHD_TRANSPORT_H

#include "base/address.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct client;

#define ANSWER_HEADERS_MAX 12

struct answer_header {
  const char *name; /* as HTTP/1.1 writes it */
  const char *value;
};

/* What a request for a push connection is answered. All is borrowed for the call. */
struct answer {
  int status;
  struct answer_header headers[ANSWER_HEADERS_MAX];
  size_t header_count;
  struct slice body; /* of a refusal; NULL data: none */
  bool head_only;    /* the body's headers, but not the body */
  bool stays;        /* the stream goes on with the client's own bytes and events */
};

struct transport {
  /* Writes as much of what run_build() gives as the peer takes now, within CLIENT_FLUSH_MAX_BYTES,
   * then calls client_written() and asks client_wants_input(). */
  void (*flush)(struct client *client);
  /* Sends the answer; a refusal ends the client afterwards by client_finish(). */
  void (*answer)(struct client *client, const struct answer *answer);
  /* Everything is written of a client that ends: tells the peer that nothing follows.
   * `waits_for_close`: the peer is still to answer a WebSocket's close frame. */
  void (*end)(struct client *client, bool waits_for_close);
  /* Gives the connection or stream up at once. */
  void (*drop)(struct client *client);
  /* The address of the peer itself, be it a client or a proxy. Returns: false over a unix socket.
   */
  bool (*peer)(const struct client *client, struct address *out);
  /* About how many of the bytes that were written the peer has not taken yet; 0 when it has taken
   * all. NULL: not known. */
  uint32_t (*untaken)(const struct client *client);
  bool is_http2;
};

#endif
