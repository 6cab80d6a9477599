/*
 * How full the local file systems are: the mounts of /proc/self/mountinfo, each asked by
 * statvfs(3). Percent is of what ordinary users could have, as df(1) shows it.
 */
#include "watchd/host_mounts.h"
#include "watchd/host_subject.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

struct disk {
  struct host_mount mounts[HOST_MOUNTS_MAX];
};

static void measure(const char *path, const struct host_sink *sink) {
  struct stat st;
  struct statvfs fs;
  /* A container's /etc/hosts and the like are mounts of single files: no disk of their own. */
  if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || statvfs(path, &fs) < 0)
    return;
  double used = (double)(fs.f_blocks - fs.f_bfree), free_blocks = (double)fs.f_bavail;
  if (fs.f_blocks == 0 || used + free_blocks <= 0)
    return;
  struct slice mount = slice_of(path);
  sink->put(sink->arg, "host_disk_percent", "mount", mount, 100 * used / (used + free_blocks));
  if (fs.f_files > 0 && fs.f_ffree <= fs.f_files) /* some file systems have no such limit */
    sink->put(sink->arg, "host_disk_inodes_percent", "mount", mount,
              100 * ((double)(fs.f_files - fs.f_ffree) / (double)fs.f_files));
  sink->put(sink->arg, "host_disk_free_bytes", "mount", mount, free_blocks * (double)fs.f_frsize);
}

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)now_us;
  struct disk *disk = state;
  size_t count = host_mounts_parse(text, disk->mounts);
  if (text.len > 0 && !host_mounts_tell_root(text))
    measure("/", sink);
  for (size_t i = 0; i < count; i++)
    measure(disk->mounts[i].path, sink);
}

const struct host_subject host_disk = {"/proc/self/mountinfo", sizeof(struct disk), take, false};
