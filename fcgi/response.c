#include "fcgi/response.h"

#include "base/json.h"
#include "model/state_text.h"

#include <stdarg.h>
#include <stdio.h>

#define HEADERS_BYTES_MAX  8192
#define INSTANCE_BYTES_MAX 2048

/* Codes of gRPC (https://grpc.io/docs/guides/status-codes/): what OTLP's clients know. */
enum {
  GRPC_INVALID_ARGUMENT = 3,
  GRPC_NOT_FOUND = 5,
  GRPC_PERMISSION_DENIED = 7,
  GRPC_RESOURCE_EXHAUSTED = 8,
  GRPC_ABORTED = 10,
  GRPC_UNIMPLEMENTED = 12,
  GRPC_INTERNAL = 13,
  GRPC_UNAVAILABLE = 14,
  GRPC_UNAUTHENTICATED = 16,
};

static const struct {
  int status;
  const char *title;
  int grpc;
} titles[] = {
    {200, "OK", 0},
    {201, "Created", 0},
    {202, "Accepted", 0},
    {204, "No Content", 0},
    {304, "Not Modified", 0},
    {400, "Bad Request", GRPC_INVALID_ARGUMENT},
    {401, "Unauthorized", GRPC_UNAUTHENTICATED},
    {403, "Forbidden", GRPC_PERMISSION_DENIED},
    {404, "Not Found", GRPC_NOT_FOUND},
    {405, "Method Not Allowed", GRPC_UNIMPLEMENTED},
    {406, "Not Acceptable", GRPC_INVALID_ARGUMENT},
    {409, "Conflict", GRPC_ABORTED},
    {412, "Precondition Failed", GRPC_ABORTED},
    {413, "Content Too Large", GRPC_INVALID_ARGUMENT},
    {415, "Unsupported Media Type", GRPC_INVALID_ARGUMENT},
    {422, "Unprocessable Content", GRPC_INVALID_ARGUMENT},
    {429, "Too Many Requests", GRPC_RESOURCE_EXHAUSTED},
    {500, "Internal Server Error", GRPC_INTERNAL},
    {503, "Service Unavailable", GRPC_UNAVAILABLE},
};

static const char *title_of(int status) {
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
    if (titles[i].status == status)
      return titles[i].title;
  return "Unknown";
}

static int grpc_code_of(int status) {
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
    if (titles[i].status == status)
      return titles[i].grpc;
  return GRPC_INTERNAL;
}

void response_init(struct response *response) {
  *response = (struct response){.status = 200};
  buf_init(&response->headers, HEADERS_BYTES_MAX);
  buf_init(&response->body, RESPONSE_BODY_BYTES_MAX);
}

void response_fini(struct response *response) {
  buf_fini(&response->headers);
  buf_fini(&response->body);
}

void response_clear(struct response *response) {
  response->status = 200;
  response->content_type = NULL;
  response->errors = RESPONSE_PROBLEM;
  response->caching = RESPONSE_NO_STORE;
  response->open_ended = response->begun = response->broken = false;
  buf_clear(&response->headers);
  buf_clear(&response->body);
}

void response_header(struct response *response, const char *name, const char *format, ...) {
  char value[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(value, sizeof value, format, args);
  va_end(args);
  buf_printf(&response->headers, "%s: %s\r\n", name, value);
}

struct buf *response_json(struct response *response, int status) {
  response->status = status;
  response->content_type = "application/json";
  buf_clear(&response->body);
  return &response->body;
}

static void begin_problem(struct response *response, const struct request *request, int status,
                          const char *detail) {
  struct buf *body = response_json(response, status);
  response->caching = RESPONSE_NO_STORE;
  if (response->errors == RESPONSE_STATUS) {
    buf_printf(body, "{\"code\":%d,\"message\":", grpc_code_of(status));
    json_put_string(body, slice_of(detail));
    return;
  }
  response->content_type = "application/problem+json";
  buf_printf(body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":",
             title_of(status), status);
  json_put_string(body, slice_of(detail));
  buf_put_text(body, ",\"instance\":");
  struct buf instance;
  buf_init(&instance, INSTANCE_BYTES_MAX);
  buf_put_slice(&instance, request->prefix);
  buf_put_slice(&instance, request->path);
  json_put_string(body, buf_slice(&instance));
  buf_fini(&instance);
  buf_printf(body, ",\"request_id\":\"%s\"", request->id);
}

void response_problem(struct response *response, const struct request *request, int status,
                      const char *format, ...) {
  char detail[600];
  va_list args;
  va_start(args, format);
  vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  begin_problem(response, request, status, detail);
  buf_put_char(&response->body, '}');
}

void response_input_problem(struct response *response, const struct request *request, int status,
                            const char *before, const struct model_problem *problem) {
  char pointer[sizeof problem->pointer + 32], detail[sizeof pointer + sizeof problem->detail + 4];
  snprintf(pointer, sizeof pointer, "%.31s%s", before, problem->pointer);
  snprintf(detail, sizeof detail, "%s%s%s", pointer, pointer[0] ? ": " : "", problem->detail);
  begin_problem(response, request, status, detail);
  if (response->errors == RESPONSE_STATUS) {
    buf_put_char(&response->body, '}');
    return;
  }
  buf_put_text(&response->body, ",\"errors\":[{\"pointer\":");
  json_put_string(&response->body, slice_of(pointer));
  buf_put_text(&response->body, ",\"detail\":");
  json_put_string(&response->body, slice_of(problem->detail));
  buf_put_text(&response->body, "}]}");
}

void response_unavailable(struct response *response, const struct request *request,
                          int retry_after_s, const char *why) {
  response_header(response, "Retry-After", "%d", retry_after_s);
  response_problem(response, request, 503, "%s", why);
}

/* Compared weakly (RFC 9110, 13.1.2). */
static bool etag_listed(struct slice list, const char *tag) {
  struct slice one;
  while (slice_split(&list, ',', &one)) {
    one = slice_trim(one);
    if (slice_starts_with(one, "W/"))
      one = slice_new(one.data + 2, one.len - 2);
    if (slice_is(one, tag) || slice_is(one, "*"))
      return true;
  }
  return false;
}

static void make_tag(uint64_t fingerprint, char out[static 24]) {
  snprintf(out, 24, "\"%016llx\"", (unsigned long long)fingerprint);
}

bool response_matches(const struct request *request, uint64_t fingerprint) {
  char tag[24];
  make_tag(fingerprint, tag);
  return !request->if_match.data || etag_listed(request->if_match, tag);
}

bool response_etag(struct response *response, const struct request *request, uint64_t fingerprint) {
  char tag[24];
  make_tag(fingerprint, tag);
  response->caching = RESPONSE_REVALIDATE;
  /* Weak: clocks and uptimes may differ between two answers with the same tag. */
  response_header(response, "ETag", "W/%s", tag);
  if (!request->if_none_match.data || !etag_listed(request->if_none_match, tag))
    return false;
  response->status = 304;
  response->content_type = NULL;
  buf_clear(&response->body);
  return true;
}

void response_etag_body(struct response *response, const struct request *request) {
  struct state_text text;
  state_text_init(&text, &response->body);
  text.hashed = 0;
  (void)response_etag(response, request, state_text_fingerprint(&text));
}

int response_flush(struct response *response, const struct request *request) {
  int status = buf_status(&response->body);
  if (!status && !response->begun) {
    struct buf head;
    response->open_ended = true;
    buf_init(&head, 0);
    response_put_head(response, request, &head);
    status = buf_status(&response->headers) ? buf_status(&response->headers) : buf_status(&head);
    if (!status) {
      response->begun = true;
      status = response->write(response->write_arg, buf_slice(&head));
    }
    buf_fini(&head);
  }
  if (!status)
    status = response->write(response->write_arg, buf_slice(&response->body));
  buf_clear(&response->body);
  return status;
}

void response_put_head(const struct response *response, const struct request *request,
                       struct buf *out) {
  buf_printf(out, "Status: %d %s\r\n", response->status, title_of(response->status));
  if (response->content_type)
    buf_printf(out, "Content-Type: %s\r\n", response->content_type);
  if (response->content_type && !response->open_ended)
    buf_printf(out, "Content-Length: %zu\r\n", response->body.len);
  buf_printf(out, "X-Request-Id: %s\r\nCache-Control: %s\r\nX-Content-Type-Options: nosniff\r\n",
             request->id,
             response->caching == RESPONSE_NO_STORE ? "no-store" : "private, no-cache");
  buf_put_slice(out, buf_slice(&response->headers));
  buf_put_text(out, "\r\n");
}
