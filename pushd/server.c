#include "pushd/server.h"

#include "base/daemon.h"
#include "base/fd.h"
#include "base/log.h"
#include "pushd/h2.h"
#include "pushd/hub.h"
#include "pushd/report.h"
#include "pushd/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define LISTENERS_MAX  2
#define ACCEPT_AT_ONCE 64   /* then others have their turn */
#define HANDSHAKES_MAX 2048 /* open at a time; then the oldest makes room */
#define ACCEPT_PAUSE_S 0.25 /* after the descriptors ran out */
#define STOP_SECONDS   2.
#define PUSH_SOCKET    "push.sock"

struct server {
  struct ev_loop *loop;
  struct conf *conf; /* owned */
  const char *conf_path;
  struct hub hub;
  struct report report;
  ev_io listeners[LISTENERS_MAX];
  int listener_count;
  ev_timer accept_again;
  bool told_full;
  ev_signal term, interrupt, hangup;
  ev_timer stop_limit;
  ev_check drained;
};

/* --- accepting ---------------------------------------------------------------------------------
 */

static void pause_accepting(struct server *server) {
  for (int i = 0; i < server->listener_count; i++)
    ev_io_stop(server->loop, &server->listeners[i]);
  ev_timer_set(&server->accept_again, ACCEPT_PAUSE_S, 0.);
  ev_timer_start(server->loop, &server->accept_again);
}

static void on_accept_again(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)events;
  struct server *server = timer->data;
  for (int i = 0; i < server->listener_count; i++)
    ev_io_start(loop, &server->listeners[i]);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct server *server = io->data;
  for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
    if (server->hub.handshake_count >= HANDSHAKES_MAX &&
        !client_drop_stale_handshake(&server->hub)) {
      pause_accepting(server);
      return;
    }
    int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
      continue;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
      if (!server->told_full)
        log_warning("no more connections can be accepted: %s", strerror(errno));
      server->told_full = true;
      pause_accepting(server);
      return;
    }
    if (fd < 0)
      return;
    /* Fails on a unix socket, where there is nothing to be switched off. */
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    server->hub.figures.accepted++;
    tcp_accept(&server->hub, fd);
  }
  server->told_full = false;
}

static void add_listener(struct server *server, int fd) {
  ev_io *io = &server->listeners[server->listener_count++];
  ev_io_init(io, on_accept, fd, EV_READ);
  io->data = server;
  ev_io_start(server->loop, io);
}

static int open_listeners(struct server *server, struct belfry_error *error) {
  char path[4096];
  int fd = daemon_inherited_socket("push");
  if (fd < 0) {
    if (conf_run_path(server->conf, PUSH_SOCKET, path, sizeof path))
      return belfry_error_set(error, BELFRY_ETOOBIG, "paths.run is too long");
    int status = fd_unix_listen(path, 0660, &fd, error);
    if (status)
      return status;
  }
  add_listener(server, fd);
  if (server->conf->push_listen) {
    int status = fd_tcp_listen(server->conf->push_listen, &fd, error);
    if (status)
      return status;
    add_listener(server, fd);
  }
  return BELFRY_OK;
}

static void close_listeners(struct server *server) {
  ev_timer_stop(server->loop, &server->accept_again);
  for (int i = 0; i < server->listener_count; i++) {
    int fd = server->listeners[i].fd;
    ev_io_stop(server->loop, &server->listeners[i]);
    fd_close(&fd);
  }
  server->listener_count = 0;
}

/* --- signals -----------------------------------------------------------------------------------
 */

static void on_stop_limit(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)timer;
  (void)events;
  ev_break(loop, EVBREAK_ALL);
}

static void on_drained(struct ev_loop *loop, ev_check *check, int events) {
  (void)events;
  struct server *server = check->data;
  if (server->hub.client_count == 0 && h2_is_over(&server->hub))
    ev_break(loop, EVBREAK_ALL);
}

/* Tells everybody, each to come back after a time of his own, and ends when they are gone. */
static void on_stop(struct ev_loop *loop, ev_signal *signal, int events) {
  (void)events;
  struct server *server = signal->data;
  if (server->hub.stopping)
    return;
  daemon_stopping("telling the clients");
  server->hub.stopping = true;
  close_listeners(server);
  drain_start(&server->hub.drain, DRAIN_RESTART, server->hub.conf->push_drain_ms);
  ev_timer_set(&server->stop_limit, (double)server->hub.conf->push_drain_ms / 1e3 + STOP_SECONDS,
               0.);
  h2_stop(&server->hub);
  ev_timer_start(loop, &server->stop_limit);
  ev_check_start(loop, &server->drained);
}

static void apply_level(const struct conf *conf) {
  static const enum log_level levels[] = {LOG_LEVEL_CRITICAL, LOG_LEVEL_ERROR, LOG_LEVEL_WARNING,
                                          LOG_LEVEL_NOTICE,   LOG_LEVEL_INFO,  LOG_LEVEL_DEBUG};
  log_set_level(levels[conf->logging_level]);
}

/* Nobody is dropped. Paths, addresses and the ring's size are those of the start. */
static void on_hangup(struct ev_loop *loop, ev_signal *signal, int events) {
  (void)loop;
  (void)events;
  struct server *server = signal->data;
  struct belfry_error error = {0};
  struct conf *conf = conf_load(server->conf_path, &error);
  if (!conf) {
    log_error("the configuration was not loaded again, the old one stays: %s", error.text);
    return;
  }
  conf_free(server->conf);
  server->conf = conf;
  server->hub.conf = conf;
  apply_level(conf);
  log_notice("the configuration was loaded again");
}

static void start_signal(struct server *server, ev_signal *watcher, int number,
                         void (*callback)(struct ev_loop *, ev_signal *, int)) {
  ev_signal_init(watcher, callback, number);
  watcher->data = server;
  ev_signal_start(server->loop, watcher);
}

/* Each connection is a descriptor. */
static void raise_descriptor_limit(const struct conf *conf) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit))
    return;
  limit.rlim_cur = limit.rlim_max;
  (void)!setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < (rlim_t)conf->push_max_connections + 64)
    log_warning("only %llu descriptors may be open: that many connections less 64 can be held, not "
                "%lld (push.max_connections)",
                (unsigned long long)limit.rlim_cur, (long long)conf->push_max_connections);
}

static int start(struct server *server, struct belfry_error *error) {
  apply_level(server->conf);
  raise_descriptor_limit(server->conf);
  int status = hub_init(&server->hub, server->loop, server->conf, error);
  if (!status)
    status = report_init(&server->report, &server->hub, error);
  if (status)
    return status;
  ev_timer_init(&server->accept_again, on_accept_again, 0., 0.);
  server->accept_again.data = server;
  ev_timer_init(&server->stop_limit, on_stop_limit, STOP_SECONDS, 0.);
  ev_check_init(&server->drained, on_drained);
  server->drained.data = server;
  start_signal(server, &server->term, SIGTERM, on_stop);
  start_signal(server, &server->interrupt, SIGINT, on_stop);
  start_signal(server, &server->hangup, SIGHUP, on_hangup);
  return open_listeners(server, error);
}

int server_run(struct conf *conf, const char *conf_path) {
  struct belfry_error error = {0};
  struct server *server = calloc(1, sizeof *server);
  struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
  if (!server || !loop) {
    log_critical("cannot start: out of memory");
    free(server);
    conf_free(conf);
    return 1;
  }
  server->loop = loop;
  server->conf = conf;
  server->conf_path = conf_path;
  int status = start(server, &error);
  if (status) {
    log_critical("cannot start: %s", error.text);
  } else {
    daemon_ready("accepting push connections");
    ev_run(loop, 0);
  }
  close_listeners(server);
  report_fini(&server->report);
  hub_fini(&server->hub);
  conf_free(server->conf);
  free(server);
  return status ? 1 : 0;
}
