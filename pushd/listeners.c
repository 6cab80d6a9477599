#include "pushd/listeners.h"

#include "base/daemon.h"
#include "base/fd.h"
#include "base/log.h"
#include "pushd/hub.h"
#include "pushd/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ACCEPT_AT_ONCE 64   /* then others have their turn */
#define HANDSHAKES_MAX 2048 /* open at a time; then the oldest makes room */
#define PAUSE_S        0.25 /* after the descriptors ran out */
#define PUSH_SOCKET    "push.sock"

const char *const listener_names[LISTENER_COUNT] = {"push", "push-tcp"};

/* --- accepting ---------------------------------------------------------------------------------
 */

static void pause_accepting(struct listeners *listeners) {
  struct ev_loop *loop = listeners->hub->loop;
  for (int i = 0; i < LISTENER_COUNT; i++)
    ev_io_stop(loop, &listeners->ios[i]);
  ev_timer_set(&listeners->again, PAUSE_S, 0.);
  ev_timer_start(loop, &listeners->again);
}

void listeners_accept(struct listeners *listeners) {
  listeners->accepts = true;
  for (int i = 0; i < LISTENER_COUNT; i++)
    if (listeners->ios[i].fd >= 0)
      ev_io_start(listeners->hub->loop, &listeners->ios[i]);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  listeners_accept(timer->data);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct listeners *listeners = io->data;
  struct hub *hub = listeners->hub;
  for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
    if (hub->handshake_count >= HANDSHAKES_MAX && !client_drop_stale_handshake(hub)) {
      pause_accepting(listeners);
      return;
    }
    int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
      continue;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
      if (!listeners->told_full)
        log_warning("no more connections can be accepted: %s", strerror(errno));
      listeners->told_full = true;
      pause_accepting(listeners);
      return;
    }
    if (fd < 0)
      return;
    /* Fails on a unix socket, where there is nothing to be switched off. */
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    hub->figures.accepted++;
    tcp_accept(hub, fd);
  }
  listeners->told_full = false;
}

/* --- opening and closing -----------------------------------------------------------------------
 */

static void add(struct listeners *listeners, int which, int fd) {
  ev_io *io = &listeners->ios[which];
  ev_io_set(io, fd, EV_READ);
  if (listeners->accepts)
    ev_io_start(listeners->hub->loop, io);
}

static void close_one(struct listeners *listeners, int which) {
  ev_io *io = &listeners->ios[which];
  int fd = io->fd;
  ev_io_stop(listeners->hub->loop, io);
  fd_close(&fd);
  ev_io_set(io, -1, EV_READ);
}

static int remember_address(struct listeners *listeners) {
  const char *address = listeners->hub->conf->push_listen;
  char *copy = address ? strdup(address) : NULL;
  if (address && !copy)
    return BELFRY_ENOMEM;
  free(listeners->tcp_address);
  listeners->tcp_address = copy;
  return BELFRY_OK;
}

int listeners_open(struct listeners *listeners, struct hub *hub, struct belfry_error *error) {
  char path[4096];
  int fd = daemon_inherited_socket(listener_names[LISTENER_UNIX]);
  listeners->hub = hub;
  for (int i = 0; i < LISTENER_COUNT; i++) {
    ev_io_init(&listeners->ios[i], on_accept, -1, EV_READ);
    listeners->ios[i].data = listeners;
  }
  ev_timer_init(&listeners->again, on_again, 0., 0.);
  listeners->again.data = listeners;
  if (fd < 0) {
    if (conf_run_path(hub->conf, PUSH_SOCKET, path, sizeof path))
      return belfry_error_set(error, BELFRY_ETOOBIG, "paths.run is too long");
    int status = fd_unix_listen(path, 0660, &fd, error);
    if (status)
      return status;
  }
  add(listeners, LISTENER_UNIX, fd);
  fd = daemon_inherited_socket(listener_names[LISTENER_TCP]);
  if (fd < 0 && hub->conf->push_listen) {
    int status = fd_tcp_listen(hub->conf->push_listen, &fd, error);
    if (status)
      return status;
  }
  if (fd >= 0)
    add(listeners, LISTENER_TCP, fd);
  return remember_address(listeners);
}

void listeners_close(struct listeners *listeners) {
  if (!listeners->hub)
    return;
  ev_timer_stop(listeners->hub->loop, &listeners->again);
  for (int i = 0; i < LISTENER_COUNT; i++)
    close_one(listeners, i);
  free(listeners->tcp_address);
  listeners->tcp_address = NULL;
}

void listeners_reload(struct listeners *listeners) {
  const char *wanted = listeners->hub->conf->push_listen, *now = listeners->tcp_address;
  struct belfry_error error = {0};
  int fd = -1;
  if (wanted ? now && strcmp(wanted, now) == 0 : !now)
    return;
  if (wanted && fd_tcp_listen(wanted, &fd, &error)) {
    log_error("push.listen: %s; it stays %s", error.text, now ? now : "without a TCP address");
    return;
  }
  close_one(listeners, LISTENER_TCP);
  if (fd >= 0)
    add(listeners, LISTENER_TCP, fd);
  log_notice("push.listen is now %s", wanted ? wanted : "none");
  if (remember_address(listeners))
    log_error("out of memory");
}
