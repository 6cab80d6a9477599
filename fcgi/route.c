#include "fcgi/route.h"

#include "base/address.h"
#include "base/log.h"
#include "fcgi/accept.h"
#include "fcgi/csv.h"
#include "fcgi/password_gate.h"
#include "fcgi/prometheus.h"
#include "fcgi/rate_limit.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#define DEADLINE_QUICK_MS     2000

#define NO_BODY               BODY_NONE, NULL, NULL
#define RECORDS(schema)       BODY_RECORDS, NULL, #schema
#define LINES(schema)         BODY_LINES, NULL, #schema
#define EVENTS(schema)        BODY_EVENTS, NULL, #schema
#define DOCUMENT(schema)      BODY_DOCUMENT, NULL, #schema
#define OTLP(schema)          BODY_OTLP, NULL, #schema
#define OBJECT(table)         BODY_OBJECT, table, NULL
#define JSON(name)            200, ANSWER_JSON, #name, NULL
#define STATE(name)           200, ANSWER_JSON | ANSWER_ETAG, #name, NULL
#define HEALTH(name)          200, ANSWER_JSON | ANSWER_OR_503, #name, NULL
#define CHECKED(name, later)  200, ANSWER_JSON | ANSWER_OR_202, #name, #later
#define LISTING(name, record) 200, ANSWER_JSON | ANSWER_CSV | ANSWER_NDJSON, #name, #record
#define TABLE(name)           200, ANSWER_JSON | ANSWER_CSV, #name, NULL
#define PROMETHEUS            200, ANSWER_PROMETHEUS, NULL, NULL
#define CREATED(name)         201, ANSWER_JSON, #name, NULL
#define ACCEPTED(name)        202, ANSWER_JSON, #name, NULL
#define NOTHING               204, 0, NULL, NULL
#define ROUTE(method, path, access, query, body, answer, deadline, handler, summary)               \
  {HTTP_##method,       path,    ACCESS_##access, query, body, answer,                             \
   DEADLINE_##deadline, handler, summary},
static const struct route routes[] = {
#include "fcgi/routes.def"
};
#undef ROUTE

const struct route *route_rows(size_t *count) {
  *count = sizeof routes / sizeof *routes;
  return routes;
}

bool route_path_match(const char *pattern, struct slice path, struct slice args[REQUEST_ARGS_MAX]) {
  struct slice pattern_rest = slice_of(pattern), path_rest = path, want, have;
  size_t arg = 0;
  while (slice_split(&pattern_rest, '/', &want)) {
    if (!slice_split(&path_rest, '/', &have))
      return false;
    if (want.len > 0 && want.data[0] == '{') {
      if (have.len == 0 || arg == REQUEST_ARGS_MAX)
        return false;
      args[arg++] = have;
    } else if (!slice_equal(want, have)) {
      return false;
    }
  }
  return path_rest.data == NULL;
}

const struct route *route_find(enum http_method method, struct slice path, unsigned *methods,
                               struct slice args[REQUEST_ARGS_MAX]) {
  const struct route *found = NULL;
  enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
  *methods = 0;
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
    struct slice row_args[REQUEST_ARGS_MAX] = {{0}};
    if (!route_path_match(routes[i].path, path, row_args))
      continue;
    *methods |= routes[i].method;
    if (routes[i].method == wanted) {
      found = &routes[i];
      memcpy(args, row_args, sizeof row_args);
    }
  }
  return found;
}

void route_put_allow(struct buf *out, unsigned methods) {
  if (methods & HTTP_GET)
    methods |= HTTP_HEAD;
  methods |= HTTP_OPTIONS;
  const char *separator = "";
  for (unsigned bit = HTTP_GET; bit <= HTTP_OPTIONS; bit <<= 1) {
    if (methods & bit) {
      buf_printf(out, "%s%s", separator, http_method_name((enum http_method)bit));
      separator = ", ";
    }
  }
}

bool route_is_cross_site(const struct request *request) {
  /* A page cannot set Sec-Fetch-Site; `none` is the user's own doing (Fetch Metadata, 2.3). */
  if (slice_is(request->sec_fetch_site, "same-origin") || slice_is(request->sec_fetch_site, "none"))
    return false;
  if (!request->origin.data)
    return request->sec_fetch_site.len > 0; /* neither: not a browser */
  return !auth_origin_allowed(request->origin, request->host);
}

/* Whether the client is where /metrics may be read from without a key. */
static bool may_read_metrics(const struct conf *conf, const struct request *request) {
  struct address address;
  return conf->access_metrics_from && address_parse(request->address, &address) &&
         network_list_holds(slice_of(conf->access_metrics_from), &address);
}

/* Whether the credential is one that only a program sends. A browser sends cookies, and what it was
 * told in a dialogue for Basic, by itself. */
static bool is_bearer(const struct request *request) {
  struct slice value = slice_trim(request->authorization);
  return value.len > 7 && strncasecmp(value.data, "Bearer ", 7) == 0;
}

/* Returns: whether the request may go on; else the answer says why not. */
static bool check_access(struct worker *worker, const struct route *route, struct request *request,
                         struct response *response) {
  static const enum auth_role needed[] = {
      [ACCESS_VISITOR] = AUTH_ROLE_NONE,  [ACCESS_ANY] = AUTH_ROLE_NONE,
      [ACCESS_VIEWER] = AUTH_ROLE_VIEWER, [ACCESS_OPERATOR] = AUTH_ROLE_OPERATOR,
      [ACCESS_ADMIN] = AUTH_ROLE_ADMIN,   [ACCESS_INGEST] = AUTH_ROLE_INGEST,
      [ACCESS_SCRAPE] = AUTH_ROLE_SCRAPE,
  };
  if (route->access == ACCESS_OPEN)
    return true;
  struct belfry_error error = {0};
  int status = worker_identify(worker, request, &error);
  const struct auth_identity *identity = &request->identity;
  if (status && password_gate_problem(worker, request, response))
    return false;
  if (status && status != BELFRY_EDENIED) {
    worker_read_problem(worker, request, response, status, &error);
    return false;
  }
  if (!status && route->access == ACCESS_SCRAPE && identity->kind == AUTH_NOBODY &&
      may_read_metrics(worker->conf, request))
    return true;
  bool allowed = route->access == ACCESS_ANY
                     ? identity->role != AUTH_ROLE_NONE
                     : auth_role_allows(identity->role, needed[route->access]);
  if (status || (!allowed && identity->kind == AUTH_NOBODY)) {
    response_header(response, "WWW-Authenticate", "Bearer realm=\"belfry\"");
    response_problem(response, request, 401, "%s",
                     status ? error.text
                            : "sign in, or send an API key: Authorization: Bearer bfy_...");
    return false;
  }
  if (!allowed) {
    response_problem(response, request, 403, "this needs the role %s; '%s' has the role %s",
                     auth_role_name(needed[route->access]), identity->name,
                     auth_role_name(identity->role));
    return false;
  }
  return true;
}

/* A condition that is misspelt or empty must not be left out where that would delete more. */
static bool check_conditions(const struct route *route, const struct request *request,
                             struct response *response) {
  struct model_problem problem = {0};
  for (size_t i = 0; i < request->query_count; i++) {
    const struct query_pair *pair = &request->query[i];
    const struct field *known = route->query;
    while (known && known->name && !slice_is(pair->name, known->name))
      known++;
    if (known && known->name && pair->value.len > 0)
      continue;
    char name[48];
    snprintf(name, sizeof name, "%.*s", pair->name.len < 40 ? (int)pair->name.len : 40,
             pair->name.data);
    (void)model_problem_set(&problem, BELFRY_EINVAL, name,
                            known && known->name ? "is empty; leave it out if it is not meant"
                                                 : "is no parameter of this; nothing was done");
    response_input_problem(response, request, 400, "", &problem);
    return false;
  }
  return true;
}

const char *route_answer_type(unsigned answer) {
  return answer == ANSWER_NDJSON       ? "application/x-ndjson"
         : answer == ANSWER_CSV        ? CSV_CONTENT_TYPE
         : answer == ANSWER_PROMETHEUS ? PROMETHEUS_CONTENT_TYPE
                                       : "application/json";
}

static void not_acceptable(const struct route *route, const struct request *request,
                           struct response *response) {
  struct buf offered;
  buf_init(&offered, 0);
  for (unsigned answer = ANSWER_JSON; answer <= ANSWER_PROMETHEUS; answer <<= 1)
    if (route->answers & answer)
      buf_printf(&offered, "%s%s", offered.len ? ", " : "", route_answer_type(answer));
  response_problem(response, request, 406, "Accept excludes all that there is here: %.*s",
                   SLICE_ARG(buf_slice(&offered)));
  buf_fini(&offered);
}

/*
 * What is changed is not left undone for the form of the answer: only GET is asked. Which of
 * several types it becomes says `format`, so that one of them is enough.
 */
static bool check_accept(const struct route *route, const struct request *request,
                         struct response *response) {
  if (route->method != HTTP_GET || request->accept.len == 0)
    return true;
  for (unsigned answer = ANSWER_JSON; answer <= ANSWER_PROMETHEUS; answer <<= 1)
    if ((route->answers & answer) && accept_allows(request->accept, route_answer_type(answer)))
      return true;
  not_acceptable(route, request, response);
  return false;
}

static bool check_query(const struct route *route, struct request *request,
                        struct response *response) {
  if (route->method == HTTP_DELETE && !check_conditions(route, request, response))
    return false;
  for (size_t i = 0; route->query && route->query[i].name; i++) {
    struct slice text = request_query(request, route->query[i].name);
    struct model_problem problem = {0};
    /* An empty one is what a form sends for a field that was left empty. */
    if (text.len > 0 &&
        field_parse(&route->query[i], text, request->now_ms, &request->params[i], &problem)) {
      response_input_problem(response, request, 400, "", &problem);
      return false;
    }
    if (route->query[i].required && text.len == 0) {
      (void)model_problem_set(&problem, BELFRY_EINVAL, route->query[i].name, "is missing: %s",
                              route->query[i].summary);
      response_input_problem(response, request, 400, "", &problem);
      return false;
    }
  }
  return true;
}

const char *route_body_types(const struct route *route) {
  static const char *const types[] = {
      [BODY_NONE] = "",
      [BODY_OBJECT] = "application/json",
      [BODY_RECORDS] = "application/json, application/x-ndjson",
      [BODY_LINES] = "application/json, application/x-ndjson, text/plain",
      [BODY_EVENTS] = ("application/json, application/x-ndjson, application/cloudevents+json, "
                       "application/cloudevents-batch+json"),
      [BODY_DOCUMENT] = "application/json",
      [BODY_OTLP] = "application/json",
  };
  return types[route->body];
}

static bool takes_type(const struct route *route, enum body_type type) {
  switch (type) {
  case BODY_TYPE_JSON:
    return true;
  case BODY_TYPE_NDJSON:
    return route->body == BODY_RECORDS || route->body == BODY_LINES || route->body == BODY_EVENTS;
  case BODY_TYPE_TEXT:
    return route->body == BODY_LINES;
  case BODY_TYPE_CLOUDEVENT:
  case BODY_TYPE_CLOUDEVENTS:
  case BODY_TYPE_CLOUDEVENT_BINARY:
    return route->body == BODY_EVENTS;
  case BODY_TYPE_OTHER:
    return false;
  }
  return false;
}

/* What somebody who sends a wrong type may not know; NULL: nothing. */
static const char *type_hint(const struct route *route, struct slice content_type) {
  if (route->body == BODY_OTLP && slice_glob(slice_of("application/x-protobuf*"), content_type))
    return "; protobuf is not: have the SDK send JSON by OTEL_EXPORTER_OTLP_PROTOCOL=http/json, or "
           "a collector by `encoding: json` of its otlphttp exporter";
  return "";
}

static bool check_type(const struct route *route, struct request *request,
                       struct response *response) {
  request->body_type = body_type_of(request->content_type);
  if (route->body == BODY_EVENTS && request->cloudevent_count > 0 &&
      !body_is_cloudevents_format(request->content_type))
    request->body_type = BODY_TYPE_CLOUDEVENT_BINARY;
  if (takes_type(route, request->body_type))
    return true;
  response_header(response, "Accept", "%s", route_body_types(route));
  response_problem(response, request, 415,
                   "the content type '%.*s' is not taken here; send one of: %s (UTF-8)%s",
                   request->content_type.len < 100 ? (int)request->content_type.len : 100,
                   request->content_type.data, route_body_types(route),
                   type_hint(route, request->content_type));
  return false;
}

static bool is_coding(struct slice coding, const char *name) {
  return coding.len == strlen(name) && strncasecmp(coding.data, name, coding.len) == 0;
}

static void too_large(struct request *request, size_t limit, const char *what,
                      struct response *response) {
  response_problem(response, request, 413, "the body is over the limit of %zu bytes%s", limit,
                   what);
}

/* Reads what CONTENT_LENGTH says, or until the end where it is absent. */
static bool read_body(struct worker *worker, struct request *request, size_t limit,
                      route_read_fn read, void *arg, struct response *response) {
  long long length = -1;
  if (request->content_length.len > 0 &&
      (!slice_to_int64(request->content_length, &length) || length < 0)) {
    response_problem(response, request, 400, "the Content-Length is not a number of bytes");
    return false;
  }
  if (length > (long long)limit) {
    too_large(request, limit, "", response);
    return false;
  }
  struct buf *body = &worker->body;
  size_t want = length >= 0 ? (size_t)length : limit + 1;
  if (read(arg, want, body)) {
    response_unavailable(response, request, 1, "out of memory");
    return false;
  }
  if (length < 0 && body->len > limit) {
    too_large(request, limit, "", response);
    return false;
  }
  if (length >= 0 && body->len < want) {
    response_problem(response, request, 400, "the body ended after %zu of %zu bytes", body->len,
                     want);
    return false;
  }
  request->body = buf_slice(body);
  return true;
}

static bool inflate_body(struct worker *worker, struct request *request, size_t limit,
                         struct response *response) {
  struct slice coding = slice_trim(request->content_encoding);
  if (coding.len == 0 || is_coding(coding, "identity"))
    return true;
  if (!is_coding(coding, "gzip") && !is_coding(coding, "x-gzip")) {
    response_header(response, "Accept-Encoding", "gzip");
    response_problem(response, request, 415, "the only content encoding that is taken is gzip");
    return false;
  }
  int status = body_inflate(request->body, limit, &worker->inflated);
  if (status == BELFRY_ETOOBIG)
    too_large(request, limit, " after inflating", response);
  else if (status == BELFRY_EINVAL)
    response_problem(response, request, 400, "the body is not gzip, damaged, or cut short");
  else if (status)
    response_unavailable(response, request, 1, "out of memory");
  request->body = buf_slice(&worker->inflated);
  return status == BELFRY_OK;
}

static bool is_bulk(const struct route *route, enum body_type type) {
  return route->body == BODY_OTLP || (type != BODY_TYPE_JSON && type != BODY_TYPE_CLOUDEVENT &&
                                      type != BODY_TYPE_CLOUDEVENT_BINARY);
}

static bool take_body(struct worker *worker, const struct route *route, struct request *request,
                      route_read_fn read, void *arg, struct response *response) {
  if (route->body == BODY_NONE)
    return true;
  if (!check_type(route, request, response))
    return false;
  size_t limit =
      (size_t)(is_bulk(route, request->body_type) ? worker->conf->fcgi_max_bulk_body_bytes
                                                  : worker->conf->fcgi_max_body_bytes);
  if (!read_body(worker, request, limit, read, arg, response) ||
      !inflate_body(worker, request, limit, response))
    return false;
  if (route->body != BODY_OBJECT ||
      (request->body.len == 0 && !fields_need_any(route->body_fields)))
    return true;
  struct model_problem problem = {0};
  int status = fields_parse_object(route->body_fields, request->body, request->now_ms,
                                   &request->body_arena, request->fields, &problem);
  if (status)
    worker_input_problem(request, response, status, "", &problem);
  return status == BELFRY_OK;
}

/*
 * Counts the request, also one that showed no good credential. A check of our own health is not
 * refused: Belfry would look down to who watches it.
 */
static bool check_rate(struct worker *worker, const struct route *route,
                       const struct request *request, struct response *response) {
  int64_t limit = worker->conf->fcgi_rate_limit, window_ms = worker->conf->fcgi_rate_window_ms;
  char text[ADDRESS_TEXT_BYTES];
  if (limit == 0 || (route->answers & ANSWER_OR_503))
    return true;
  struct rate rate = rate_take(worker->shared, rate_who(request, text), limit, window_ms,
                               clock_monotonic_ms(worker->clock));
  response_header(response, "RateLimit-Policy", "\"default\";q=%" PRId64 ";w=%" PRId64, limit,
                  window_ms / 1000);
  response_header(response, "RateLimit", "\"default\";r=%" PRId64 ";t=%d", rate.left, rate.reset_s);
  if (!rate.refused)
    return true;
  atomic_fetch_add_explicit(&worker->shared->rate_limited, 1, memory_order_relaxed);
  response_header(response, "Retry-After", "%d", rate.reset_s);
  response_problem(response, request, 429,
                   "more than %" PRId64 " requests in %" PRId64 " seconds %s (fcgi.rate_limit); "
                   "wait %d seconds",
                   limit, window_ms / 1000,
                   request->identity.kind != AUTH_NOBODY ? "with this credential"
                                                         : "from this address",
                   rate.reset_s);
  return false;
}

void route_answer(struct worker *worker, struct request *request, route_read_fn read, void *arg,
                  struct response *response) {
  unsigned methods;
  const struct route *route = route_find(request->method, request->path, &methods, request->args);
  if (!methods) {
    response_problem(response, request, 404, "there is nothing at this path");
    return;
  }
  if (!route) {
    char allow[64];
    struct buf text;
    buf_init(&text, sizeof allow);
    route_put_allow(&text, methods);
    response_header(response, "Allow", "%.*s", SLICE_ARG(buf_slice(&text)));
    if (request->method == HTTP_OPTIONS)
      response->status = 204;
    else
      response_problem(response, request, 405, "this path takes %.*s", SLICE_ARG(buf_slice(&text)));
    buf_fini(&text);
    return;
  }
  if (route->body == BODY_OTLP)
    response->errors = RESPONSE_STATUS;
  int64_t timeout_ms = worker->conf->fcgi_request_timeout_ms;
  if (route->deadline == DEADLINE_QUICK && timeout_ms > DEADLINE_QUICK_MS)
    timeout_ms = DEADLINE_QUICK_MS;
  request->deadline_ms = clock_monotonic_ms(worker->clock) + timeout_ms;
  if (route->method == HTTP_GET)
    response_header(response, "Vary", "%s",
                    route->access == ACCESS_OPEN ? "Accept" : "Accept, Authorization, Cookie");
  bool allowed = check_access(worker, route, request, response);
  if (!check_rate(worker, route, request, response) || !allowed)
    return;
  /* A page of another site could act for the user. */
  if (request_is_unsafe(request) && !is_bearer(request) && route_is_cross_site(request)) {
    response_problem(response, request, 403, "a page of another site may not do this");
    return;
  }
  if (!check_accept(route, request, response) || !check_query(route, request, response) ||
      !take_body(worker, route, request, read, arg, response))
    return;
  route->handler(worker, request, response);
  if ((route->answers & ANSWER_ETAG) && route->method == HTTP_GET && response->status == 200 &&
      response->caching == RESPONSE_NO_STORE)
    response_etag_body(response, request);
}
