/*
 * The files that a glob in the list `logs` stands for.
 */
#ifndef BELFRY_WATCHD_TAIL_GLOB_H
#define BELFRY_WATCHD_TAIL_GLOB_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

struct tail_glob {
  /* A regular file, links followed, whose name matches and is not that of a packed one. */
  void (*on_file)(void *arg, const char *path, const struct stat *st, bool is_link);
  /* A folder in which such files may be. */
  void (*on_folder)(void *arg, const char *path);
  void *arg;
};

/* Goes through them; files that are no links first. Returns: 0 or BELFRY_ENOMEM. */
int tail_glob_walk(const char *pattern, const struct tail_glob *wanted) BELFRY_MUST_CHECK;

#endif
