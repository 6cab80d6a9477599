#include "pushd/h2_head.h"

#include <string.h>

void h2_head_init(struct h2_head *head) {
  memset(head, 0, sizeof *head);
  buf_init(&head->text, REQUEST_HEAD_MAX_BYTES);
  buf_init(&head->cookie, REQUEST_HEAD_MAX_BYTES);
}

void h2_head_fini(struct h2_head *head) {
  buf_fini(&head->text);
  buf_fini(&head->cookie);
}

void h2_head_add(struct h2_head *head, struct slice name, struct slice value) {
  head->bytes += name.len + value.len + H2_HEAD_FIELD_OVERHEAD;
  if (head->bytes > REQUEST_HEAD_MAX_BYTES)
    return;
  if (slice_is(name, "cookie")) {
    if (head->cookie.len)
      buf_put_text(&head->cookie, "; ");
    buf_put_slice(&head->cookie, value);
    return;
  }
  if (head->field_count == sizeof head->fields / sizeof *head->fields) {
    head->too_many = true;
    return;
  }
  head->fields[head->field_count++] = (struct h2_head_field){
      .name_at = (uint32_t)head->text.len,
      .name_len = (uint32_t)name.len,
      .value_at = (uint32_t)(head->text.len + name.len),
      .value_len = (uint32_t)value.len,
  };
  buf_put_slice(&head->text, name);
  buf_put_slice(&head->text, value);
}

static bool add_header(struct request *request, const char *name, struct slice value) {
  if (request->header_count == REQUEST_HEADERS_MAX)
    return false;
  request->headers[request->header_count++] = (struct request_header){slice_of(name), value};
  return true;
}

/* Takes the pseudo header fields out; a request has them first, and each once. */
static void take_pseudo(struct slice name, struct slice value, struct request *out) {
  if (slice_is(name, ":method"))
    out->method = value;
  else if (slice_is(name, ":path"))
    request_set_target(out, value);
  else if (slice_is(name, ":protocol"))
    out->protocol = value;
  else if (slice_is(name, ":authority"))
    (void)add_header(out, "host",
                     value); /* the first, so that it counts should there be a `host` */
}

static int take_fields(struct h2_head *head, struct request *out) {
  for (size_t i = 0; i < head->field_count; i++) {
    const struct h2_head_field *field = &head->fields[i];
    struct slice name = slice_new(head->text.data + field->name_at, field->name_len);
    struct slice value = slice_new(head->text.data + field->value_at, field->value_len);
    if (slice_starts_with(name, ":"))
      take_pseudo(name, value, out);
    else if (out->header_count == REQUEST_HEADERS_MAX)
      return BELFRY_ETOOBIG;
    else
      out->headers[out->header_count++] = (struct request_header){name, value};
  }
  if (head->cookie.len && !add_header(out, "cookie", buf_slice(&head->cookie)))
    return BELFRY_ETOOBIG;
  return BELFRY_OK;
}

int h2_head_finish(struct h2_head *head, struct request *out, const char **error) {
  memset(out, 0, sizeof *out);
  out->version = REQUEST_HTTP_2;
  bool fits = !take_fields(head, out) && !head->too_many;
  if (head->bytes > REQUEST_HEAD_MAX_BYTES || buf_status(&head->text) ||
      buf_status(&head->cookie)) {
    *error = "the request's head is larger than 16 KiB";
    return 431;
  }
  if (!fits) {
    *error = "more than 100 header fields";
    return 431;
  }
  bool connects = slice_is(out->method, "CONNECT");
  if (connects && !slice_is(out->protocol, "websocket")) {
    *error = "CONNECT is for WebSocket here: with :protocol websocket (RFC 8441)";
    return 501;
  }
  struct slice length = request_header(out, "content-length");
  if (length.data && !slice_is(length, "0")) {
    *error = "a request for a push connection has no body";
    return 400;
  }
  return 0;
}
