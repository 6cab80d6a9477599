/*
 * The opening handshake of a WebSocket client as bytes (RFC 6455, 4.1): the request, and what the
 * server answers. Does no I/O.
 */
#ifndef BELFRY_CLI_UPGRADE_H
#define BELFRY_CLI_UPGRADE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define UPGRADE_HEAD_BYTES_MAX ((size_t)32 << 10)

struct upgrade_request {
  const char *host;   /* with its port, unless that is the scheme's own */
  const char *target; /* path and query */
  const char *key;    /* of ws_key_make */
  const char *bearer; /* an API key, or NULL */
};

/* Texts must not hold line breaks: connection_init sees to it. */
void upgrade_put_request(struct buf *out, const struct upgrade_request *request);

struct upgrade_answer {
  long status;                           /* 101: the connection is a WebSocket from here on */
  int64_t retry_after_s, content_length; /* -1 when they are not said */
  bool chunked;
  struct slice location; /* of a redirect; borrowed from the bytes */
};

/*
 * Reads the head of an answer off the front of `*bytes`; interim answers (100, 103) are passed
 * over. Returns: 0; BELFRY_EMORE while it is not complete, `*bytes` as it was; BELFRY_ETOOBIG; or
 * BELFRY_EPROTO: no answer of HTTP/1, or a 101 that does not fit the request's `key`.
 */
int upgrade_read_answer(struct slice *bytes, const char *key, struct upgrade_answer *answer,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

/*
 * Puts what has arrived of the body of an answer other than 101. Returns: whether all of it has;
 * without a length it ends with the connection only, and whatever is no good chunk ends it too.
 */
bool upgrade_put_body(const struct upgrade_answer *answer, struct slice bytes, struct buf *out);

#endif
