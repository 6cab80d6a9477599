/*
 * A log file and the older ones beside it that rotation has left: NAME.1, NAME.2, NAME-20261120,
 * app.1.log, app-20261120.log ... (not the compressed ones), oldest first and the file itself last.
 */
#ifndef BELFRY_WATCHD_TAIL_FAMILY_H
#define BELFRY_WATCHD_TAIL_FAMILY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAIL_FAMILY_MAX 512 /* members; of more, the rest is not seen */

struct tail_member {
  char *path; /* owned */
  int64_t device, inode;
  int64_t size, mtime_ns;
  int64_t number; /* N of NAME.N; -1 for another kind of name */
  bool live;      /* the file itself */
};

struct tail_family {
  struct tail_member *members; /* owned */
  size_t count;
  int64_t changed_ns; /* when a name was last made, renamed or removed in the folder */
  bool quiet;         /* that was long enough ago for the list to be of one moment */
};

/* Lists it. Returns: 0, BELFRY_ENOMEM, or BELFRY_ENOENT / BELFRY_EIO when the folder cannot be
 * read. Free with tail_family_fini() in any case. */
int tail_family_list(const char *path, struct tail_family *out) BELFRY_MUST_CHECK;
void tail_family_fini(struct tail_family *family);

/* Whether no name in the folder has changed since the list was made. */
bool tail_family_unchanged(const char *path, const struct tail_family *family);

/* Whether a name is of a file that is packed, or still being written by who packs or copies. */
bool tail_family_is_packed(const char *name);

/* Asks whether there is, or was, a log file of this path. */
typedef bool (*tail_family_known_fn)(void *arg, const char *path);

/* Whether the file is what rotation left of another that is known. */
bool tail_family_is_rotated(const char *path, tail_family_known_fn known, void *arg);

/* Looks for a file with this inode under any name in the folder where `path` leads to (through
 * symbolic links). Returns: an open descriptor, or -1. */
int tail_family_find_inode(const char *path, int64_t inode);

/* Opens a regular file for reading. Returns: the descriptor, or -1 with errno. */
int tail_open(const char *path);

#endif
