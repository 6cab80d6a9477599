#include "base/ulid.h"

#include "base/fd.h"

void ulid_make(struct ulid_maker *maker, int64_t now_ms, char out[ULID_BYTES]) {
  static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  if (now_ms > maker->last_ms) {
    maker->last_ms = now_ms;
    fd_random(maker->random, sizeof maker->random);
  } else {
    /* A carry out of all 80 bits would take 2^79 ids in a millisecond. */
    for (int i = (int)sizeof maker->random - 1; i >= 0 && ++maker->random[i] == 0; i--)
      continue;
  }
  uint64_t ms = (uint64_t)maker->last_ms;
  for (int i = 9; i >= 0; i--) {
    out[i] = alphabet[ms & 31];
    ms >>= 5;
  }
  for (int group = 0; group < 2; group++) { /* 5 bytes make 8 characters */
    uint64_t bits = 0;
    for (int i = 0; i < 5; i++)
      bits = bits << 8 | maker->random[group * 5 + i];
    for (int i = 7; i >= 0; i--) {
      out[10 + group * 8 + i] = alphabet[bits & 31];
      bits >>= 5;
    }
  }
  out[ULID_BYTES - 1] = '\0';
}
