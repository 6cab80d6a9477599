#include "fcgi/request.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/percent.h"

#include <stdio.h>

#define PATH_BYTES_MAX   1024
#define PREFIX_BYTES_MAX 128

static const struct {
  const char *name;
  enum http_method method;
} methods[] = {
    {"GET", HTTP_GET},     {"HEAD", HTTP_HEAD},     {"POST", HTTP_POST},       {"PUT", HTTP_PUT},
    {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS},
};

const char *http_method_name(enum http_method method) {
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
    if (methods[i].method == method)
      return methods[i].name;
  return "?";
}

static enum http_method method_of(struct slice name) {
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
    if (slice_is(name, methods[i].name))
      return methods[i].method;
  return HTTP_OTHER;
}

void request_init(struct request *request) {
  *request = (struct request){0};
  buf_init(&request->arena, 0);
  buf_init(&request->body_arena, 0);
}

void request_fini(struct request *request) {
  buf_fini(&request->arena);
  buf_fini(&request->body_arena);
}

static bool only_of(struct slice text, const char *allowed) {
  for (size_t i = 0; i < text.len; i++)
    if (!text.data[i] || !strchr(allowed, text.data[i]))
      return false;
  return true;
}

#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static void take_id(struct request *request, struct slice given) {
  if (given.len > 0 && given.len < REQUEST_ID_BYTES && only_of(given, ALPHANUMERIC "_-")) {
    memcpy(request->id, given.data, given.len);
    request->id[given.len] = '\0';
    return;
  }
  unsigned char random[16];
  fd_random(random, sizeof random);
  for (size_t i = 0; i < sizeof random; i++)
    snprintf(request->id + 2 * i, 3, "%02x", random[i]);
}

static bool prefix_is_sane(struct slice prefix) {
  return prefix.len > 1 && prefix.len <= PREFIX_BYTES_MAX && prefix.data[0] == '/' &&
         prefix.data[prefix.len - 1] != '/' && only_of(prefix, ALPHANUMERIC "/_.~-");
}

/* Decodes %XX, and with `plus` `+` as a blank, into the arena, which has room for it. */
static int decode(struct buf *arena, struct slice text, bool plus, struct slice *out) {
  size_t start = arena->len;
  if (!percent_decode(text, plus, arena))
    return BELFRY_EINVAL;
  *out = slice_new(arena->data + start, arena->len - start);
  return utf8_valid_prefix(*out) == out->len ? BELFRY_OK : BELFRY_EINVAL;
}

static int take_query(struct request *request, struct belfry_error *error) {
  if (request->query_text.len > REQUEST_QUERY_BYTES)
    return belfry_error_set(error, BELFRY_EINVAL,
                            "the query string holds %zu bytes; at most %d fit",
                            request->query_text.len, REQUEST_QUERY_BYTES);
  struct slice rest = request->query_text, piece;
  while (slice_split(&rest, '&', &piece)) {
    if (piece.len == 0)
      continue;
    if (request->query_count == REQUEST_QUERY_MAX)
      return belfry_error_set(error, BELFRY_EINVAL, "there are more than %d query parameters",
                              REQUEST_QUERY_MAX);
    struct query_pair *pair = &request->query[request->query_count];
    struct slice value = piece, name;
    (void)slice_split(&value, '=', &name);
    if (decode(&request->arena, name, true, &pair->name))
      return belfry_error_set(error, BELFRY_EINVAL,
                              "the name of query parameter %zu is not percent-encoded UTF-8",
                              request->query_count + 1);
    if (decode(&request->arena, value, true, &pair->value))
      return belfry_error_set(error, BELFRY_EINVAL,
                              "the query parameter '%.*s' is not percent-encoded UTF-8",
                              pair->name.len < 64 ? (int)pair->name.len : 64, pair->name.data);
    request->query_count++;
  }
  return BELFRY_OK;
}

/* The path is SCRIPT_NAME and PATH_INFO together (RFC 3875, 3.3), which the server has decoded; one
   that sends neither sends REQUEST_URI. */
static int take_path(struct request *request, request_param_fn param, const void *arg,
                     struct belfry_error *error) {
  struct slice script = param(arg, "SCRIPT_NAME"), info = param(arg, "PATH_INFO");
  if (script.len + info.len > 0) {
    if (script.len + info.len > PATH_BYTES_MAX)
      return belfry_error_set(error, BELFRY_EINVAL, "the path is longer than %d bytes",
                              PATH_BYTES_MAX);
    size_t start = request->arena.len;
    buf_put_slice(&request->arena, script);
    buf_put_slice(&request->arena, info);
    request->path = slice_new(request->arena.data + start, request->arena.len - start);
    if (utf8_valid_prefix(request->path) != request->path.len)
      return belfry_error_set(error, BELFRY_EINVAL, "the path is not UTF-8");
    return BELFRY_OK;
  }
  struct slice uri = param(arg, "REQUEST_URI"), path;
  (void)slice_split(&uri, '?', &path);
  if (path.len > PATH_BYTES_MAX || decode(&request->arena, path, false, &request->path))
    return belfry_error_set(error, BELFRY_EINVAL,
                            "the path is not percent-encoded UTF-8 of at most %d bytes",
                            PATH_BYTES_MAX);
  return BELFRY_OK;
}

int request_read(struct request *request, request_param_fn param, const void *arg, int64_t now_ms,
                 struct belfry_error *error) {
  /* The memory is kept from request to request. */
  struct buf arena = request->arena, body_arena = request->body_arena;
  *request = (struct request){.arena = arena, .body_arena = body_arena, .now_ms = now_ms};
  buf_clear(&request->arena);
  buf_clear(&request->body_arena);
  take_id(request, param(arg, "HTTP_X_REQUEST_ID"));
  /* Nothing that was decoded may move: room for all of it now. */
  if (!buf_reserve(&request->arena, 2 * (REQUEST_QUERY_BYTES + REQUEST_QUERY_MAX) +
                                        2 * PATH_BYTES_MAX +
                                        CLOUDEVENT_HEADERS_MAX * (CLOUDEVENT_NAME_BYTES_MAX + 1)))
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  request->method = method_of(param(arg, "REQUEST_METHOD"));
  request->query_text = param(arg, "QUERY_STRING");
  request->authorization = param(arg, "HTTP_AUTHORIZATION");
  request->cookie = param(arg, "HTTP_COOKIE");
  request->host = param(arg, "HTTP_HOST");
  request->origin = param(arg, "HTTP_ORIGIN");
  request->sec_fetch_site = param(arg, "HTTP_SEC_FETCH_SITE");
  request->if_none_match = param(arg, "HTTP_IF_NONE_MATCH");
  request->if_match = param(arg, "HTTP_IF_MATCH");
  request->accept = param(arg, "HTTP_ACCEPT");
  request->content_type = param(arg, "CONTENT_TYPE");
  request->content_length = param(arg, "CONTENT_LENGTH");
  request->content_encoding = param(arg, "HTTP_CONTENT_ENCODING");
  request->address = param(arg, "REMOTE_ADDR");
  request->remote_user = param(arg, "REMOTE_USER");
  request->remote_role = param(arg, "BELFRY_ROLE");
  request->https =
      slice_is(param(arg, "HTTPS"), "on") || slice_is(param(arg, "REQUEST_SCHEME"), "https");
  struct slice prefix = param(arg, "BELFRY_PREFIX");
  if (prefix_is_sane(prefix))
    request->prefix = prefix;
  int status = take_path(request, param, arg, error);
  return status ? status : take_query(request, error);
}

void request_take_cloudevent(struct request *request, struct slice name, struct slice value) {
  if (request->cloudevent_count++ >= CLOUDEVENT_HEADERS_MAX)
    return;
  struct cloudevent_header *header = &request->cloudevent[request->cloudevent_count - 1];
  size_t start = request->arena.len;
  for (size_t i = 0; i < name.len && i <= CLOUDEVENT_NAME_BYTES_MAX; i++) {
    char c = name.data[i]; /* CGI has made it upper case, and `-` a `_` */
    buf_put_char(&request->arena, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
  }
  *header = (struct cloudevent_header){
      slice_new(request->arena.data + start, request->arena.len - start), value};
}

struct slice request_query(const struct request *request, const char *name) {
  for (size_t i = request->query_count; i-- > 0;)
    if (slice_is(request->query[i].name, name))
      return request->query[i].value;
  return slice_new(NULL, 0);
}
