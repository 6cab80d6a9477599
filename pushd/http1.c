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

static int parse_request_line(struct slice line, struct http1_request *out, const char **error) {
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
  out->minor = version.data[7] == '0' ? 0 : 1;
  if (target.data[0] != '/') {
    *error = "the request's target must be a path";
    return 400;
  }
  const char *mark = memchr(target.data, '?', target.len);
  out->path = slice_new(target.data, mark ? (size_t)(mark - target.data) : target.len);
  out->query = mark ? slice_new(mark + 1, target.len - out->path.len - 1) : slice_new(NULL, 0);
  return 0;
}

static int parse_header(struct slice line, struct http1_request *out, const char **error) {
  if (out->header_count == HTTP1_HEADERS_MAX) {
    *error = "more than 100 header fields";
    return 431;
  }
  struct http1_header *header = &out->headers[out->header_count];
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

static size_t count_header(const struct http1_request *request, const char *name) {
  size_t count = 0;
  for (size_t i = 0; i < request->header_count; i++)
    count += same_name(request->headers[i].name, name);
  return count;
}

static int check_framing(const struct http1_request *request, const char **error) {
  if (count_header(request, "host") != 1 &&
      (request->minor == 1 || count_header(request, "host"))) {
    *error = "there must be exactly one Host";
    return 400;
  }
  struct slice length = http1_header(request, "content-length");
  if (count_header(request, "transfer-encoding") || (length.data && !slice_is(length, "0"))) {
    *error = "a request for a push connection has no body";
    return 400;
  }
  return 0;
}

int http1_parse(struct slice input, size_t *scanned, struct http1_request *out,
                const char **error) {
  out->header_count = 0;
  size_t head_bytes = find_end(input, scanned);
  if (head_bytes > HTTP1_HEAD_MAX_BYTES || (!head_bytes && input.len >= HTTP1_HEAD_MAX_BYTES)) {
    bool in_first_line = !memmem(input.data, HTTP1_HEAD_MAX_BYTES, "\r\n", 2);
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

struct slice http1_header(const struct http1_request *request, const char *name) {
  for (size_t i = 0; i < request->header_count; i++)
    if (same_name(request->headers[i].name, name))
      return request->headers[i].value;
  return slice_new(NULL, 0);
}

bool http1_header_has_token(const struct http1_request *request, const char *name,
                            const char *token) {
  for (size_t i = 0; i < request->header_count; i++) {
    if (!same_name(request->headers[i].name, name))
      continue;
    struct slice rest = request->headers[i].value, piece;
    while (slice_split(&rest, ',', &piece))
      if (same_name(slice_trim(piece), token))
        return true;
  }
  return false;
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

static bool decode(struct slice text, struct buf *out) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c == '+') {
      c = ' ';
    } else if (c == '%') {
      int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
      int low = i + 2 < text.len ? hex_digit(text.data[i + 2]) : -1;
      if (high < 0 || low < 0 || high + low == 0)
        return false;
      c = (char)(high << 4 | low);
      i += 2;
    }
    buf_put_char(out, c);
  }
  return true;
}

int http1_query_next(struct slice *rest, struct buf *scratch, struct slice *name,
                     struct slice *value) {
  struct slice piece;
  do
    if (!slice_split(rest, '&', &piece))
      return 0;
  while (piece.len == 0);
  const char *equals = memchr(piece.data, '=', piece.len);
  size_t name_len = equals ? (size_t)(equals - piece.data) : piece.len;
  buf_clear(scratch);
  if (!decode(slice_new(piece.data, name_len), scratch))
    return BELFRY_EINVAL;
  size_t decoded_len = scratch->len;
  if (equals && !decode(slice_new(equals + 1, piece.len - name_len - 1), scratch))
    return BELFRY_EINVAL;
  if (buf_status(scratch))
    return buf_status(scratch);
  *name = slice_new(scratch->data, decoded_len);
  *value = slice_new(scratch->data ? scratch->data + decoded_len : "", scratch->len - decoded_len);
  return 1;
}
