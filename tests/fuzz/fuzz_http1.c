/* pushd/http1: whatever comes, the fields lie within the input and hold only what is allowed. */
#include "pushd/http1.h"
#include "tests/fuzz/fuzz.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_within(struct slice input, struct slice piece) {
  if (piece.len == 0)
    return;
  if (piece.data < input.data || piece.data + piece.len > input.data + input.len)
    abort();
  if (memchr(piece.data, '\n', piece.len) || memchr(piece.data, '\r', piece.len) ||
      memchr(piece.data, '\0', piece.len))
    abort();
}

static void walk_query(struct slice query) {
  struct slice name, value;
  struct buf scratch;
  buf_init(&scratch, 0);
  while (query.data && request_query_next(&query, &scratch, &name, &value) == 1)
    if (name.len + value.len > scratch.len)
      abort();
  buf_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct request request, again;
  struct slice input = slice_new((const char *)data, size);
  size_t scanned = 0, scanned_again = 0;
  const char *error = NULL;
  int status = http1_parse(input, &scanned, &request, &error);
  if (status > 0 && !error)
    abort();
  /* Cut anywhere, the second look comes to the same. */
  int half = http1_parse(slice_new(input.data, size / 2), &scanned_again, &again, &error);
  if (half == BELFRY_EMORE && http1_parse(input, &scanned_again, &again, &error) != status)
    abort();
  if (status)
    return 0;
  if (request.head_bytes > size || request.header_count > REQUEST_HEADERS_MAX)
    abort();
  check_within(input, request.method);
  check_within(input, request.path);
  check_within(input, request.query);
  for (size_t i = 0; i < request.header_count; i++) {
    check_within(input, request.headers[i].name);
    check_within(input, request.headers[i].value);
  }
  (void)!request_header_has_token(&request, "connection", "upgrade");
  walk_query(request.query);
  return 0;
}
