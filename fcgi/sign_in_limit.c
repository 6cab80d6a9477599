/* Failed sign-ins by address and by user. A cell is one 64-bit word, changed as a whole: 24 bits of
   a keyed hash, 8 bits of count, 32 bits of the second in which the window began. Of two that share
   a cell the later one takes it over; nobody outside can tell which two do. */
#include "fcgi/shared.h"

#include "base/address.h"

#include <ctype.h>
#include <string.h>

struct cell {
  uint32_t tag, count, start_s;
};

/* One cell, and who it must be of. */
struct place {
  atomic_ullong *cell;
  uint32_t tag, now_s;
};

static uint64_t pack(struct cell cell) {
  return (uint64_t)cell.tag << 40 | (uint64_t)cell.count << 32 | cell.start_s;
}

static struct cell unpack(uint64_t word) {
  return (struct cell){(uint32_t)(word >> 40), word >> 32 & 0xff, (uint32_t)word};
}

static struct place find_place(const struct shared *shared, atomic_ullong *table, struct slice text,
                               int64_t monotonic_ms) {
  uint64_t hash = auth_keyed_hash(shared->secret, sizeof shared->secret, &text, 1);
  return (struct place){&table[hash % SHARED_FAILURES_MAX], (uint32_t)(hash >> 40),
                        (uint32_t)(monotonic_ms / 1000)};
}

/* Somebody may hold a whole network of IPv6 addresses, so they are counted by their /64. */
static struct place place_of_address(struct shared *shared, struct slice text,
                                     int64_t monotonic_ms) {
  struct address address;
  if (address_parse(text, &address)) {
    address = network_around(&address, address_is_ipv4(&address) ? 128 : 64).address;
    text = slice_new((const char *)address.bytes, sizeof address.bytes);
  }
  return find_place(shared, shared->failed_addresses, text, monotonic_ms);
}

/* Names ignore case. */
static struct place place_of_user(struct shared *shared, struct slice user, int64_t monotonic_ms) {
  char name[AUTH_NAME_BYTES];
  size_t len = user.len < sizeof name ? user.len : sizeof name;
  for (size_t i = 0; i < len; i++)
    name[i] = (char)tolower((unsigned char)user.data[i]);
  return find_place(shared, shared->failed_users, slice_new(name, len), monotonic_ms);
}

static bool in_window(struct cell cell, const struct place *place) {
  return cell.count > 0 && cell.tag == place->tag && place->now_s - cell.start_s < SIGN_IN_WINDOW_S;
}

/* Returns: how many failures there were in the window, with `*left_s` of it left. */
static uint32_t failures_at(const struct place *place, int *left_s) {
  struct cell cell = unpack(atomic_load(place->cell));
  if (!in_window(cell, place))
    return 0;
  *left_s = (int)(SIGN_IN_WINDOW_S - (place->now_s - cell.start_s));
  return cell.count;
}

static void count_failure(const struct place *place) {
  unsigned long long before = atomic_load(place->cell), after;
  do {
    struct cell cell = unpack(before);
    if (!in_window(cell, place))
      cell = (struct cell){place->tag, 0, place->now_s};
    if (cell.count < 255)
      cell.count++;
    after = pack(cell);
  } while (!atomic_compare_exchange_weak(place->cell, &before, after));
}

int sign_in_wait_s(struct shared *shared, struct slice address, struct slice user,
                   int64_t monotonic_ms) {
  struct place by_address = place_of_address(shared, address, monotonic_ms);
  int left_s = 0, user_left_s = 0;
  uint32_t failures = failures_at(&by_address, &left_s);
  if (failures >= SIGN_IN_FAILURES_MAX)
    return left_s;
  if (failures == 0 || !user.data)
    return 0;
  struct place by_user = place_of_user(shared, user, monotonic_ms);
  return failures_at(&by_user, &user_left_s) >= SIGN_IN_USER_FAILURES_MAX ? left_s : 0;
}

void sign_in_failed(struct shared *shared, struct slice address, struct slice user,
                    int64_t monotonic_ms) {
  struct place by_address = place_of_address(shared, address, monotonic_ms);
  count_failure(&by_address);
  if (!user.data)
    return;
  struct place by_user = place_of_user(shared, user, monotonic_ms);
  count_failure(&by_user);
}
