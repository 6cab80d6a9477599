#include "pushd/sse.h"

#include "base/fd.h"
#include "pushd/client.h"

#include <stdint.h>

#define RETRY_MS        2000
#define RETRY_JITTER_MS 3000

void sse_start(struct client *client) {
  struct buf *own = client_own(client);
  if (!own)
    return;
  /* Each browser gets its own time, so that after a restart they do not all come at once. */
  uint32_t jitter;
  fd_random(&jitter, sizeof jitter);
  buf_printf(own, "retry: %u\n\n", RETRY_MS + jitter % RETRY_JITTER_MS);
}

void sse_put_retry(struct client *client, uint32_t ms) {
  struct buf *own = client_own(client);
  if (own)
    buf_printf(own, "retry: %u\n\n", ms);
}
