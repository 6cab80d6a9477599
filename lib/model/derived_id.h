/*
 * Event ids for what brings none of its own: 128 bits of SHA-256 over what it says and where. The
 * same text at the same place has the same id each time that it comes.
 */
#ifndef BELFRY_MODEL_DERIVED_ID_H
#define BELFRY_MODEL_DERIVED_ID_H

#include "base/error.h"
#include "base/slice.h"

#include <stddef.h>

#define DERIVED_SEED_BYTES 32
#define DERIVED_ID_BYTES   33 /* 32 hexadecimal digits and a NUL */

struct derived_id {
  void *digest, *context; /* owned */
};

/* Returns: 0 or BELFRY_ENOMEM; free with derived_id_fini() in both cases. */
int derived_id_init(struct derived_id *ids) BELFRY_MUST_CHECK;
void derived_id_fini(struct derived_id *ids);

/* Makes a seed of what several records have in common. Each part's length counts. */
int derived_id_seed(struct derived_id *ids, const struct slice *parts, size_t count,
                    unsigned char seed[DERIVED_SEED_BYTES]) BELFRY_MUST_CHECK;

/* The id of a record of `seed` with this place and text. */
int derived_id_make(struct derived_id *ids, const unsigned char seed[DERIVED_SEED_BYTES],
                    size_t place, struct slice text, char id[DERIVED_ID_BYTES]) BELFRY_MUST_CHECK;

#endif
