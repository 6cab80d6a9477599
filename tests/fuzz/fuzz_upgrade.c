/* cli/upgrade: an answer is the same however it arrives, and nothing is read twice. The first two
 * bytes say where it is cut. */
#include "cli/upgrade.h"
#include "property.h"

#include <string.h>

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static void check_body(const struct upgrade_answer *answer, struct slice bytes, size_t at) {
  struct buf whole, cut;
  buf_init(&whole, 0);
  buf_init(&cut, 0);
  bool complete = upgrade_put_body(answer, bytes, &whole);
  bool early = upgrade_put_body(answer, slice_new(bytes.data, at), &cut);
  PROPERTY(cut.len <= whole.len &&
               memcmp(whole.data ? whole.data : "", cut.data ? cut.data : "", cut.len) == 0,
           "what has come of a body is its beginning");
  PROPERTY(!early || (complete && cut.len == whole.len), "a body that is over gets no longer");
  PROPERTY(whole.len <= bytes.len, "a body is no longer than what came");
  buf_fini(&whole);
  buf_fini(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct upgrade_answer answer, early;
  if (size < 2)
    return 0;
  struct slice bytes = slice_new((const char *)data + 2, size - 2), rest = bytes;
  size_t at = ((size_t)data[0] << 8 | data[1]) % (bytes.len + 1);
  int status = upgrade_read_answer(&rest, KEY, &answer, NULL);
  PROPERTY(rest.data + rest.len == bytes.data + bytes.len, "the rest is the end");
  PROPERTY(!status || rest.len == bytes.len, "what is no answer stays");
  struct slice cut = slice_new(bytes.data, at);
  int cut_status = upgrade_read_answer(&cut, KEY, &early, NULL);
  if (cut_status == BELFRY_OK)
    PROPERTY(!status && early.status == answer.status, "more bytes do not change an answer");
  if (status == BELFRY_EMORE && bytes.len <= UPGRADE_HEAD_BYTES_MAX)
    PROPERTY(cut_status == BELFRY_EMORE, "what needs more bytes needed more before");
  if (!status && answer.status != 101)
    check_body(&answer, rest, rest.len ? at % rest.len : 0);
  return 0;
}
