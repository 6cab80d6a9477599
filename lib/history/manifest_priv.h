/* The list of the files of a backup: manifest.json, with sizes and SHA-256. */
#ifndef BELFRY_HISTORY_MANIFEST_PRIV_H
#define BELFRY_HISTORY_MANIFEST_PRIV_H

#include "base/error.h"
#include "history/backup.h"
#include "history/segment_priv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_FILE       "manifest.json"
#define MANIFEST_NAME_BYTES (sizeof SEGMENT_FOLDER + SEGMENT_FILE_BYTES)
#define MANIFEST_HASH_BYTES 65 /* 64 hexadecimal digits and a NUL */

struct manifest_file {
  char name[MANIFEST_NAME_BYTES]; /* hot.db or segments/... */
  int64_t bytes;
  char hash[MANIFEST_HASH_BYTES];
};

/* Zero it before the first use. */
struct manifest {
  struct manifest_file *files; /* owned */
  size_t count, cap;
};

void manifest__fini(struct manifest *manifest);

/* Adds `folder`/`name`, whose bytes are synced and read. */
int manifest__add(struct manifest *manifest, const char *folder, const char *name,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

const struct manifest_file *manifest__find(const struct manifest *manifest, const char *name);

int manifest__write(const struct manifest *manifest, const char *folder,
                    const struct history_backup_summary *summary, int64_t now_ms,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* Returns: 0; BELFRY_ENOENT when there is no backup in `folder`; BELFRY_ECORRUPT; BELFRY_EVERSION.
 */
int manifest__read(struct manifest *manifest, const char *folder,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/* Copies a file and syncs it; `hash` (may be NULL) of what was copied. Returns: 0; BELFRY_ENOENT.
 */
int manifest__copy(const char *from, const char *to, int64_t *bytes, char *hash,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
