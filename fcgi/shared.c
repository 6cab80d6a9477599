#include "fcgi/shared.h"

#include "base/fd.h"

#include <errno.h>
#include <sys/mman.h>

int shared_map(struct shared **out, struct belfry_error *error) {
  void *memory =
      mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return belfry_error_errno(error, errno, "cannot map memory for the workers");
  *out = memory;
  fd_random((*out)->secret, sizeof(*out)->secret);
  return BELFRY_OK;
}

unsigned shared_busy(const struct shared *shared) {
  unsigned busy = 0;
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++)
    busy += atomic_load_explicit(&shared->slots[i].busy_since_ms, memory_order_relaxed) != 0;
  return busy;
}

unsigned shared_long_max(int64_t workers) {
  return workers < 8 ? 1 : (unsigned)(workers / 4);
}

unsigned shared_long(const struct shared *shared) {
  unsigned count = 0;
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++)
    count += atomic_load(&shared->slots[i].in_long);
  return count;
}

bool shared_long_begin(struct shared *shared, struct shared_slot *slot, int64_t workers) {
  /* Taken first and counted then: of two that come at once both may be refused, never too many let
     in. */
  atomic_store(&slot->in_long, true);
  if (shared_long(shared) <= shared_long_max(workers))
    return true;
  shared_long_end(slot);
  atomic_fetch_add_explicit(&shared->long_refused, 1, memory_order_relaxed);
  return false;
}

void shared_long_end(struct shared_slot *slot) {
  atomic_store(&slot->in_long, false);
}
