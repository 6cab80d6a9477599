/* lib/ws: compression gives back what it got, inflating keeps its bound, an offer's answer is one
 * of ours wherever in a list the offer stands. */
#include "tests/fuzz/property.h"
#include "ws/deflate.h"

#include <string.h>

#define MAX_MESSAGE 10000

static void check_round_trip(struct ws_deflater *deflater, struct ws_inflater *inflater,
                             struct slice text) {
  struct buf payload;
  struct slice message;
  buf_init(&payload, 0);
  PROPERTY(ws_deflate(deflater, text, &payload) == 0, "everything can be compressed");
  PROPERTY(ws_inflate(inflater, buf_slice(&payload), text.len, &message) == 0 &&
               slice_equal(message, text),
           "what was compressed comes back");
  buf_fini(&payload);
}

static void check_inflate(struct ws_inflater *inflater, struct slice payload) {
  struct buf first;
  struct slice message;
  buf_init(&first, 0);
  int status = ws_inflate(inflater, payload, MAX_MESSAGE, &message);
  PROPERTY(status == 0 || status == BELFRY_EINVAL || status == BELFRY_ETOOBIG,
           "a payload is a message, broken or too big");
  PROPERTY(message.len <= MAX_MESSAGE && (!status || message.len == 0), "the bound is kept");
  buf_put_slice(&first, message);
  PROPERTY(ws_inflate(inflater, payload, MAX_MESSAGE, &message) == status &&
               slice_equal(buf_slice(&first), message),
           "the same payload is the same message");
  if (!status && message.len)
    PROPERTY(ws_inflate(inflater, payload, message.len - 1, &message) == BELFRY_ETOOBIG,
             "one byte too many is too big");
  buf_fini(&first);
}

static void check_offers(struct slice offers) {
  struct buf list;
  const char *answer = ws_deflate_accept(offers);
  if (!answer)
    return;
  PROPERTY(!strncmp(answer, "permessage-deflate; server_no_context_takeover;", 47),
           "the answer is ours");
  buf_init(&list, 0);
  buf_printf(&list, "x-other; a=\"b\", %.*s, permessage-deflate; x", SLICE_ARG(offers));
  PROPERTY(ws_deflate_accept(buf_slice(&list)) == answer, "an offer is good anywhere in a list");
  buf_fini(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct ws_deflater *deflater;
  static struct ws_inflater *inflater;
  if (!deflater)
    deflater = ws_deflater_new();
  if (!inflater)
    inflater = ws_inflater_new();
  PROPERTY(deflater && inflater, "there is memory");
  struct slice input = slice_new((const char *)data, size);
  check_round_trip(deflater, inflater, input);
  check_inflate(inflater, input);
  check_offers(input);
  return 0;
}
