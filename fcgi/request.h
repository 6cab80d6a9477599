/*
 * A request as the handlers see it: decoded, bounded, and checked against its row of routes.def.
 * All texts are borrowed until the answer is written.
 */
#ifndef BELFRY_FCGI_REQUEST_H
#define BELFRY_FCGI_REQUEST_H

#include "auth/auth.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "fcgi/body.h"
#include "fcgi/field.h"
#include "model/cloudevent.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_ID_BYTES    65
#define REQUEST_QUERY_MAX   64   /* parameters */
#define REQUEST_QUERY_BYTES 8192 /* of the whole query string */
#define REQUEST_ARGS_MAX    2    /* {placeholders} of a path */

enum http_method {
  HTTP_GET = 1,
  HTTP_HEAD = 2,
  HTTP_POST = 4,
  HTTP_PUT = 8,
  HTTP_PATCH = 16,
  HTTP_DELETE = 32,
  HTTP_OPTIONS = 64,
  HTTP_OTHER = 128,
};

struct query_pair {
  struct slice name, value; /* decoded UTF-8 without NUL */
};

struct request {
  char id[REQUEST_ID_BYTES]; /* the proxy's X-Request-Id, or one made up */
  enum http_method method;
  struct slice path;   /* without the prefix, decoded by the proxy */
  struct slice prefix; /* "" or such as "/monitor" */
  struct slice query_text;
  struct query_pair query[REQUEST_QUERY_MAX];
  size_t query_count;
  struct slice args[REQUEST_ARGS_MAX]; /* what stands for the {placeholders} */

  /* Headers; NULL data when absent. */
  struct slice authorization, cookie, host, origin, sec_fetch_site, if_none_match, if_match;
  struct slice accept, content_type, content_encoding, content_length;
  struct slice address;                                        /* of the client */
  struct cloudevent_header cloudevent[CLOUDEVENT_HEADERS_MAX]; /* what came as ce-NAME */
  size_t cloudevent_count;                                     /* may be more than fit */
  struct slice remote_user, remote_role; /* parameters of the proxy's own, no headers */
  bool https;

  struct auth_identity identity;
  int64_t now_ms;                             /* when it came */
  int64_t deadline_ms;                        /* monotonic */
  struct field_value params[FIELD_COUNT_MAX]; /* of the query, in the order of the row's table */
  struct field_value fields[FIELD_COUNT_MAX]; /* of a body that is an object, likewise */
  struct slice body;                          /* inflated, checked for its type */
  enum body_type body_type;
  struct buf arena;      /* owned; what is decoded of path and query lies here */
  struct buf body_arena; /* owned; what is decoded of the body lies here */
};

/* Gives the parameters of the protocol by their CGI names; NULL data when absent. */
typedef struct slice (*request_param_fn)(const void *arg, const char *name);

void request_init(struct request *request);
void request_fini(struct request *request);

/*
 * Takes the parameters. Returns: 0, or BELFRY_EINVAL with a text for the one who asked; the id is
 * set in any case.
 */
int request_read(struct request *request, request_param_fn param, const void *arg, int64_t now_ms,
                 struct belfry_error *error) BELFRY_MUST_CHECK;

/* Takes a header HTTP_CE_NAME, after request_read(). `value` is borrowed until the answer is
 * written. */
void request_take_cloudevent(struct request *request, struct slice name, struct slice value);

/* Returns: the value of the last parameter `name`; NULL data when absent. */
struct slice request_query(const struct request *request, const char *name);

/* Whether it changes something (RFC 9110, 9.2.1). */
static inline bool request_is_unsafe(const struct request *request) {
  return !(request->method & (HTTP_GET | HTTP_HEAD | HTTP_OPTIONS));
}

const char *http_method_name(enum http_method method);

#endif
