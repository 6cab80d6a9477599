#include "fcgi/shared.h"

#include <errno.h>
#include <sys/mman.h>

int shared_map(struct shared **out, struct belfry_error *error) {
  void *memory =
      mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return belfry_error_errno(error, errno, "cannot map memory for the workers");
  *out = memory;
  return BELFRY_OK;
}

unsigned shared_busy(const struct shared *shared) {
  unsigned busy = 0;
  for (size_t i = 0; i < SHARED_SLOTS_MAX; i++)
    busy += atomic_load_explicit(&shared->slots[i].busy_since_ms, memory_order_relaxed) != 0;
  return busy;
}
