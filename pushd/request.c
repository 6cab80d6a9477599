#include "pushd/request.h"

#include "base/percent.h"

#include <string.h>
#include <strings.h>

static bool same_name(struct slice name, const char *other) {
  size_t len = strlen(other);
  return name.len == len && strncasecmp(name.data, other, len) == 0;
}

void request_set_target(struct request *request, struct slice target) {
  const char *mark = memchr(target.data, '?', target.len);
  request->path = slice_new(target.data, mark ? (size_t)(mark - target.data) : target.len);
  request->query =
      mark ? slice_new(mark + 1, target.len - request->path.len - 1) : slice_new(NULL, 0);
}

struct slice request_header(const struct request *request, const char *name) {
  for (size_t i = 0; i < request->header_count; i++)
    if (same_name(request->headers[i].name, name))
      return request->headers[i].value;
  return slice_new(NULL, 0);
}

struct slice request_header_last(const struct request *request, const char *name) {
  struct slice last = slice_new(NULL, 0), rest = last, piece;
  for (size_t i = 0; i < request->header_count; i++)
    if (same_name(request->headers[i].name, name))
      rest = request->headers[i].value;
  while (slice_split(&rest, ',', &piece))
    last = piece;
  return slice_trim(last);
}

void request_header_join(const struct request *request, const char *name, struct buf *out) {
  bool first = true;
  for (size_t i = 0; i < request->header_count; i++) {
    if (!same_name(request->headers[i].name, name))
      continue;
    if (!first)
      buf_put_char(out, ',');
    buf_put_slice(out, request->headers[i].value);
    first = false;
  }
}

bool request_header_has_token(const struct request *request, const char *name, const char *token) {
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

int request_query_next(struct slice *rest, struct buf *scratch, struct slice *name,
                       struct slice *value) {
  struct slice piece;
  do
    if (!slice_split(rest, '&', &piece))
      return 0;
  while (piece.len == 0);
  const char *equals = memchr(piece.data, '=', piece.len);
  size_t name_len = equals ? (size_t)(equals - piece.data) : piece.len;
  buf_clear(scratch);
  if (!percent_decode(slice_new(piece.data, name_len), true, scratch))
    return BELFRY_EINVAL;
  size_t decoded_len = scratch->len;
  if (equals && !percent_decode(slice_new(equals + 1, piece.len - name_len - 1), true, scratch))
    return BELFRY_EINVAL;
  if (buf_status(scratch))
    return buf_status(scratch);
  *name = slice_new(scratch->data, decoded_len);
  *value = slice_new(scratch->data ? scratch->data + decoded_len : "", scratch->len - decoded_len);
  return 1;
}
