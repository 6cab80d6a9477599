/* lib/base/action: a packet is refused, or says what makes the same packet again. */
#include "base/action.h"
#include "property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct slice packet = slice_new((const char *)data, size);
  struct action_message message;
  struct buf again;
  int status = action_read(packet, &message);
  PROPERTY(status == BELFRY_OK || status == BELFRY_EPROTO || status == BELFRY_EVERSION,
           "it is refused for a reason");
  if (status)
    return 0;
  buf_init(&again, 0);
  action_put(&again, &message);
  PROPERTY(again.len == size, "nothing of it is left over");
  PROPERTY(message.text.len <= size && message.recovery_id.len <= size, "texts are within it");
  buf_fini(&again);
  return 0;
}
