#include "auth/used.h"

#include "auth/auth_priv.h"

/* An id's twelve characters are of these 32: five bits each, which leaves four for the kind. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

#define PLACES_TRIED 8

static bool pack(const struct auth_identity *identity, unsigned long long *out) {
  unsigned long long word = identity->kind == AUTH_USER;
  if (identity->kind != AUTH_KEY && identity->kind != AUTH_USER)
    return false;
  for (size_t i = 0; i < AUTH_KEY_ID_LEN; i++) {
    const char *at = identity->id[i] ? strchr(alphabet, identity->id[i]) : NULL;
    if (!at)
      return false;
    word = word << 5 | (unsigned long long)(at - alphabet);
  }
  *out = word << 1 | 1; /* never 0 */
  return true;
}

static bool unpack(unsigned long long word, char id[AUTH_KEY_ID_BYTES]) {
  word >>= 1;
  for (size_t i = AUTH_KEY_ID_LEN; i-- > 0; word >>= 5)
    id[i] = alphabet[word & 31];
  id[AUTH_KEY_ID_LEN] = '\0';
  return word & 1;
}

void auth_used_note(struct auth_used *used, const struct auth_identity *identity, int64_t now_ms) {
  unsigned long long word;
  if (now_ms - identity->used_ms < AUTH_USED_EVERY_MS || !pack(identity, &word))
    return;
  for (size_t i = 0; i < PLACES_TRIED; i++) {
    unsigned long long there = 0;
    if (atomic_compare_exchange_strong(&used->ids[(word % 251 + i) % AUTH_USED_MAX], &there,
                                       word) ||
        there == word)
      return;
  }
}

void auth_used_put(struct auth_used *used, struct history_batch *batch, int64_t now_ms) {
  char id[AUTH_KEY_ID_BYTES];
  for (size_t i = 0; i < AUTH_USED_MAX; i++) {
    unsigned long long word = atomic_exchange(&used->ids[i], 0);
    if (!word)
      continue;
    bool user = unpack(word, id);
    const struct history_value values[] = {HISTORY_VALUE_TEXT("id", slice_of(id)),
                                           HISTORY_VALUE_INTEGER("now", now_ms)};
    history_batch_mutate(batch, user ? SQL_USER_USED : SQL_API_KEY_USED, false, values, 2);
  }
}
