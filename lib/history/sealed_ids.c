#include "history/sealed_ids_priv.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* A table holds a number for each event: 12 bits of its hash, and 20 of which block of the table it
   is in, from 1. The slot follows from 20 other bits. So one lookup in 4,000 or so goes to the
   database in vain. */
#define SLOT_BITS   20
#define SLOTS       (1u << SLOT_BITS)
#define FILL_MAX    (SLOTS / 4 * 3)
#define PLACE_MASK  ((1u << 20) - 1)
#define FORGET_ROWS 4 /* with each block that is added: more go than come */

struct table {
  struct table *next; /* the older one */
  uint32_t *slots;    /* owned */
  uint32_t filled;
  int64_t *first_ids; /* owned; of its blocks */
  uint32_t block_count, block_cap;
  int64_t received_ms; /* of the newest event in it */
};

struct sealed_ids {
  struct storage *storage; /* borrowed */
  struct id_hasher *hasher;
  struct table *newest;
};

/* --- hashes --- */

struct id_hasher {
  EVP_MD *digest; /* fetched once: that takes longer than a hash */
  EVP_MD_CTX *context;
};

struct id_hasher *id_hasher__new(void) {
  struct id_hasher *hasher = calloc(1, sizeof *hasher);
  if (!hasher)
    return NULL;
  hasher->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
  hasher->context = EVP_MD_CTX_new();
  if (hasher->digest && hasher->context)
    return hasher;
  id_hasher__free(hasher);
  return NULL;
}

void id_hasher__free(struct id_hasher *hasher) {
  if (!hasher)
    return;
  EVP_MD_CTX_free(hasher->context);
  EVP_MD_free(hasher->digest);
  free(hasher);
}

int id_hasher__make(struct id_hasher *hasher, struct slice source, struct slice event_id,
                    uint8_t hash[static SEALED_HASH_BYTES]) {
  uint8_t whole[EVP_MAX_MD_SIZE];
  if (EVP_DigestInit_ex2(hasher->context, hasher->digest, NULL) != 1 ||
      EVP_DigestUpdate(hasher->context, source.data, source.len) != 1 ||
      EVP_DigestUpdate(hasher->context, "", 1) != 1 ||
      EVP_DigestUpdate(hasher->context, event_id.data, event_id.len) != 1 ||
      EVP_DigestFinal_ex(hasher->context, whole, NULL) != 1)
    return BELFRY_ENOMEM;
  memcpy(hash, whole, SEALED_HASH_BYTES);
  return BELFRY_OK;
}

/* --- tables --- */

static void free_table(struct table *table) {
  free(table->slots);
  free(table->first_ids);
  free(table);
}

static struct table *add_table(struct sealed_ids *ids) {
  struct table *table = calloc(1, sizeof *table);
  if (!table)
    return NULL;
  table->slots = calloc(SLOTS, sizeof *table->slots);
  if (!table->slots) {
    free_table(table);
    return NULL;
  }
  table->next = ids->newest;
  ids->newest = table;
  return table;
}

static int add_block(struct table *table, int64_t first_id, int64_t received_ms) {
  if (table->block_count == table->block_cap) {
    uint32_t cap = table->block_cap ? table->block_cap * 2 : 64;
    int64_t *first_ids = realloc(table->first_ids, cap * sizeof *first_ids);
    if (!first_ids)
      return BELFRY_ENOMEM;
    table->first_ids = first_ids;
    table->block_cap = cap;
  }
  table->first_ids[table->block_count++] = first_id;
  table->received_ms = received_ms;
  return BELFRY_OK;
}

static void split_hash(const uint8_t *hash, uint32_t *slot, uint32_t *mark) {
  uint32_t low;
  memcpy(&low, hash, sizeof low);
  *slot = low & (SLOTS - 1);
  *mark = low & ~PLACE_MASK;
}

static int remember(struct sealed_ids *ids, int64_t first_id, int64_t received_ms,
                    const uint8_t *hashes, size_t count) {
  struct table *table = ids->newest;
  uint32_t slot, mark;
  if (count > FILL_MAX)
    return BELFRY_ETOOBIG;
  if (!table || table->filled + count > FILL_MAX || table->block_count == PLACE_MASK)
    table = add_table(ids);
  int status = table ? add_block(table, first_id, received_ms) : BELFRY_ENOMEM;
  for (size_t i = 0; i < count && !status; i++) {
    split_hash(hashes + i * SEALED_HASH_BYTES, &slot, &mark);
    while (table->slots[slot])
      slot = (slot + 1) & (SLOTS - 1);
    table->slots[slot] = mark | table->block_count;
    table->filled++;
  }
  return status;
}

/* Gives up the tables of which the newest event is too old. */
static void drop_old(struct sealed_ids *ids, int64_t before_ms) {
  struct table **link = &ids->newest;
  while (*link && (*link)->received_ms >= before_ms)
    link = &(*link)->next;
  while (*link) {
    struct table *old = *link;
    *link = old->next;
    free_table(old);
  }
}

/* --- with the database --- */

static int read_all(struct sealed_ids *ids, sqlite3_stmt *statement, struct belfry_error *error) {
  int status = BELFRY_OK, code = SQLITE_DONE;
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    const uint8_t *hashes = sqlite3_column_blob(statement, 2);
    size_t bytes = (size_t)sqlite3_column_bytes(statement, 2);
    status = remember(ids, sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                      hashes, bytes / SEALED_HASH_BYTES);
    if (status)
      belfry_error_set(error, status, "out of memory while reading which events were sealed");
  }
  if (!status && code != SQLITE_DONE)
    status = storage__fail(ids->storage, code, "cannot read which events were sealed", error);
  sqlite3_reset(statement);
  return status;
}

int sealed_ids__load(struct storage *storage, struct sealed_ids **out, struct belfry_error *error) {
  sqlite3_stmt *statement;
  struct sealed_ids *ids = calloc(1, sizeof *ids);
  if (!ids || !(ids->hasher = id_hasher__new())) {
    free(ids);
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while opening the history");
  }
  ids->storage = storage;
  int status = storage__statement(storage, SQL_SEALED_IDS_ALL, &statement, error);
  if (!status)
    status = read_all(ids, statement, error);
  if (status)
    sealed_ids__free(ids);
  else
    *out = ids;
  return status;
}

void sealed_ids__free(struct sealed_ids *ids) {
  if (!ids)
    return;
  drop_old(ids, INT64_MAX);
  id_hasher__free(ids->hasher);
  free(ids);
}

static int run(struct sealed_ids *ids, enum sql_statement number,
               const struct history_value *values, size_t count, struct belfry_error *error) {
  sqlite3_stmt *statement;
  int status = storage__statement(ids->storage, number, &statement, error);
  if (!status)
    status = storage__bind(statement, values, count, error);
  return status ? status : storage__run(ids->storage, statement, NULL, error);
}

int sealed_ids__add(struct sealed_ids *ids, int64_t first_id, int64_t received_ms, int64_t now_ms,
                    const uint8_t *hashes, size_t count, struct belfry_error *error) {
  const struct history_value row[] = {
      HISTORY_VALUE_INTEGER("first_id", first_id), HISTORY_VALUE_INTEGER("received", received_ms),
      HISTORY_VALUE_BLOB("hashes", slice_new((const char *)hashes, count * SEALED_HASH_BYTES))};
  const struct history_value old[] = {HISTORY_VALUE_INTEGER("limit", FORGET_ROWS),
                                      HISTORY_VALUE_INTEGER("before", now_ms - SEALED_IDS_MS)};
  int status = run(ids, SQL_SEALED_IDS_FORGET, old, 2, error);
  if (!status)
    status = run(ids, SQL_SEALED_IDS_INSERT, row, 3, error);
  if (status)
    return status;
  drop_old(ids, now_ms - SEALED_IDS_MS);
  status = remember(ids, first_id, received_ms, hashes, count);
  return status ? belfry_error_set(error, status, "out of memory while sealing events") : BELFRY_OK;
}

static bool holds(const uint8_t *hashes, size_t count, const uint8_t *hash) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = memcmp(hashes + middle * SEALED_HASH_BYTES, hash, SEALED_HASH_BYTES);
    if (order == 0)
      return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

/* Looks into a block's row, which may be gone. */
static int look(struct sealed_ids *ids, int64_t first_id, const uint8_t *hash, bool *found,
                struct belfry_error *error) {
  sqlite3_stmt *statement;
  const struct history_value values[] = {HISTORY_VALUE_INTEGER("first_id", first_id)};
  int status = storage__statement(ids->storage, SQL_SEALED_IDS_GET, &statement, error);
  if (!status)
    status = storage__bind(statement, values, 1, error);
  if (status)
    return status;
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) {
    const uint8_t *hashes = sqlite3_column_blob(statement, 0);
    *found = holds(hashes, (size_t)sqlite3_column_bytes(statement, 0) / SEALED_HASH_BYTES, hash);
  } else if (code != SQLITE_DONE) {
    status = storage__fail(ids->storage, code, "cannot read which events were sealed", error);
  }
  sqlite3_reset(statement);
  return status;
}

int sealed_ids__find(struct sealed_ids *ids, struct slice source, struct slice event_id,
                     bool *found, struct belfry_error *error) {
  uint8_t hash[SEALED_HASH_BYTES];
  uint32_t home, mark;
  *found = false;
  if (!ids->newest)
    return BELFRY_OK;
  int status = id_hasher__make(ids->hasher, source, event_id, hash);
  if (status)
    return belfry_error_set(error, status, "out of memory while looking for duplicates");
  split_hash(hash, &home, &mark);
  for (struct table *table = ids->newest; table; table = table->next)
    for (uint32_t slot = home; table->slots[slot]; slot = (slot + 1) & (SLOTS - 1))
      if ((table->slots[slot] & ~PLACE_MASK) == mark) {
        status =
            look(ids, table->first_ids[(table->slots[slot] & PLACE_MASK) - 1], hash, found, error);
        if (status || *found)
          return status;
      }
  return BELFRY_OK;
}
