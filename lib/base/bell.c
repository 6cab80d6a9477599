#include "base/bell.h"

#include "base/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int bell_open(const char *path, int *out_fd, struct belfry_error *error) {
  return fd_unix_bind_datagram(path, 0660, out_fd, error);
}

void bell_drain(int fd) {
  char ring[8];
  while (recv(fd, ring, sizeof ring, MSG_DONTWAIT) >= 0)
    continue;
}

int bell_ringer_open(int *out_fd, struct belfry_error *error) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return belfry_error_errno(error, errno, "cannot make the bell's socket");
  *out_fd = fd;
  return BELFRY_OK;
}

void bell_ring(int ringer, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path)
    return;
  strcpy(address.sun_path, path);
  (void)!sendto(ringer, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
                sizeof address);
}
