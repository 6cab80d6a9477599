/*
 * Which events were sealed lately, by source and event_id, so that one that is sent again is known
 * to be a duplicate. The table `sealed_ids` is the truth; in memory there are four bytes an event
 * (in tables that are filled one after the other and given up as a whole) that say where to look.
 */
#ifndef BELFRY_HISTORY_SEALED_IDS_PRIV_H
#define BELFRY_HISTORY_SEALED_IDS_PRIV_H

#include "history/storage_priv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEALED_HASH_BYTES 16
#define SEALED_IDS_MS     (INT64_C(24) * 3600 * 1000) /* how long they are remembered at least */

/* Makes hashes. One belongs to one thread. */
struct id_hasher;

/* Returns: owned, free with id_hasher__free(); NULL when out of memory. */
struct id_hasher *id_hasher__new(void);
void id_hasher__free(struct id_hasher *hasher);

/* The first bytes of SHA-256 of source, a zero byte and event_id. Returns: 0 or BELFRY_ENOMEM. */
int id_hasher__make(struct id_hasher *hasher, struct slice source, struct slice event_id,
                    uint8_t hash[static SEALED_HASH_BYTES]) BELFRY_MUST_CHECK;

struct sealed_ids;

/* Reads what the database holds. Returns: 0, `*out` owned, free with sealed_ids__free(). */
int sealed_ids__load(struct storage *storage, struct sealed_ids **out,
                     struct belfry_error *error) BELFRY_MUST_CHECK;
void sealed_ids__free(struct sealed_ids *ids);

/* Within the writer's group: remembers a block's hashes, sorted, and forgets some that are too old.
 * If the group is abandoned, nothing has to be undone. */
int sealed_ids__add(struct sealed_ids *ids, int64_t first_id, int64_t received_ms, int64_t now_ms,
                    const uint8_t *hashes, size_t count,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* Whether such an event was sealed. Next to nothing when none was lately. */
int sealed_ids__find(struct sealed_ids *ids, struct slice source, struct slice event_id,
                     bool *found, struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
