/*
 * How far a log file has been read, as the history keeps it: which file (device, inode, a
 * fingerprint of its first bytes) and how many bytes.
 */
#ifndef BELFRY_WATCHD_TAIL_POSITION_H
#define BELFRY_WATCHD_TAIL_POSITION_H

#include "base/error.h"
#include "base/slice.h"
#include "history/append.h"
#include "watchd/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define TAIL_HEAD_BYTES 1024 /* first bytes that make the fingerprint, as far as they were read */

/* The first bytes of a file, as they were when they were read. */
struct tail_head {
  size_t len;
  char bytes[TAIL_HEAD_BYTES];
};

struct tail_position {
  int64_t device, inode;
  int64_t offset;  /* bytes read */
  int64_t version; /* of the row; 0: there is none yet */
  uint64_t hash;   /* of the head */
  size_t head_len;
};

/* Makes the position speak of this head. */
void tail_position_set_head(struct tail_position *position, const struct tail_head *head);

/* Adds bytes that were read at `offset`, if they belong to the head. */
void tail_head_add(struct tail_head *head, int64_t offset, const char *bytes, size_t len);

/* Reads `len` first bytes of a file. Returns: false when it has fewer, or fails. */
bool tail_head_read(int fd, size_t len, struct tail_head *head);

/* Whether the file starts with this head. */
bool tail_head_matches(int fd, const struct tail_head *head);

/* Whether the open file may be the one that the position speaks of, by its size and its first
 * bytes; fills `head`. */
bool tail_position_matches(const struct tail_position *position, int fd, const struct stat *st,
                           struct tail_head *head);

/* Finds the stored position of `path`. Returns: 0; BELFRY_ENOENT when there is none; or why the
 * history cannot be read. */
int tail_position_read(struct reader *reader, const char *path,
                       struct tail_position *out) BELFRY_MUST_CHECK;

/* Calls for each file that the history has a position of. Returns: 0, or why the history cannot be
 * read. */
typedef void (*tail_position_fn)(void *arg, struct slice path,
                                 const struct tail_position *position);
int tail_position_each(struct reader *reader, tail_position_fn on_position,
                       void *arg) BELFRY_MUST_CHECK;

/* Puts the move to `position` into the batch, to be refused when the stored version is not
 * `position->version`. */
void tail_position_put(struct history_batch *batch, const char *path,
                       const struct tail_position *position);

#endif
