/*
 * A block: events in order of id, packed into a blob with a checksum.
 *
 * Numbers are columns (planes_priv.h). Types and sources are few: each event has the number of its
 * own in a list of those that occur. The texts (event ids, data) lie one behind the other, each
 * text in a column of lengths and one zstd frame of all bytes.
 *
 *     u8 format (1), u32 count, columns of integers: id, timestamp, received, severity, origin;
 *     types and sources: u32 number of texts, the texts, column of numbers;
 *     event ids and data: column of lengths, u32 bytes, u32 length and a zstd frame;
 *     u32 CRC-32 of all before it
 */
#ifndef BELFRY_HISTORY_BLOCK_PRIV_H
#define BELFRY_HISTORY_BLOCK_PRIV_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "history/event.h"

#include <stddef.h>
#include <stdint.h>

#define BLOCK_EVENTS_MAX 1024
#define BLOCK_BYTES_MAX  (64u << 20) /* of the texts of one kind, unpacked */
#define BLOCK_SMALL_MAX  31 /* of severities and origins: they are bits of masks elsewhere */

struct block_coder;

/* Returns: owned, free with block__coder_free(); NULL when out of memory. Not for two threads. */
struct block_coder *block__coder_new(void);
void block__coder_free(struct block_coder *coder);

/* Puts a block of 1 to BLOCK_EVENTS_MAX events; ids must rise, severities and origins be 0 to
 * BLOCK_SMALL_MAX. Returns: 0; BELFRY_ETOOBIG when their texts are over BLOCK_BYTES_MAX or `out`
 * has no room; BELFRY_ENOMEM. After an error `out` ends in a part of a block. */
int block__put(struct block_coder *coder, const struct event *events, size_t count,
               struct buf *out) BELFRY_MUST_CHECK;

struct block {
  size_t count;
  const struct event *events; /* borrowed from the coder until its next call, their texts too */
};

/* Unpacks. Returns: 0; BELFRY_ECORRUPT when it fails its check or is not as block__put makes it;
 * BELFRY_ENOMEM. */
int block__take(struct block_coder *coder, struct slice blob, struct block *out,
                struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
