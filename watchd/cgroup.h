/*
 * What systemd's services use, as the kernel counts it for their control groups (cgroups(7)):
 * version 2, or version 1 where that is what is mounted.
 */
#ifndef BELFRY_WATCHD_CGROUP_H
#define BELFRY_WATCHD_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#define CGROUP_UNITS_MAX      1024 /* that are looked at in one reading */
#define CGROUP_DEPTH_MAX      16   /* of slices within slices */
#define CGROUP_UNIT_BYTES     256
#define CGROUP_TEXT_BYTES_MAX 4096

struct cgroup_use {
  const char *unit;     /* as "nginx.service"; borrowed until the callback returns */
  int64_t cpu_us;       /* of all processors since it began, as the other two -1: not known */
  int64_t memory_bytes; /* the files that it has in the cache included, as systemctl(1) shows it */
  int64_t tasks;        /* processes and threads */
};

typedef void (*cgroup_fn)(void *arg, const struct cgroup_use *use);

/* Goes through the services below `root`, usually /sys/fs/cgroup. One within another (those of a
 * user's own systemd) counts as part of it. Returns: how many there are, also beyond
 * CGROUP_UNITS_MAX; 0 where nothing is mounted. */
size_t cgroup_read(const char *root, cgroup_fn on_use, void *arg);

#endif
