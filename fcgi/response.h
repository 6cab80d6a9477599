/*
 * An answer in the making: status, headers, body. The two helpers below are the only place where an
 * error gets its shape (RFC 9457, or OTLP's).
 */
#ifndef BELFRY_FCGI_RESPONSE_H
#define BELFRY_FCGI_RESPONSE_H

#include "base/buf.h"
#include "base/error.h"
#include "fcgi/request.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stdint.h>

#define RESPONSE_BODY_BYTES_MAX ((size_t)64 << 20)

enum response_errors {
  RESPONSE_PROBLEM, /* as RFC 9457 wants them */
  RESPONSE_STATUS,  /* as OTLP does: {"code","message"} with the codes of gRPC */
};

enum response_caching {
  RESPONSE_NO_STORE,   /* what a cache must not keep */
  RESPONSE_REVALIDATE, /* what has an ETag */
};

/*
 * Sends bytes to the client; none: looks whether it is still there. Either way the request has
 * shown that it goes on, and gets time anew. Returns: 0, or BELFRY_ECLOSED when the client has gone
 * away or takes too long.
 */
typedef int (*response_write_fn)(void *arg, struct slice bytes);

struct response {
  int status;
  const char *content_type;    /* NULL: no body */
  enum response_errors errors; /* what they look like; decided before there is one */
  enum response_caching caching;
  struct buf headers;      /* owned; whole lines beside those that every answer has */
  struct buf body;         /* owned */
  response_write_fn write; /* for response_flush() */
  void *write_arg;
  bool open_ended; /* how long it will be is not known when the head goes out */
  bool begun;      /* the head has gone out, nothing of it can be changed */
  bool broken;     /* what was begun cannot be ended as it should, and the client must see that */
};

void response_init(struct response *response);
void response_fini(struct response *response);

/* Makes it an empty 200 again; keeps the memory, and where it is written to. */
void response_clear(struct response *response);

/* Adds a header line. The text must not hold what a request said, unless it was checked. */
void response_header(struct response *response, const char *name, const char *format, ...)
    BELFRY_PRINTF(3, 4);

/* Starts a JSON answer. Returns: its body, to put the text into. */
struct buf *response_json(struct response *response, int status);

/* Makes it an error. `detail` says what was wrong and what would be right. Drops what was put
 * before. */
void response_problem(struct response *response, const struct request *request, int status,
                      const char *format, ...) BELFRY_PRINTF(4, 5);

/* The same for a wrong body or parameter: `problem` says where, `before` is put in front of its
 * pointer ("/3", "line 4", or ""). */
void response_input_problem(struct response *response, const struct request *request, int status,
                            const char *before, const struct model_problem *problem);

/* Makes it 503 with Retry-After. */
void response_unavailable(struct response *response, const struct request *request,
                          int retry_after_s, const char *why);

/*
 * Gives it an ETag of `fingerprint`, and makes it 304 without a body if the request has that one
 * already. Returns: whether it did, so that there is nothing more to do.
 */
bool response_etag(struct response *response, const struct request *request, uint64_t fingerprint);

/* The same with a fingerprint of its body, for one that has no clock in it. */
void response_etag_body(struct response *response, const struct request *request);

/* Whether the request may change what has this fingerprint: it sends no If-Match, or one that names
 * it (or `*`). */
bool response_matches(const struct request *request, uint64_t fingerprint);

/*
 * Sends what there is of the answer, the head first, and empties the body: a long answer goes out
 * in pieces. Returns: 0; BELFRY_ECLOSED when the client has gone away or takes too long; or why the
 * body could not be made.
 */
int response_flush(struct response *response, const struct request *request) BELFRY_MUST_CHECK;

/* Puts the status line (as CGI says it) and all headers. */
void response_put_head(const struct response *response, const struct request *request,
                       struct buf *out);

#endif
