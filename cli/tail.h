/*
 * What `belfry tail` follows: one stream of the server's messages, over Server-Sent Events
 * (tail_sse.c) or a WebSocket (tail_ws.c). What a message means, how it is shown and where to go on
 * after a lost connection is the same for both, and is here.
 */
#ifndef BELFRY_CLI_TAIL_H
#define BELFRY_CLI_TAIL_H

#include "base/buf.h"
#include "base/slice.h"
#include "cli/http.h"
#include "cli/sse.h"

#include <stdbool.h>
#include <stdint.h>

#define TAIL_SEND_MAX     16
#define TAIL_RETRY_MAX_MS 60000

/* What the command line asks for; borrowed from argv. */
struct tail_options {
  const char *event, *severity, *source, *since, *last, *interval;
  const char *send[TAIL_SEND_MAX]; /* messages to the server after each connect; WebSocket only */
  size_t send_count;
  bool logs, json, raw, coloured;
  bool websocket, dashboard; /* the latter: /ws/dashboard */
};

struct tail {
  struct tail_options options;
  bool terminal; /* where control characters would do something */

  /* The place. SSE keeps its own: the id that the server has sent. */
  struct sse sse;
  char epoch[64]; /* of the history; "" until the server has told it */
  int64_t place;  /* id up to which nothing is missing; -1: not known */

  bool connected;     /* the server has said hello on this connection */
  bool was_lost;      /* there was a connection before */
  int64_t closing_ms; /* the server said when to come back; -1 when not */
};

void tail_init(struct tail *tail, const struct tail_options *options);
void tail_fini(struct tail *tail);

/* Puts what the options filter by, as the query of a path. */
void tail_put_filters(struct buf *path, const struct tail *tail);

/* Shows a message, or does what it says. */
void tail_take(struct tail *tail, struct slice message);

/*
 * One connection, until it ends. Returns: 0 when the server has ended a stream or answered with
 * another status than that of success, which `response` then holds; else why it is over. After
 * BELFRY_EINVAL, BELFRY_EPROTO, BELFRY_EIO and BELFRY_ENOMEM there is no point in another.
 */
int tail_over_sse(struct tail *tail, struct http *http, struct http_response *response,
                  struct belfry_error *error) BELFRY_MUST_CHECK;
int tail_over_ws(struct tail *tail, struct http *http, struct http_response *response,
                 struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
