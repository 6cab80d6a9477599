/*
 * The ballast: a file of real blocks that is kept only to be given up when the disk is full, so
 * that checkpoints and deletes can still commit. Knows, too, whether there is room again.
 */
#ifndef BELFRY_HISTORY_BALLAST_PRIV_H
#define BELFRY_HISTORY_BALLAST_PRIV_H

#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct ballast {
  char path[PATH_MAX];
  char dir[PATH_MAX];
  int64_t bytes;
  bool given_up; /* the disk was full, and has not been seen with room since */
};

/* Makes the file if it is not there; that it cannot be made is no error, only less safe. */
int ballast__open(struct ballast *ballast, const char *dir, int64_t bytes,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* The disk is full. */
void ballast__give_up(struct ballast *ballast);

/* Whether there is room to go on: always, unless it was given up; then when there is room for it
 * and some more, and it could be made again. `error` says what is missing. */
bool ballast__has_room(struct ballast *ballast, struct belfry_error *error);

#endif
