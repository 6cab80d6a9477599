#include "pushd/http1.h"

#include <string.h>
#include <strings.h>

/* A token's characters (RFC 9110, 5.6.2). */
static bool is_token_char(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    if (!is_token_char((unsigned char)text.data[i]))
      return false;
  return text.len > 0;
}

/* Visible characters, blanks and bytes above ASCII; no control characters, so no bare CR either. */
static bool is_field_value(struct slice text) {
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f)
      return false;
  }
  return true;
}

static bool is_target(struct slice text) {
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c <= 0x20 || c >= 0x7f)
      return false;
  }
  return text.len > 0;
}

static bool same_name(struct slice name, const char *other) {
  size_t len = strlen(other);
  return name.len == len && strncasecmp(name.data, other, len) == 0;
}

/* Returns: length of the head with its empty line; 0 when it is not complete. */
static size_t find_end(struct slice input, size_t *scanned) {
  size_t from = *scanned > 3 ? *scanned - 3 : 0;
  const char *end =
      input.len > from ? memmem(input.data + from, input.len - from, "\r\n\r\n", 4) : NULL;
  *scanned = input.len;
  return end ? (size_t)(end - input.data) + 4 : 0;
}

/* Takes a line off the front of `*rest`, which ends in CRLF. */
static struct slice take_line(struct slice *rest) {
  const char *end = memmem(rest->data, rest->len, "\r\n", 2);
  struct slice line = slice_new(rest->data, (size_t)(end - rest->data));
  rest->data += line.len + 2;
  rest->len -= line.len + 2;
  return line;
}

static int parse_request_line(struct slice line, struct request *out, const char **error) {
  struct slice target, version;
  const char *text = "the request line is not 'METHOD /path HTTP/1.1'";
  struct slice rest = line;
  if (!slice_split(&rest, ' ', &out->method) || !is_token(out->method) ||
      !slice_split(&rest, ' ', &target) || !is_target(target) ||
      !slice_split(&rest, ' ', &version) || rest.data) {
    *error = text;
    return 400;
  }
  if (version.len != 8 || !slice_starts_with(version, "HTTP/") || version.data[6] != '.' ||
      version.data[5] < '0' || version.data[5] > '9' || version.data[7] < '0' ||
      version.data[7] > '9') {
    *error = text;
    return 400;
  }
  if (version.data[5] != '1') {
    *error = "only HTTP/1.1 is spoken here";
    return 505;
  }
  out->version = version.data[7] == '0' ? REQUEST_HTTP_1_0 : REQUEST_HTTP_1_1;
  if (target.data[0] != '/') {
    *error = "the request's target must be a path";
    return 400;
  }
  request_set_target(out, target);
  return 0;
}

static int parse_header(struct slice line, struct request *out, const char **error) {
  if (out->header_count == REQUEST_HEADERS_MAX) {
    *error = "more than 100 header fields";
    return 431;
  }
  struct request_header *header = &out->headers[out->header_count];
  const char *colon = memchr(line.data, ':', line.len);
  header->name = slice_new(line.data, colon ? (size_t)(colon - line.data) : 0);
  if (!is_token(header->name)) { /* also a folded line and a blank before the colon */
    *error = "a header field is not 'Name: value'";
    return 400;
  }
  header->value = slice_new(colon + 1, line.len - header->name.len - 1);
  if (!is_field_value(header->value)) {
    *error = "a header field holds a control character";
    return 400;
  }
  header->value = slice_trim(header->value);
  if (!header->value.data)
    header->value.data = "";
  out->header_count++;
  return 0;
}

static size_t count_header(const struct request *request, const char *name) {
  size_t count = 0;
  for (size_t i = 0; i < request->header_count; i++)
    count += same_name(request->headers[i].name, name);
  return count;
}

static int check_framing(const struct request *request, const char **error) {
  if (count_header(request, "host") != 1 &&
      (request->version == REQUEST_HTTP_1_1 || count_header(request, "host"))) {
    *error = "there must be exactly one Host";
    return 400;
  }
  struct slice length = request_header(request, "content-length");
  if (count_header(request, "transfer-encoding") || (length.data && !slice_is(length, "0"))) {
    *error = "a request for a push connection has no body";
    return 400;
  }
  return 0;
}

int http1_parse(struct slice input, size_t *scanned, struct request *out, const char **error) {
  out->header_count = 0;
  size_t head_bytes = find_end(input, scanned);
  if (head_bytes > REQUEST_HEAD_MAX_BYTES || (!head_bytes && input.len >= REQUEST_HEAD_MAX_BYTES)) {
    bool in_first_line = !memmem(input.data, REQUEST_HEAD_MAX_BYTES, "\r\n", 2);
    *error = "the request's head is larger than 16 KiB";
    return in_first_line ? 414 : 431;
  }
  if (!head_bytes) {
    /* Something that is no HTTP at all need not be waited for. */
    if (input.len && !is_token_char((unsigned char)input.data[0])) {
      *error = "this is not an HTTP request";
      return 400;
    }
    return BELFRY_EMORE;
  }
  struct slice rest = slice_new(input.data, head_bytes - 2);
  int status = parse_request_line(take_line(&rest), out, error);
  while (!status && rest.len > 0)
    status = parse_header(take_line(&rest), out, error);
  if (!status)
    status = check_framing(out, error);
  out->head_bytes = head_bytes;
  return status;
}
