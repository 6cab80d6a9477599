/* pushd: any bytes as the request of a push connection, and behind it what a client says at once.
 * The first byte says how much its peer takes at a time. */
#include "tests/fuzz/property.h"
#include "tests/fuzz/push_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct push_peer peer;
  if (size == 0 || size > 65536)
    return 0;
  push_peer_hub();
  push_peer_begin(&peer, data[0] & 0x80 ? SIZE_MAX : (size_t)data[0] * 8);
  push_peer_request(&peer, slice_new((const char *)data + 1, size - 1));
  for (int i = 0; i < 4 && !peer.dropped; i++)
    push_peer_take(&peer, (size_t)(data[0] & 0x7f) * 16);
  push_peer_end(&peer);
  return 0;
}
