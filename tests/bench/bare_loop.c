/*
 * The floor under any push server: accepts WebSocket clients, and for each event sends a frame that
 * was made once to each of them with one send(). What a server spends more than this a delivery is
 * its own work.
 *
 *     bare_loop PORT
 *
 * An event is the body of a POST to any path; it answers 200. Everything else that ends in an empty
 * line is a handshake. It reads nothing from clients after that, and a client that does not keep up
 * loses bytes, which the clients of the bench would notice.
 */
#include "base/buf.h"
#include "base/fd.h"
#include "ws/frame.h"
#include "ws/handshake.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS      64
#define HEAD_BYTES  4096
#define CLIENTS_MAX 65536

struct peer {
  int fd;
  size_t len;
  char head[HEAD_BYTES + 1];
};

static int clients[CLIENTS_MAX];
static int client_count;

static void send_to_all(struct slice text) {
  uint8_t header[WS_HEADER_MAX_BYTES];
  static char frame[WS_HEADER_MAX_BYTES + HEAD_BYTES];
  size_t header_len = ws_frame_header(header, true, WS_TEXT, text.len, NULL);
  memcpy(frame, header, header_len);
  memcpy(frame + header_len, text.data, text.len);
  for (int i = 0; i < client_count;) {
    if (send(clients[i], frame, header_len + text.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
        errno != EAGAIN) {
      close(clients[i]);
      clients[i] = clients[--client_count];
    } else {
      i++;
    }
  }
}

static void answer(int fd, const char *text) {
  (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* A publisher's connection is kept; a viewer's is only written to. Returns: whether the peer is
 * still to be read from. */
static bool take_head(struct peer *peer, int epoll) {
  peer->head[peer->len] = '\0';
  char *end = strstr(peer->head, "\r\n\r\n");
  if (!end)
    return peer->len < HEAD_BYTES;
  if (strncmp(peer->head, "POST ", 5) == 0) {
    const char *length = strcasestr(peer->head, "\r\nContent-Length:");
    size_t body = length ? strtoul(length + 17, NULL, 10) : 0;
    if ((size_t)(peer->head + peer->len - end - 4) < body)
      return peer->len < HEAD_BYTES;
    send_to_all(slice_new(end + 4, body));
    answer(peer->fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    peer->len = 0;
    return true;
  }
  char accept_value[WS_ACCEPT_BYTES], text[256];
  const char *key = strcasestr(peer->head, "\r\nSec-WebSocket-Key: ");
  if (!key || client_count == CLIENTS_MAX)
    return false;
  ws_accept(slice_new(key + 21, WS_KEY_BYTES - 1), accept_value);
  snprintf(text, sizeof text,
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: %s\r\n\r\n",
           accept_value);
  answer(peer->fd, text);
  epoll_ctl(epoll, EPOLL_CTL_DEL, peer->fd, NULL);
  clients[client_count++] = peer->fd;
  free(peer);
  return true;
}

static void on_readable(struct peer *peer, int epoll) {
  ssize_t n = recv(peer->fd, peer->head + peer->len, HEAD_BYTES - peer->len, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n > 0) {
    peer->len += (size_t)n;
    if (take_head(peer, epoll))
      return;
  }
  close(peer->fd);
  free(peer);
}

static void accept_all(int listener, int epoll) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer)
      exit(1);
    peer->fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
              &(struct epoll_event){.events = EPOLLIN, .data = {.ptr = peer}});
  }
}

int main(int argc, char **argv) {
  struct belfry_error error = {0};
  struct epoll_event events[EVENTS];
  struct rlimit limit;
  char address[64];
  int listener = -1, epoll = epoll_create1(EPOLL_CLOEXEC);
  snprintf(address, sizeof address, "127.0.0.1:%s", argc == 2 ? argv[1] : "");
  if (argc != 2 || fd_tcp_listen(address, &listener, &error)) {
    fprintf(stderr, "usage: bare_loop PORT\n%s\n", error.text);
    return 2;
  }
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
  }
  int on = 1; /* those that it accepts have it too */
  (void)!setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++)
      if (events[i].data.ptr)
        on_readable(events[i].data.ptr, epoll);
      else
        accept_all(listener, epoll);
  }
}
