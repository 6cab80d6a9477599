#include "connect.h"

#include "base/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void set(int fd, int level, int option) {
  int on = 1;
  (void)!setsockopt(fd, level, option, &on, sizeof on);
}

int connect_tcp(const char *address, int source, bool wait) {
  char host[64];
  const char *colon = strrchr(address, ':');
  struct sockaddr_in to = {.sin_family = AF_INET}, from = {.sin_family = AF_INET};
  snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - address) : 0, address);
  if (!colon || inet_pton(AF_INET, host, &to.sin_addr) != 1)
    return -1;
  to.sin_port = htons((uint16_t)atoi(colon + 1));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0);
  if (fd < 0)
    return -1;
  set(fd, IPPROTO_TCP, TCP_NODELAY);
  if (source > 0) {
    from.sin_addr.s_addr = htonl(0x7f000000u + (uint32_t)source);
    set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    if (bind(fd, (struct sockaddr *)&from, sizeof from))
      fd_close(&fd);
  }
  if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
    fd_close(&fd);
  return fd;
}
