/* Failed sign-ins by address. A cell is one 64-bit word, changed as a whole: 24 bits of the
   address's hash, 8 bits of count, 32 bits of the second in which the window began. Of two
   addresses that share a cell the later one takes it over. */
#include "fcgi/shared.h"

struct cell {
  uint32_t tag, count, start_s;
};

static uint64_t pack(struct cell cell) {
  return (uint64_t)cell.tag << 40 | (uint64_t)cell.count << 32 | cell.start_s;
}

static struct cell unpack(uint64_t word) {
  return (struct cell){(uint32_t)(word >> 40), word >> 32 & 0xff, (uint32_t)word};
}

static bool in_window(struct cell cell, uint64_t hash, uint32_t now_s) {
  return cell.count > 0 && cell.tag == (uint32_t)(hash >> 40) &&
         now_s - cell.start_s < SIGN_IN_WINDOW_S;
}

int sign_in_wait_s(struct shared *shared, struct slice address, int64_t monotonic_ms) {
  uint64_t hash = shared_hash(address);
  uint32_t now_s = (uint32_t)(monotonic_ms / 1000);
  struct cell cell = unpack(atomic_load(&shared->failed_sign_ins[hash % SHARED_ADDRESSES_MAX]));
  if (!in_window(cell, hash, now_s) || cell.count < SIGN_IN_FAILURES_MAX)
    return 0;
  return (int)(SIGN_IN_WINDOW_S - (now_s - cell.start_s));
}

void sign_in_failed(struct shared *shared, struct slice address, int64_t monotonic_ms) {
  uint64_t hash = shared_hash(address);
  uint32_t now_s = (uint32_t)(monotonic_ms / 1000);
  atomic_ullong *place = &shared->failed_sign_ins[hash % SHARED_ADDRESSES_MAX];
  unsigned long long before = atomic_load(place), after;
  do {
    struct cell cell = unpack(before);
    if (!in_window(cell, hash, now_s))
      cell = (struct cell){(uint32_t)(hash >> 40), 0, now_s};
    if (cell.count < 255)
      cell.count++;
    after = pack(cell);
  } while (!atomic_compare_exchange_weak(place, &before, after));
}
