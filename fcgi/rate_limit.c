/* A cell is one 64-bit word, changed as a whole: 20 bits of the hash, 20 bits of the window's
   number, 24 bits of count. It is looked for in a few places side by side. */
#include "fcgi/rate_limit.h"

#define PLACES    4
#define TAG_MAX   0xfffffu
#define COUNT_MAX 0xffffffu

struct cell {
  uint32_t tag, window, count;
};

static uint64_t pack(struct cell cell) {
  return (uint64_t)cell.tag << 44 | (uint64_t)cell.window << 24 | cell.count;
}

static struct cell unpack(uint64_t word) {
  return (struct cell){(uint32_t)(word >> 44), word >> 24 & TAG_MAX, word & COUNT_MAX};
}

/* The place that has it, or the one that it may take: where the fewest requests are counted. */
static atomic_ullong *find_place(struct shared *shared, uint64_t hash, struct cell wanted) {
  atomic_ullong *best = NULL;
  uint32_t fewest = UINT32_MAX;
  for (uint64_t i = 0; i < PLACES; i++) {
    atomic_ullong *place = &shared->rates[(hash + i) % SHARED_RATES_MAX];
    struct cell cell = unpack(atomic_load_explicit(place, memory_order_relaxed));
    if (cell.tag == wanted.tag && cell.window == wanted.window && cell.count > 0)
      return place;
    uint32_t count = cell.window == wanted.window ? cell.count : 0;
    if (count < fewest) {
      fewest = count;
      best = place;
    }
  }
  return best;
}

struct rate rate_take(struct shared *shared, struct slice who, int64_t limit, int64_t window_ms,
                      int64_t monotonic_ms) {
  uint64_t hash = shared_hash(who);
  struct cell own = {(uint32_t)(hash >> 44), (uint32_t)(monotonic_ms / window_ms) & TAG_MAX, 0};
  atomic_ullong *place = find_place(shared, hash, own);
  unsigned long long before = atomic_load(place), after;
  struct cell cell;
  do {
    cell = unpack(before);
    if (cell.tag != own.tag || cell.window != own.window)
      cell = own;
    if (cell.count < COUNT_MAX)
      cell.count++;
    after = pack(cell);
  } while (!atomic_compare_exchange_weak(place, &before, after));
  int64_t rest_ms = window_ms - monotonic_ms % window_ms;
  return (struct rate){.refused = cell.count > limit,
                       .left = cell.count < limit ? limit - cell.count : 0,
                       .reset_s = (int)((rest_ms + 999) / 1000)};
}

struct slice rate_who(const struct request *request, char out[ADDRESS_TEXT_BYTES]) {
  struct address address;
  const struct auth_identity *identity = &request->identity;
  if (identity->kind != AUTH_NOBODY)
    return slice_of(identity->id[0] ? identity->id : identity->name);
  if (!address_parse(request->address, &address))
    return request->address;
  if (!address_is_ipv4(&address))
    address = network_around(&address, 64).address;
  address_format(&address, out);
  return slice_of(out);
}
