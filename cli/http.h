/*
 * Requests to a Belfry server. The only file behind it that knows libcurl is http.c.
 */
#ifndef BELFRY_CLI_HTTP_H
#define BELFRY_CLI_HTTP_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "cli/connection.h"

#include <stdbool.h>
#include <stdint.h>

struct http;

/* Takes: bytes of a successful answer as they come. Returns: 0, or an error that ends the request.
 */
typedef int (*http_bytes_fn)(void *arg, struct slice bytes);

struct http_request {
  const char *method;       /* "GET" */
  const char *path;         /* behind the server's URL, with its query: "api/events?limit=5" */
  const char *accept;       /* the media type; a stream of another one is BELFRY_EPROTO */
  const char *content_type; /* NULL without a body */
  struct slice body;
  const char *last_event_id; /* NULL for none */
  int64_t timeout_ms;        /* 0: as long as bytes come (a stream) */
  http_bytes_fn on_bytes;    /* a stream; NULL: the answer is collected */
  void *arg;
};

struct http_response {
  long status;           /* 0 when there was no answer */
  int64_t retry_after_s; /* -1 when it is not said */
  struct buf body;       /* owned */
};

/* Returns: owned, free with http_close(); NULL with `error` set. Borrows `connection` until then.
 */
struct http *http_open(const struct connection *connection, struct belfry_error *error);
void http_close(struct http *http);

void http_response_init(struct http_response *response);
void http_response_fini(struct http_response *response);

/*
 * Asks and waits. Returns: 0 whatever the answer's status is; BELFRY_ECLOSED or BELFRY_ETIMEDOUT
 * when there was no (whole) answer, which names the server; what on_bytes returned.
 */
int http_perform(struct http *http, const struct http_request *request,
                 struct http_response *response, struct belfry_error *error) BELFRY_MUST_CHECK;

/* As http_perform, and asks again while the server cannot be reached or answers 429, 502, 503 or
 * 504, until `timeout_ms` of the request have passed. For requests that may be repeated. */
int http_perform_patiently(struct http *http, const struct http_request *request,
                           struct http_response *response,
                           struct belfry_error *error) BELFRY_MUST_CHECK;

/* Says on stderr why the answer is not what was asked for: problem+json with its details, and how
 * to give a key for a 401. */
void http_complain(const struct http *http, const struct http_response *response);

/* Whether asking again later makes sense. */
bool http_is_passing(long status);

/*
 * --- bytes both ways, for what is not request and answer (WebSocket) ---
 */

/* The key that goes with requests; NULL for none. Returns: borrowed from the connection. */
const char *http_key(const struct http *http);

/* Puts the server's name as a Host header has it, and the path of its URL, which ends in a slash.
 * A URL with a user in it is BELFRY_EINVAL: it would not be sent. */
int http_put_server(const struct http *http, struct buf *host, struct buf *path,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* Connects (TLS and the environment's proxy included) and sends nothing; hangs up first if need be.
 * Returns: 0, or as http_perform. */
int http_dial(struct http *http, struct belfry_error *error) BELFRY_MUST_CHECK;
void http_hang_up(struct http *http);

/* Sends all bytes. Returns: 0, BELFRY_ECLOSED, or BELFRY_ETIMEDOUT. */
int http_send(struct http *http, struct slice bytes, int64_t timeout_ms,
              struct belfry_error *error) BELFRY_MUST_CHECK;

/* Waits for bytes and puts some. Returns: 0 when there are some, BELFRY_ECLOSED, BELFRY_ETIMEDOUT,
 * or BELFRY_ENOMEM. */
int http_receive(struct http *http, struct buf *into, int64_t timeout_ms,
                 struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
