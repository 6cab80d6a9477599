/*
 * From a request to its handler: finds the row of routes.def, and does for all handlers what the
 * row says: who may, what may come in, how long it may take.
 */
#ifndef BELFRY_FCGI_ROUTE_H
#define BELFRY_FCGI_ROUTE_H

#include "fcgi/api.h"
#include "fcgi/body.h"

enum route_access {
  ACCESS_OPEN,    /* nobody is asked who they are */
  ACCESS_VISITOR, /* everybody, but who shows a credential must show a good one */
  ACCESS_ANY,     /* everybody with some role */
  ACCESS_VIEWER,  /* the others: who has at least this role */
  ACCESS_OPERATOR,
  ACCESS_ADMIN,
  ACCESS_INGEST,
  ACCESS_SCRAPE,
};

enum route_deadline { DEADLINE_QUICK, DEADLINE_REQUEST };

/* What the answer of a request that succeeds may be. */
enum route_answers {
  ANSWER_JSON = 1,
  ANSWER_NDJSON = 2,
  ANSWER_CSV = 4,
  ANSWER_PROMETHEUS = 8,
  ANSWER_ETAG = 16,   /* it has one, and 304 may come instead */
  ANSWER_OR_503 = 32, /* the same may come with 503 */
  ANSWER_OR_202 = 64, /* answer_record may come instead, with 202 */
};

struct route {
  enum http_method method;
  const char *path;
  enum route_access access;
  const struct field *query;
  enum body_kind body;
  const struct field *body_fields;
  const char *body_schema;   /* of one record of the body; NULL: the table says it all */
  int status;                /* of an answer that succeeds */
  unsigned answers;          /* of enum route_answers; without a type it has no body */
  const char *answer_schema; /* of its JSON; NULL: it is none (fcgi/schemas.h) */
  const char *answer_record; /* of a line of its NDJSON, or of what comes with 202 */
  enum route_deadline deadline;
  api_fn handler;
  const char *summary;
};

/* All rows, `*count` of them. */
const struct route *route_rows(size_t *count);

/* What a Content-Type may be for a row's body. Returns: a comma list, "" when it takes none. */
const char *route_body_types(const struct route *route);

/* The Content-Type of one of enum route_answers that is a type. */
const char *route_answer_type(unsigned answer);

/* Whether `path` is what `pattern` describes; `args` gets what stands for its {placeholders}. */
bool route_path_match(const char *pattern, struct slice path, struct slice args[REQUEST_ARGS_MAX]);

/*
 * Finds the row of `method` and `path` (HEAD is answered by GET's). `*methods` gets the methods
 * that the path has at all, 0 when there is no such path. Returns: NULL when there is no such row.
 */
const struct route *route_find(enum http_method method, struct slice path, unsigned *methods,
                               struct slice args[REQUEST_ARGS_MAX]);

/* The value of an Allow header for `methods`; HEAD comes with GET, OPTIONS with everything. */
void route_put_allow(struct buf *out, unsigned methods);

/* Whether an unsafe request that shows no Bearer credential may be from a page of another site. */
bool route_is_cross_site(const struct request *request);

/* Reads at most `max` bytes of the body into `out` (see fastcgi_read). */
typedef int (*route_read_fn)(void *arg, size_t max, struct buf *out);

/* Answers the request. The body is read only when everything before it is in order. */
void route_answer(struct worker *worker, struct request *request, route_read_fn read, void *arg,
                  struct response *response);

#endif
