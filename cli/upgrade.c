#include "cli/upgrade.h"

#include "ws/handshake.h"

#include <string.h>
#include <strings.h>

#include "config.h"

void upgrade_put_request(struct buf *out, const struct upgrade_request *request) {
  buf_printf(out,
             "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: belfry/" PACKAGE_VERSION
             "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: %s\r\n",
             request->target, request->host, request->key);
  if (request->bearer)
    buf_printf(out, "Authorization: Bearer %s\r\n", request->bearer);
  buf_put_text(out, "\r\n");
}

static bool is_word(struct slice text, const char *word) {
  return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

static bool has_token(struct slice list, const char *token) {
  struct slice piece;
  while (slice_split(&list, ',', &piece))
    if (is_word(slice_trim(piece), token))
      return true;
  return false;
}

/* Whether one of ours stands in a 101: each must be right, and what was not asked for absent. */
struct switched {
  bool upgrade, connection, accept, extras;
};

static void take_header(struct slice name, struct slice value, struct slice accept,
                        struct upgrade_answer *answer, struct switched *switched) {
  long long number;
  if (is_word(name, "retry-after") && slice_to_int64(value, &number) && number >= 0)
    answer->retry_after_s = number;
  else if (is_word(name, "content-length") && slice_to_int64(value, &number) && number >= 0)
    answer->content_length = number;
  else if (is_word(name, "transfer-encoding"))
    answer->chunked = has_token(value, "chunked");
  else if (is_word(name, "location"))
    answer->location = value;
  else if (is_word(name, "upgrade"))
    switched->upgrade = is_word(value, "websocket");
  else if (is_word(name, "connection"))
    switched->connection |= has_token(value, "upgrade");
  else if (is_word(name, "sec-websocket-accept"))
    switched->accept = slice_equal(value, accept);
  else if (is_word(name, "sec-websocket-extensions") || is_word(name, "sec-websocket-protocol"))
    switched->extras |= value.len > 0;
}

/* "HTTP/1.1 101 Switching Protocols" */
static bool read_status(struct slice line, long *status) {
  long long number;
  if (line.len < 12 || !slice_starts_with(line, "HTTP/1.") || line.data[8] != ' ' ||
      (line.len > 12 && line.data[12] != ' ') ||
      !slice_to_int64(slice_new(line.data + 9, 3), &number) || number < 100)
    return false;
  *status = (long)number;
  return true;
}

static int read_head(struct slice head, const char *key, struct upgrade_answer *answer,
                     struct belfry_error *error) {
  char accept[WS_ACCEPT_BYTES];
  struct switched switched = {0};
  struct slice line, name;
  *answer = (struct upgrade_answer){.retry_after_s = -1, .content_length = -1};
  ws_accept(slice_of(key), accept);
  (void)slice_split(&head, '\n', &line);
  if (!read_status(slice_trim(line), &answer->status))
    return belfry_error_set(error, BELFRY_EPROTO, "what answers does not speak HTTP/1.1");
  while (slice_split(&head, '\n', &line)) {
    (void)slice_split(&line, ':', &name);
    if (line.data)
      take_header(name, slice_trim(line), slice_of(accept), answer, &switched);
  }
  if (answer->status != 101)
    return BELFRY_OK;
  if (!switched.upgrade || !switched.connection)
    return belfry_error_set(error, BELFRY_EPROTO, "the answer 101 does not switch to WebSocket");
  if (!switched.accept)
    return belfry_error_set(error, BELFRY_EPROTO,
                            "the Sec-WebSocket-Accept of the answer does not fit the key that was "
                            "sent: something in between answers in the server's place");
  if (switched.extras)
    return belfry_error_set(error, BELFRY_EPROTO,
                            "the answer has an extension or a protocol that was not asked for");
  return BELFRY_OK;
}

/* Length of the head with its empty line; 0: it has not come yet. */
static size_t head_length(struct slice bytes) {
  const char *end = bytes.len ? memmem(bytes.data, bytes.len, "\r\n\r\n", 4) : NULL;
  return end ? (size_t)(end - bytes.data) + 4 : 0;
}

int upgrade_read_answer(struct slice *bytes, const char *key, struct upgrade_answer *answer,
                        struct belfry_error *error) {
  struct slice rest = *bytes;
  do {
    size_t len = head_length(rest);
    if (len > UPGRADE_HEAD_BYTES_MAX || (!len && rest.len > UPGRADE_HEAD_BYTES_MAX))
      return belfry_error_set(error, BELFRY_ETOOBIG, "the answer's headers do not end");
    if (rest.len >= 7 && !slice_starts_with(rest, "HTTP/1."))
      return belfry_error_set(error, BELFRY_EPROTO, "what answers does not speak HTTP/1.1");
    if (!len)
      return BELFRY_EMORE;
    int status = read_head(slice_new(rest.data, len), key, answer, error);
    if (status)
      return status;
    rest = slice_new(rest.data + len, rest.len - len);
  } while (answer->status < 200 && answer->status != 101);
  *bytes = rest;
  return BELFRY_OK;
}

static bool read_chunk_size(struct slice line, size_t *size) {
  size_t digits = 0;
  *size = 0;
  line = slice_trim(line);
  for (; digits < line.len && digits < 8; digits++) {
    char c = line.data[digits];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0)
      break;
    *size = *size << 4 | (size_t)digit;
  }
  return digits > 0;
}

bool upgrade_put_body(const struct upgrade_answer *answer, struct slice bytes, struct buf *out) {
  buf_clear(out);
  if (!answer->chunked) {
    bool known = answer->content_length >= 0;
    bool whole = known && (uint64_t)answer->content_length <= bytes.len;
    buf_put_slice(out, whole ? slice_new(bytes.data, (size_t)answer->content_length) : bytes);
    return whole;
  }
  for (;;) {
    const char *end = bytes.len ? memchr(bytes.data, '\n', bytes.len) : NULL;
    size_t line = end ? (size_t)(end - bytes.data) + 1 : 0, size;
    if (!line)
      return false;
    if (!read_chunk_size(slice_new(bytes.data, line), &size) || size == 0)
      return true;
    bytes = slice_new(bytes.data + line, bytes.len - line);
    buf_put_slice(out, slice_new(bytes.data, size < bytes.len ? size : bytes.len));
    if (bytes.len < size + 2)
      return false;
    bytes = slice_new(bytes.data + size + 2, bytes.len - size - 2);
  }
}
