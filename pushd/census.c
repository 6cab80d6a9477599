#include "pushd/census.h"

#include "base/fd.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), begun with the seed. */
static uint32_t hash_key(const struct census *census, const uint8_t key[CENSUS_KEY_BYTES]) {
  uint64_t hash = 0xcbf29ce484222325u ^ census->seed;
  for (int i = 0; i < CENSUS_KEY_BYTES; i++)
    hash = (hash ^ key[i]) * 0x100000001b3u;
  return (uint32_t)(hash ^ hash >> 32);
}

static struct census_row **bucket_of(struct census *census, uint32_t hash) {
  return &census->buckets[hash & (census->bucket_count - 1)];
}

/* Makes room for one more row. A table that cannot grow only gets slower. Returns: whether there is
 * any. */
static bool grow(struct census *census) {
  uint32_t wanted = census->bucket_count ? census->bucket_count * 2 : BUCKETS_MIN;
  if (census->row_count < census->bucket_count)
    return true;
  struct census_row **buckets = calloc(wanted, sizeof *buckets), **old = census->buckets;
  if (!buckets)
    return old != NULL;
  if (!old)
    fd_random(&census->seed, sizeof census->seed);
  uint32_t old_count = census->bucket_count;
  census->buckets = buckets;
  census->bucket_count = wanted;
  for (uint32_t i = 0; i < old_count; i++)
    for (struct census_row *row = old[i], *next; row; row = next) {
      struct census_row **bucket = bucket_of(census, row->hash);
      next = row->next;
      row->next = *bucket;
      *bucket = row;
    }
  free(old);
  return true;
}

void census_fini(struct census *census) {
  free(census->buckets);
  *census = (struct census){0};
}

struct census_row *census_enter(struct census *census, const uint8_t key[CENSUS_KEY_BYTES]) {
  if (!grow(census))
    return NULL;
  uint32_t hash = hash_key(census, key);
  struct census_row **bucket = bucket_of(census, hash);
  for (struct census_row *row = *bucket; row; row = row->next)
    if (row->hash == hash && memcmp(row->key, key, CENSUS_KEY_BYTES) == 0) {
      row->count++;
      return row;
    }
  struct census_row *row = malloc(sizeof *row);
  if (!row)
    return NULL;
  *row = (struct census_row){.next = *bucket, .hash = hash, .count = 1};
  memcpy(row->key, key, CENSUS_KEY_BYTES);
  *bucket = row;
  census->row_count++;
  return row;
}

void census_leave(struct census *census, struct census_row *row) {
  if (!row || --row->count)
    return;
  struct census_row **link = bucket_of(census, row->hash);
  while (*link != row)
    link = &(*link)->next;
  *link = row->next;
  census->row_count--;
  free(row);
}
