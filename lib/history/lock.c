#include "history/lock_priv.h"

#include "base/fd.h"
#include "history/storage_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes the folder so that it is still there after a power cut, as what will be in it must be. */
int lock__make_dir(const char *dir, struct belfry_error *error) {
  char parent[PATH_MAX];
  if (mkdir(dir, 0750) < 0)
    return errno == EEXIST ? BELFRY_OK
                           : belfry_error_errno(error, errno, "cannot make the folder %s", dir);
  snprintf(parent, sizeof parent, "%s/..", dir);
  int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int status = BELFRY_OK;
  if (fd < 0 || fsync(fd) < 0)
    status = belfry_error_errno(error, errno, "cannot sync the folder of %s", dir);
  fd_close(&fd);
  return status;
}

int lock__take(const char *dir, int *out_fd, struct belfry_error *error) {
  char path[PATH_MAX], text[32];
  snprintf(path, sizeof path, "%s/" STORAGE_LOCK, dir);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0)
    return belfry_error_errno(error, errno, "cannot open %s", path);
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) {
      int status = belfry_error_errno(error, errno, "cannot lock %s", path);
      fd_close(&fd);
      return status;
    }
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    fd_close(&fd);
    return belfry_error_set(error, BELFRY_ECONFLICT,
                            "the history in %s is in use by process %s: only one may write it", dir,
                            text[0] ? text : "(unknown)");
  }
  int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
  /* A full disk must not keep the history from being opened: the lock holds without the number. */
  if (ftruncate(fd, 0) == 0)
    (void)!pwrite(fd, text, (size_t)len, 0);
  *out_fd = fd;
  return BELFRY_OK;
}
