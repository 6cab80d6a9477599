/*
 * Which file systems are worth measuring: the local ones on real devices, each device once.
 */
#ifndef BELFRY_WATCHD_HOST_MOUNTS_H
#define BELFRY_WATCHD_HOST_MOUNTS_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define HOST_MOUNTS_MAX 64

struct host_mount {
  char path[4096];  /* where it is mounted, unescaped; may hold any byte but NUL */
  char device[24];  /* "major:minor" */
  char source[256]; /* "/dev/sda1", a volume's name, ... */
};

/*
 * Reads a text of /proc/self/mountinfo (proc(5)). Of several mounts of one device the shortest path
 * is taken. Network file systems are left out because asking them can hang. Returns: how many of
 * `out` were filled.
 */
size_t host_mounts_parse(struct slice text, struct host_mount out[HOST_MOUNTS_MAX]);

/* Whether the text tells what is mounted at `/`. In a chroot it does not: the root is a folder of a
 * mount outside. */
bool host_mounts_tell_root(struct slice text);

#endif
