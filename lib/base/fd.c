#include "base/fd.h"

#include "base/clock.h"
#include "base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void fd_close(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

int fd_set_nonblocking(int fd, bool on) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0)
    return BELFRY_EIO;
  flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  return fcntl(fd, F_SETFL, flags) < 0 ? BELFRY_EIO : BELFRY_OK;
}

static int unix_address(const char *path, struct sockaddr_un *address, struct belfry_error *error) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address->sun_path)
    return belfry_error_set(error, BELFRY_EINVAL,
                            "socket path %s is longer than %zu bytes: choose a shorter paths.run",
                            path, sizeof address->sun_path - 1);
  strcpy(address->sun_path, path);
  return BELFRY_OK;
}

int fd_unix_connect(const char *path, int *out_fd, struct belfry_error *error) {
  struct sockaddr_un address;
  int status = unix_address(path, &address, error);
  if (status)
    return status;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return belfry_error_errno(error, errno, "cannot make a socket");
  /* On a nonblocking unix socket connect(2) either is done at once or says EAGAIN: the backlog is
   * full. */
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    status = belfry_error_errno(error, errno, "cannot connect to %s", path);
    fd_close(&fd);
    return status;
  }
  *out_fd = fd;
  return BELFRY_OK;
}

/* Binds under a name of our own first and renames, so that the path is never missing and never has
 * the wrong mode. That name must not be longer than the path's, which may be as long as can be. */
static int bind_at(int fd, const char *path, mode_t mode, int backlog, struct belfry_error *error) {
  char temporary[PATH_MAX];
  struct sockaddr_un address;
  const char *slash = strrchr(path, '/');
  int folder_len = slash ? (int)(slash - path) + 1 : 0;
  snprintf(temporary, sizeof temporary, "%.*s.%d", folder_len, path, (int)getpid());
  int status = unix_address(path, &address, error); /* others connect by it */
  if (!status)
    status = unix_address(temporary, &address, error);
  if (status)
    return status;
  unlink(temporary);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
    return belfry_error_errno(error, errno, "cannot make the socket %s", path);
  if (chmod(temporary, mode) < 0 || (backlog > 0 && listen(fd, backlog) < 0) ||
      rename(temporary, path) < 0) {
    status = belfry_error_errno(error, errno, "cannot listen on %s", path);
    unlink(temporary);
    return status;
  }
  return BELFRY_OK;
}

int fd_unix_listen(const char *path, mode_t mode, int *out_fd, struct belfry_error *error) {
  int probe = -1, answer = fd_unix_connect(path, &probe, NULL);
  fd_close(&probe);
  if (answer == BELFRY_OK ||
      answer == BELFRY_EBUSY) { /* busy: somebody is there, with a full backlog */
    return belfry_error_set(error, BELFRY_ECONFLICT, "another process already listens on %s", path);
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return belfry_error_errno(error, errno, "cannot make a socket");
  int status = bind_at(fd, path, mode, FD_UNIX_BACKLOG, error);
  if (status) {
    fd_close(&fd);
    return status;
  }
  *out_fd = fd;
  return BELFRY_OK;
}

int fd_unix_bind_datagram(const char *path, mode_t mode, int *out_fd, struct belfry_error *error) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return belfry_error_errno(error, errno, "cannot make a socket");
  int status = bind_at(fd, path, mode, 0, error);
  if (status) {
    fd_close(&fd);
    return status;
  }
  *out_fd = fd;
  return BELFRY_OK;
}

/* A socket of the type that is bound to the address. */
static int bind_address(const char *address, int type, int *out_fd, struct belfry_error *error) {
  char host[256];
  const char *colon = strrchr(address, ':');
  size_t host_len = colon ? (size_t)(colon - address) : 0;
  if (!colon || host_len == 0 || host_len >= sizeof host)
    return belfry_error_set(error, BELFRY_EINVAL,
                            "'%s' is not an address: write HOST:PORT, such as 127.0.0.1:8090",
                            address);
  bool bracketed = address[0] == '[' && address[host_len - 1] == ']';
  snprintf(host, sizeof host, "%.*s", (int)(host_len - (bracketed ? 2 : 0)),
           address + (bracketed ? 1 : 0));
  long long port;
  if (!slice_to_int64(slice_of(colon + 1), &port) || port < 0 || port > 65535)
    return belfry_error_set(error, BELFRY_EINVAL, "'%s' has no port from 1 to 65535", address);
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                           .ai_socktype = type};
  struct addrinfo *found = NULL;
  int failed = getaddrinfo(host, colon + 1, &hints, &found);
  if (failed)
    return belfry_error_set(error, BELFRY_EINVAL, "'%s' is not a numeric address and port: %s",
                            address, gai_strerror(failed));
  int status = BELFRY_OK;
  int fd = socket(found->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool stream = type == SOCK_STREAM;
  if (fd < 0 || (stream && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0) ||
      bind(fd, found->ai_addr, found->ai_addrlen) < 0 ||
      (stream && listen(fd, FD_UNIX_BACKLOG) < 0)) {
    status = belfry_error_errno(error, errno, "cannot listen on %s", address);
    fd_close(&fd);
  }
  freeaddrinfo(found);
  *out_fd = fd;
  return status;
}

int fd_tcp_listen(const char *address, int *out_fd, struct belfry_error *error) {
  return bind_address(address, SOCK_STREAM, out_fd, error);
}

int fd_udp_bind(const char *address, int *out_fd, struct belfry_error *error) {
  return bind_address(address, SOCK_DGRAM, out_fd, error);
}

int fd_peer(int fd, uid_t *uid, gid_t *gid, pid_t *pid) {
  struct ucred peer;
  socklen_t len = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
    return BELFRY_EIO;
  *uid = peer.uid;
  *gid = peer.gid;
  *pid = peer.pid;
  return BELFRY_OK;
}

int fd_wait(int fd, short events, int timeout_ms) {
  int64_t deadline = clock_monotonic_ms(&clock_system) + timeout_ms;
  struct pollfd item = {.fd = fd, .events = events};
  for (;;) {
    int n = poll(&item, 1, timeout_ms);
    if (n > 0)
      return BELFRY_OK;
    if (n < 0 && errno != EINTR)
      return BELFRY_EIO;
    if (timeout_ms < 0)
      continue; /* interrupted, and there is no deadline */
    int64_t left = deadline - clock_monotonic_ms(&clock_system);
    if (left <= 0)
      return BELFRY_ETIMEDOUT;
    timeout_ms = (int)left;
  }
}

char *fd_read_file(const char *path, size_t max, size_t *out_len, struct belfry_error *error) {
  char *data = NULL;
  size_t len = 0, cap = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    belfry_error_errno(error, errno, "cannot open %s", path);
    return NULL;
  }
  for (;;) {
    if (len + 1 >= cap) { /* room for the NUL, always */
      cap = cap ? cap * 2 : 4096;
      char *more = realloc(data, cap);
      if (!more) {
        belfry_error_set(error, BELFRY_ENOMEM, "out of memory while reading %s", path);
        goto failed;
      }
      data = more;
    }
    ssize_t n = read(fd, data + len, cap - len - 1);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      belfry_error_errno(error, errno, "cannot read %s", path);
      goto failed;
    }
    if (n == 0)
      break;
    len += (size_t)n;
    if (len > max) {
      belfry_error_set(error, BELFRY_ETOOBIG, "%s is larger than %zu bytes", path, max);
      goto failed;
    }
  }
  fd_close(&fd);
  data[len] = '\0';
  if (out_len)
    *out_len = len;
  return data;

failed:
  fd_close(&fd);
  free(data);
  return NULL;
}

static int write_all(int fd, const char *data, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    data += n;
    len -= (size_t)n;
  }
  return 0;
}

static int sync_directory_of(const char *path) {
  char copy[PATH_MAX];
  snprintf(copy, sizeof copy, "%s", path);
  int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  int failed = fsync(fd);
  fd_close(&fd);
  return failed;
}

int fd_write_file(const char *path, mode_t mode, const void *data, size_t len,
                  struct belfry_error *error) {
  char temporary[PATH_MAX];
  snprintf(temporary, sizeof temporary, "%s.%d.new", path, (int)getpid());
  unlink(temporary);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0)
    return belfry_error_errno(error, errno, "cannot create %s", temporary);
  int status = BELFRY_OK;
  if (fchmod(fd, mode) < 0 || write_all(fd, data, len) < 0 || fsync(fd) < 0 ||
      rename(temporary, path) < 0 || sync_directory_of(path) < 0) {
    status = belfry_error_errno(error, errno, "cannot write %s", path);
    unlink(temporary);
  }
  fd_close(&fd);
  return status;
}

void fd_random(void *out, size_t len) {
  char *at = out;
  while (len > 0) {
    ssize_t n = getrandom(at, len, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      abort(); /* a kernel without getrandom(2): no secret that we could make would be one */
    at += n;
    len -= (size_t)n;
  }
}
