#include "tests/unit/history/dying.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

int64_t dying_calls_left;
enum dying_fault dying_fault;
bool dying_disk_full;

static void die(void) {
  syscall(SYS_kill, (pid_t)syscall(SYS_getpid), SIGKILL);
}

/* Whether the fault is at this call. */
static bool is_at_fault(void) {
  if (dying_calls_left == 0 || --dying_calls_left > 0)
    return false;
  if (dying_fault == DIES_BEFORE)
    die();
  return true;
}

static ssize_t write_with_fault(int fd, const void *bytes, size_t len, off_t at) {
  if (dying_disk_full) {
    errno = ENOSPC;
    return -1;
  }
  bool at_fault = is_at_fault();
  if (at_fault && dying_fault == DIES_HALFWAY)
    len = len / 2 + 1;
  ssize_t n = syscall(SYS_pwrite64, fd, bytes, len, at);
  if (at_fault)
    die();
  return n;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) {
  return write_with_fault(fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at) {
  return write_with_fault(fd, bytes, len, at);
}

#define WITH_FAULT(result, call)                                                                   \
  bool at_fault = is_at_fault();                                                                   \
  int result = (int)(call);                                                                        \
  if (at_fault)                                                                                    \
    die();                                                                                         \
  return result

int fsync(int fd) {
  WITH_FAULT(result, syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
  WITH_FAULT(result, syscall(SYS_fdatasync, fd));
}

int ftruncate(int fd, off_t len) {
  WITH_FAULT(result, syscall(SYS_ftruncate, fd, len));
}

int ftruncate64(int fd, off64_t len) {
  WITH_FAULT(result, syscall(SYS_ftruncate, fd, len));
}

int unlink(const char *path) {
  WITH_FAULT(result, syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
