/*
 * Asking file systems how full they are, without ever waiting long: one whose disk has died, or
 * whose server is gone, may never answer. They are asked in a thread; one that does not answer in
 * time is left out until it does, and the others are asked without it.
 */
#ifndef BELFRY_WATCHD_MOUNTS_ASK_H
#define BELFRY_WATCHD_MOUNTS_ASK_H

#include "watchd/host_mounts.h"

#include <stdbool.h>
#include <stddef.h>

#define MOUNTS_ASKED_MAX (HOST_MOUNTS_MAX + 1)
#define MOUNTS_WAIT_MS   500 /* the loop waits so long, once for each that begins to hang */
#define MOUNTS_HUNG_MAX  4   /* threads; with so many hanging nobody is asked any more */

struct mount_use {
  bool known;
  double percent;        /* of what ordinary users could have, as df(1) shows it */
  double free_bytes;     /* for them */
  double inodes_percent; /* negative: it has no such limit */
};

/* How one is asked. Runs in a thread of its own. */
typedef void (*mounts_ask_fn)(const char *path, struct mount_use *out);

/* Fills `out[i]` with what the file system at `paths[i]` says; of at most MOUNTS_ASKED_MAX. The log
 * says when one hangs, and when it answers again. Not reentrant. */
void mounts_ask(const char *const *paths, size_t count, mounts_ask_fn ask, struct mount_use *out);

#endif
