/*
 * A client: a small struct with a cursor into the hub's ring. It has no queue of events. What is
 * its own (answers to commands, pongs, the close) waits in a small buffer that is only there while
 * something waits; snapshots that are due are a bit each. Everything is put together at the moment
 * of writing (run.c), and written by the transport that brought the client.
 */
#ifndef BELFRY_PUSHD_CLIENT_H
#define BELFRY_PUSHD_CLIENT_H

#include "auth/auth.h"
#include "base/buf.h"
#include "base/slice.h"
#include "pushd/census.h"
#include "pushd/frame.h"
#include "pushd/subscription.h"
#include "pushd/transport.h"
#include "pushd/wheel.h"
#include "ws/receiver.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct h2_stream;
struct hub;

enum client_state {
  CLIENT_HANDSHAKE, /* the request's head is being read */
  CLIENT_OPEN,
  CLIENT_CLOSING,   /* our own bytes are being written, then it ends; no more events */
  CLIENT_LINGERING, /* everything is written; waits for the peer to end */
  CLIENT_DEAD,      /* closed; freed at the end of this turn of the loop */
};

struct client {
  const struct transport *transport;
  union {
    ev_io io;                 /* tcp.c's; its data is the client */
    struct h2_stream *stream; /* h2.c's */
  };
  struct wheel_timer timer;
  struct hub *hub;
  /* In one of the hub's lists: handshakes, or (open) those behind. link NULL: in none. */
  struct client *line_next, **line_link;
  uint32_t index; /* in the hub's array */

  uint8_t state;           /* enum client_state */
  uint8_t representation;  /* enum representation */
  uint8_t role;            /* enum auth_role */
  uint8_t pings_open;      /* pings without an answer, or comments that were not taken */
  bool blocked : 1;        /* the peer takes no more; the transport says when it does again */
  bool in_ring : 1;        /* `sequence` is good */
  bool skipped : 1;        /* its filter has skipped events since the last it was sent */
  bool metrics_due : 1;    /* a metrics_update, if it changed */
  bool metrics_forced : 1; /* ... also if it did not */
  bool state_due : 1;      /* the answer to get_state */
  bool close_sent : 1;
  bool violated : 1;      /* it broke the protocol, and may not know it yet */
  bool metrics_shown : 1; /* it was sent a snapshot, `fingerprint` */
  bool frozen : 1;        /* its history is gone: it gets no more events, and will be sent away */

  int64_t cursor;    /* everything up to this id was written, skipped or told as a gap */
  uint64_t sequence; /* in the ring: of the first event above the cursor */
  struct subscription subscription;
  uint64_t fingerprint; /* of the snapshot that it was sent last */

  struct frame *partial;        /* a frame that is half written; one reference */
  uint32_t partial_at;          /* bytes of it that are written */
  struct buf *own;              /* bytes that only this client gets; NULL: none */
  struct ws_receiver *receiver; /* NULL between messages */
  struct buf *head;             /* tcp.c's: the request's head so far; only in CLIENT_HANDSHAKE */
  uint32_t head_scanned;

  /* Ticks of the wheel. */
  uint32_t deadline;    /* of the handshake or the close; 0: none */
  uint32_t alive_at;    /* the next ping or comment; CLIENT_LINGERING: when it is told the end */
  uint32_t metrics_at;  /* the next metrics_update; 0: none */
  uint32_t position_at; /* not before this the position is told again */
  uint32_t check_at;    /* when the credential is looked at again; 0: never */

  /* Bytes, counted around: only differences mean something. */
  uint32_t sent;       /* written */
  uint32_t taken;      /* of them by the peer, when that was looked at last */
  uint32_t alive_mark; /* `sent` behind the last ping or comment */

  uint32_t bucket_ms;        /* when the buckets were filled, since the hub's start */
  uint16_t command_tokens;   /* in 1/20 of a command, so that a bucket fills by whole tokens */
  uint16_t violation_tokens; /* the same for what closes the connection */
  int64_t expires_ms;        /* of the credential; 0: never */
  struct auth_ticket ticket; /* to look at it again */
  struct census_row *of_address, *of_credential; /* where it is counted; NULL: it is not */
};

static inline bool client_is_websocket(const struct client *client) {
  return client->representation == REPRESENTATION_WS ||
         client->representation == REPRESENTATION_WS_DEFLATE;
}

#define CLIENT_HANDSHAKE_MS 10000
#define CLIENT_STALE_MS     2000 /* a handshake of this age makes room for others */
#define CLIENT_CLOSE_MS     5000 /* for our last bytes */
#define CLIENT_LINGER_MS    2000 /* for the peer's end after them */
#define CLIENT_QUIET_MS     250  /* without a byte of a peer that broke the protocol */
#define CLIENT_POSITION_MS  20000
#define CLIENT_CHECK_MS     30000 /* a key that was deleted stops being good within this */
#define CLIENT_OWN_MAX      65536 /* a client with more waiting is not read from */

/* Clients in a line; one stands in one line at most. `end` is where the next is linked. */
struct client_line {
  struct client *first, **end;
};

static inline void client_line_init(struct client_line *line) {
  *line = (struct client_line){.end = &line->first};
}

/* At the end. The client must stand in none. */
void client_line_join(struct client_line *line, struct client *client);

/* The client must stand in this one. */
void client_line_leave(struct client_line *line, struct client *client);

/* What one client is given at a time; then others have their turn (behind.c). */
#define CLIENT_FLUSH_MAX_BYTES 131072

/* Returns: a client in CLIENT_HANDSHAKE, owned by the hub, whose transport is yet to be set up;
 * NULL when out of memory. */
struct client *client_new(struct hub *hub, const struct transport *transport);

/* Makes room for another handshake: drops the oldest, unless that is so young that its request may
 * just not have been read yet. Returns: whether there is room. */
bool client_drop_stale_handshake(struct hub *hub);

/* Closes at once and forgets everything. The struct lives until the end of this turn of the loop.
 */
void client_drop(struct client *client);

/* Goes over from the handshake to the connection. */
void client_open(struct client *client);

/* Has the transport write as much as the peer takes. */
void client_flush(struct client *client);

/* For transports, after they wrote. `more`: the client was given its share, and has further bytes
 * that its peer would take; it gets them in its turn. */
void client_written(struct client *client, bool more);

/* For transports: the peer takes bytes again. */
void client_writable(struct client *client);

/* For transports: bytes of the peer, after the handshake. May drop the client. */
void client_take(struct client *client, struct slice bytes);

/* Whether bytes of the peer are wanted; else they are to wait on its side: a peer that does not
 * take its answers is not read from, so that they cannot grow. */
bool client_wants_input(const struct client *client);

/* Where own bytes are put; client_flush sends them. Returns: borrowed; NULL when out of memory
 * (the client is then dropped). */
struct buf *client_own(struct client *client);

/* Puts the message {"event":NAME,"data":DATA} into the own bytes. `data` is JSON; `event_id` is
 * where an SSE client then stands, FRAME_NO_ID for where it stood. */
void client_say(struct client *client, const char *name, struct slice data, int64_t event_id);

/* Ends the connection after what is in the own bytes by now: with a close frame for WebSocket. */
void client_close(struct client *client, uint16_t code, const char *reason);

/* The same after telling `closing` with `reason` and how long to wait before coming back. */
void client_close_telling(struct client *client, uint16_t code, const char *reason,
                          uint32_t retry_after_ms);

/* Ends it without a close frame (an answer to a refused handshake, SSE). */
void client_finish(struct client *client);

/* Sets the cursor; events above it come next. */
void client_seek(struct client *client, int64_t cursor);

/* Replaces the subscription. Takes: the reference to subscription->audience. */
void client_subscribe(struct client *client, const struct subscription *subscription);

/* Sets the timer for the earliest thing that has a time. */
void client_schedule(struct client *client);

#endif
