#include "cli/backoff.h"

#include "base/fd.h"

#include <errno.h>
#include <time.h>

int64_t backoff_next_ms(struct backoff *backoff) {
  uint16_t random;
  backoff->last_ms = backoff->last_ms ? backoff->last_ms * 2 : BACKOFF_FIRST_MS;
  if (backoff->last_ms > BACKOFF_LAST_MS)
    backoff->last_ms = BACKOFF_LAST_MS;
  fd_random(&random, sizeof random);
  return backoff->last_ms / 2 + backoff->last_ms / 2 * random / UINT16_MAX;
}

void backoff_sleep(int64_t ms) {
  struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
  while (nanosleep(&left, &left) < 0 && errno == EINTR)
    continue;
}
