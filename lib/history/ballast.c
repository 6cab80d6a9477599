/* The ballast file. */
#include "history/ballast_priv.h"

#include "base/fd.h"
#include "history/storage_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Beside the ballast itself, what must be free before new data is taken again; else the next group
   would fill the disk at once. */
#define ROOM_BYTES (INT64_C(1) << 20)

static int make(const struct ballast *ballast) {
  struct stat info;
  if (stat(ballast->path, &info) == 0 && info.st_size == ballast->bytes &&
      info.st_blocks * 512 >= ballast->bytes)
    return 0;
  unlink(ballast->path);
  if (ballast->bytes == 0)
    return 0;
  int fd = open(ballast->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return errno;
  int failed = posix_fallocate(fd, 0, ballast->bytes);
  fd_close(&fd);
  if (failed)
    unlink(ballast->path);
  return failed;
}

int ballast__open(struct ballast *ballast, const char *dir, int64_t bytes,
                  struct belfry_error *error) {
  *ballast = (struct ballast){.bytes = bytes};
  if (snprintf(ballast->dir, sizeof ballast->dir, "%s", dir) >= (int)sizeof ballast->dir ||
      snprintf(ballast->path, sizeof ballast->path, "%s/" STORAGE_BALLAST, dir) >=
          (int)sizeof ballast->path)
    return belfry_error_set(error, BELFRY_EINVAL, "the history's path %s is too long", dir);
  (void)!make(ballast); /* a disk without room for it shows in the first commit that fails */
  return BELFRY_OK;
}

void ballast__give_up(struct ballast *ballast) {
  ballast->given_up = true;
  unlink(ballast->path);
}

bool ballast__has_room(struct ballast *ballast, struct belfry_error *error) {
  struct statvfs disk;
  if (!ballast->given_up)
    return true;
  if (statvfs(ballast->dir, &disk) < 0) {
    belfry_error_errno(error, errno, "cannot see how full the disk of %s is", ballast->dir);
    return false;
  }
  int64_t available = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
  int64_t needed = ballast->bytes + ROOM_BYTES;
  if (available < needed || make(ballast)) {
    belfry_error_set(error, BELFRY_EFULL,
                     "the disk of %s is full: %lld KiB are free, %lld KiB are needed to go on",
                     ballast->dir, (long long)(available / 1024), (long long)(needed / 1024));
    return false;
  }
  ballast->given_up = false;
  return true;
}
