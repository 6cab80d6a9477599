/*
 * What the tests of the packed blobs (chunk, block, roll-up) share: numbers at random that are the
 * same in each run, and blobs that are damaged in every way.
 */
#ifndef BELFRY_TESTS_HISTORY_BLOB_H
#define BELFRY_TESTS_HISTORY_BLOB_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

uint64_t random_bits(void);
uint64_t random_below(uint64_t limit);

/* Unpacks a blob with what belongs to it, and looks at all that comes of it. Returns: what
 * unpacking returned. */
typedef int (*blob_take_fn)(void *coder, struct slice blob, struct belfry_error *error);

/* With each bit flipped, cut off at each length, and a byte longer it is BELFRY_ECORRUPT, and the
 * error says something. */
void blob_check_damage(struct slice blob, blob_take_fn take, void *coder);

/* Damaged `rounds` times at random (bytes changed, cut out, doubled), but with a checksum that is
 * right, it unpacks or is BELFRY_ECORRUPT. */
void blob_check_forgeries(struct slice blob, blob_take_fn take, void *coder, int rounds);

#endif
