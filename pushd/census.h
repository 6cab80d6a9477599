/*
 * How many connections there are from each address, or with each key: a small hash table with a row
 * for each that has at least one, so it is never larger than the number of connections.
 */
#ifndef BELFRY_PUSHD_CENSUS_H
#define BELFRY_PUSHD_CENSUS_H

#include <stdint.h>

#define CENSUS_KEY_BYTES 16

struct census_row {
  struct census_row *next; /* in its bucket */
  uint32_t hash;
  uint32_t count;
  uint8_t key[CENSUS_KEY_BYTES];
};

/* Zero it before the first use. */
struct census {
  struct census_row **buckets; /* owned */
  uint32_t bucket_count;       /* a power of two, or 0 */
  uint32_t row_count;
  uint64_t seed; /* so that nobody can choose addresses that meet in one bucket */
};

/* Rows that are left stay with who entered them; there must be none. */
void census_fini(struct census *census);

/* Counts one more. Returns: its row, borrowed until it is left as often as it was entered; NULL
 * when out of memory. */
struct census_row *census_enter(struct census *census, const uint8_t key[CENSUS_KEY_BYTES]);

/* Counts one less; NULL is fine. */
void census_leave(struct census *census, struct census_row *row);

#endif
