/*
 * How full the local file systems are: the mounts of /proc/self/mountinfo, each asked by
 * statvfs(3), beside the loop.
 */
#include "watchd/host_mounts.h"
#include "watchd/host_subject.h"
#include "watchd/mounts_ask.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

struct disk {
  struct host_mount mounts[HOST_MOUNTS_MAX];
};

static void ask(const char *path, struct mount_use *out) {
  struct stat st;
  struct statvfs fs;
  /* A container's /etc/hosts and the like are mounts of single files: no disk of their own. */
  if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || statvfs(path, &fs) < 0)
    return;
  double used = (double)(fs.f_blocks - fs.f_bfree), free_blocks = (double)fs.f_bavail;
  if (fs.f_blocks == 0 || used + free_blocks <= 0)
    return;
  out->known = true;
  out->percent = 100 * used / (used + free_blocks);
  out->free_bytes = free_blocks * (double)fs.f_frsize;
  out->inodes_percent = fs.f_files > 0 && fs.f_ffree <= fs.f_files
                            ? 100 * ((double)(fs.f_files - fs.f_ffree) / (double)fs.f_files)
                            : -1;
}

static void put(const char *path, const struct mount_use *use, const struct host_sink *sink) {
  struct slice mount = slice_of(path);
  if (!use->known)
    return;
  sink->put(sink->arg, "host_disk_percent", "mount", mount, use->percent);
  if (use->inodes_percent >= 0)
    sink->put(sink->arg, "host_disk_inodes_percent", "mount", mount, use->inodes_percent);
  sink->put(sink->arg, "host_disk_free_bytes", "mount", mount, use->free_bytes);
}

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)now_us;
  struct disk *disk = state;
  const char *paths[MOUNTS_ASKED_MAX];
  struct mount_use uses[MOUNTS_ASKED_MAX];
  size_t mounts = host_mounts_parse(text, disk->mounts), count = 0;
  if (text.len > 0 && !host_mounts_tell_root(text))
    paths[count++] = "/";
  for (size_t i = 0; i < mounts; i++)
    paths[count++] = disk->mounts[i].path;
  mounts_ask(paths, count, ask, uses);
  for (size_t i = 0; i < count; i++)
    put(paths[i], &uses[i], sink);
}

const struct host_subject host_disk = {"/proc/self/mountinfo", sizeof(struct disk), take, false};
