/*
 * When keys and users were last seen: noted here in passing, told to the history together with the
 * daemon's figures, so that no request waits for it. Lies in shared memory where several processes
 * note. What does not fit is noted the next time.
 */
#ifndef BELFRY_AUTH_USED_H
#define BELFRY_AUTH_USED_H

#include "auth/auth.h"

#include <stdatomic.h>

#define AUTH_USED_MAX      256
#define AUTH_USED_EVERY_MS 60000

/* Zero it before the first use. Each is a key's or user's id as a number, and of which kind. */
struct auth_used {
  atomic_ullong ids[AUTH_USED_MAX];
};

/* Notes that `identity` was seen, unless the history knows of its last minute already. */
void auth_used_note(struct auth_used *used, const struct auth_identity *identity, int64_t now_ms);

/* Puts what was noted into the batch, and forgets it. */
void auth_used_put(struct auth_used *used, struct history_batch *batch, int64_t now_ms);

#endif
