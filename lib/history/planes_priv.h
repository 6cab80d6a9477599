/*
 * Columns of 64-bit numbers, packed: differences to what came before, made small and positive, then
 * cut into bytes of equal weight ("planes"), each of which is constant, or compressed with zstd, or
 * left alone. Measurements that move in small steps need little more than their entropy.
 *
 * Doubles that are decimals (96.7) are kept as integers, so that their small steps stay small;
 * those that arithmetic has moved beside one (96.700000000000003) too, with how far. Either way
 * exactly the bits that were put come back.
 *
 * A column says nothing about its length; who keeps it keeps that too. The fields are those of
 * base/wire.h:
 *
 *     integers: u8 order (0 to 2 differences), i64 for each of the first `order` values, planes
 *     bits:     i64 first value, planes (each value XOR the one before)
 *     doubles:  u8 exponent of ten (0 to 15) and a column of integers, which are the values times
 *               that power; or 32 more, and a further column of integers: how many steps of its
 *               last bit each lies above that; or 255 and a column of bits
 *     planes:   u8 number of planes, from the lowest byte; for each: u8 kind, then
 *               CONSTANT u8 | STORED the bytes | ZSTD u32 length and a frame
 */
#ifndef BELFRY_HISTORY_PLANES_PRIV_H
#define BELFRY_HISTORY_PLANES_PRIV_H

#include "base/buf.h"
#include "base/error.h"
#include "base/wire.h"

#include <stddef.h>
#include <stdint.h>

#define PLANES_VALUES_MAX 65536

struct planes;

/* Returns: owned, free with planes__free(); NULL when out of memory. Not for two threads. */
struct planes *planes__new(void);
void planes__free(struct planes *planes);

/* Puts `count` values, 1 to PLANES_VALUES_MAX. Returns: 0, BELFRY_ENOMEM, or BELFRY_ETOOBIG when
 * `out` has no room for it; `out` then ends in a part of a column. */
int planes__put_integers(struct planes *planes, const int64_t *values, size_t count,
                         struct buf *out) BELFRY_MUST_CHECK;
int planes__put_bits(struct planes *planes, const uint64_t *values, size_t count,
                     struct buf *out) BELFRY_MUST_CHECK;
int planes__put_doubles(struct planes *planes, const double *values, size_t count,
                        struct buf *out) BELFRY_MUST_CHECK;

/* Takes `count` values into `values`. Returns: 0; BELFRY_ECORRUPT for what put cannot have made;
 * BELFRY_ENOMEM. */
int planes__take_integers(struct planes *planes, struct wire *in, int64_t *values,
                          size_t count) BELFRY_MUST_CHECK;
int planes__take_bits(struct planes *planes, struct wire *in, uint64_t *values,
                      size_t count) BELFRY_MUST_CHECK;
int planes__take_doubles(struct planes *planes, struct wire *in, double *values,
                         size_t count) BELFRY_MUST_CHECK;

/* The power of ten, 0 to 15, times which all values are whole numbers, to the bit; -1: none. */
int planes__exponent(const double *values, size_t count);

#endif
