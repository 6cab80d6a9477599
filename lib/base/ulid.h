/*
 * Identifiers that are made up where a producer gave none: 26 characters of Crockford's base 32, 48
 * bits of time in milliseconds and 80 random bits (https://github.com/ulid/spec). Ids made one
 * after the other sort in that order, which keeps the index they land in compact.
 */
#ifndef BELFRY_BASE_ULID_H
#define BELFRY_BASE_ULID_H

#include <stdint.h>

#define ULID_BYTES 27 /* with its NUL */

/* Makes ids for one thread. Zero it before the first use. */
struct ulid_maker {
  int64_t last_ms;
  uint8_t random[10];
};

/* Within one millisecond the random part counts up, so that the order holds. */
void ulid_make(struct ulid_maker *maker, int64_t now_ms, char out[ULID_BYTES]);

#endif
