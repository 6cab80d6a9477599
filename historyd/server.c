/*
 * One thread, one loop. Each turn reads what has come on all sockets; before the loop would sleep,
 * everything that was read is committed as one group, then answered, then the bells are rung, then
 * the write-ahead log is looked after. While a group commits the next one gathers in the sockets:
 * the backlog itself makes the group, and nobody waits for a timer.
 */
#include "historyd/server.h"

#include "base/bell.h"
#include "base/daemon.h"
#include "base/fd.h"
#include "base/ipc.h"
#include "base/log.h"
#include "historyd/checkpoint.h"
#include "historyd/keeper.h"
#include "historyd/peer.h"
#include "historyd/report.h"
#include "settings/settings.h"

#include <errno.h>
#include <ev.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define READ_BYTES      ((size_t)64 << 10)
#define SMALL_FRAME     ((size_t)256 << 10) /* larger frames need a reservation of memory */
#define RESERVED_MAX    ((size_t)256 << 20) /* for all of them together */
#define UNSENT_MAX      ((size_t)1 << 20)   /* answers that a peer does not read */
#define HELLO_MS        10000               /* for a new connection to say who it is */
#define LAST_ANSWERS_MS 300                 /* to write the last answers when ending */
#define WAKE_EVENTS     1024                /* stored since the keeper was woken last */

struct connection {
  ev_io io;
  struct server *server;
  struct connection *next, **link;
  int fd;
  bool greeted;
  bool ended;   /* the peer has closed, or broke the protocol: is closed once it is answered */
  bool waiting; /* for memory */
  enum history_origin origin;
  int64_t opened_ms;
  size_t reserved;
  struct buf in, out;
  size_t taken; /* bytes of `in` that the running group has taken */
};

struct server {
  struct ev_loop *loop;
  struct appender *appender;
  const struct conf *conf;
  struct settings_look settings;
  struct checkpoint checkpoint;
  struct report report;
  struct connection *connections;
  size_t connection_count;
  size_t reserved;
  bool stopping;
  bool told_full; /* the log has said that no connection can be accepted */
  int failed;     /* what ends the daemon */
  struct belfry_error error;
  int listener, ringer;
  char bells[2][PATH_MAX];
  ev_io accept;
  ev_timer tick, accept_pause;
  ev_prepare group;
  ev_async hand_over;
  struct keeper *keeper;
  int64_t woken_events; /* stored when the keeper was woken last */
  ev_signal term, interrupt, hangup;
  struct append_request requests[APPEND_GROUP_MAX]; /* of the running group */
  struct connection *owners[APPEND_GROUP_MAX];
  uint32_t tags[APPEND_GROUP_MAX];
  size_t request_count;
};

static int64_t now_ms(const struct server *server) {
  return clock_monotonic_ms(server->appender->clock);
}

/* --- connections --- */

static void watch(struct connection *connection) {
  bool reads = !connection->ended && !connection->waiting && connection->out.len <= UNSENT_MAX &&
               !connection->server->stopping;
  int events = (reads ? EV_READ : 0) | (connection->out.len > 0 ? EV_WRITE : 0);
  if (ev_is_active(&connection->io) && (connection->io.events & (EV_READ | EV_WRITE)) == events)
    return;
  ev_io_stop(connection->server->loop, &connection->io);
  ev_io_set(&connection->io, connection->fd, events);
  if (events)
    ev_io_start(connection->server->loop, &connection->io);
}

static void unreserve(struct connection *connection) {
  struct server *server = connection->server;
  if (connection->reserved == 0)
    return;
  server->reserved -= connection->reserved;
  connection->reserved = 0;
  for (struct connection *other = server->connections; other; other = other->next) {
    if (other->waiting) {
      other->waiting = false;
      watch(other);
    }
  }
}

/* Whether the memory for a frame of `bytes` may be used. One always may, so that none waits for
 * ever. */
static bool reserve(struct connection *connection, size_t bytes) {
  struct server *server = connection->server;
  if (bytes <= SMALL_FRAME || connection->reserved >= bytes)
    return true;
  if (server->reserved > 0 && server->reserved + bytes > RESERVED_MAX)
    return false;
  server->reserved += bytes - connection->reserved;
  connection->reserved = bytes;
  return true;
}

static void close_connection(struct connection *connection) {
  struct server *server = connection->server;
  ev_io_stop(server->loop, &connection->io);
  *connection->link = connection->next;
  if (connection->next)
    connection->next->link = connection->link;
  server->connection_count--;
  unreserve(connection);
  fd_close(&connection->fd);
  buf_fini(&connection->in);
  buf_fini(&connection->out);
  free(connection);
  if (!server->stopping && !ev_is_active(&server->accept) && !ev_is_active(&server->accept_pause))
    ev_io_start(server->loop, &server->accept);
}

/* Writes what the socket takes. A peer that is gone ends the connection. */
static void flush(struct connection *connection) {
  size_t sent = 0;
  while (sent < connection->out.len) {
    ssize_t n = send(connection->fd, connection->out.data + sent, connection->out.len - sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      break;
    if (n < 0) {
      connection->ended = true;
      sent = connection->out.len;
      break;
    }
    sent += (size_t)n;
  }
  buf_consume(&connection->out, sent);
}

/* --- reading --- */

/* How many bytes the frame that has begun needs; 0 when that is not known yet. */
static size_t frame_bytes(const struct buf *in) {
  if (in->len < sizeof(uint32_t))
    return 0;
  struct wire wire = wire_read(buf_slice(in));
  return IPC_HEADER_BYTES + (size_t)wire_get_u32(&wire);
}

/* Reads until nothing is left or there is enough for one turn. */
static void on_readable(struct connection *connection) {
  for (;;) {
    size_t frame = frame_bytes(&connection->in);
    if (frame > IPC_HEADER_BYTES + HISTORY_PAYLOAD_MAX)
      return; /* the next group refuses it */
    if (!reserve(connection, frame)) {
      connection->waiting = true;
      return;
    }
    if (connection->in.len >= (frame > SMALL_FRAME ? frame : SMALL_FRAME))
      return;
    char *room = buf_reserve(&connection->in, READ_BYTES);
    if (!room) {
      connection->ended = true;
      return;
    }
    ssize_t n = recv(connection->fd, room, READ_BYTES, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return;
    if (n <= 0) {
      connection->ended = true;
      return;
    }
    buf_commit(&connection->in, (size_t)n);
    if ((size_t)n < READ_BYTES)
      return;
  }
}

static void on_io(struct ev_loop *loop, ev_io *io, int events) {
  (void)loop;
  struct connection *connection = io->data;
  if (events & EV_WRITE)
    flush(connection);
  if (events & EV_READ)
    on_readable(connection);
  watch(connection);
  /* What has ended is closed by the group, after what it sent was committed and answered. */
}

/* --- accepting --- */

static int add_connection(struct server *server, int fd) {
  struct connection *connection = calloc(1, sizeof *connection);
  if (!connection)
    return BELFRY_ENOMEM;
  connection->server = server;
  connection->fd = fd;
  connection->opened_ms = now_ms(server);
  buf_init(&connection->in, IPC_HEADER_BYTES + HISTORY_PAYLOAD_MAX + READ_BYTES);
  buf_init(&connection->out, UNSENT_MAX * 8);
  connection->next = server->connections;
  connection->link = &server->connections;
  if (connection->next)
    connection->next->link = &connection->next;
  server->connections = connection;
  server->connection_count++;
  ev_io_init(&connection->io, on_io, fd, EV_READ);
  connection->io.data = connection;
  ev_io_start(server->loop, &connection->io);
  return BELFRY_OK;
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events) {
  (void)events;
  struct server *server = io->data;
  for (;;) {
    if (server->connection_count >= CONNECTIONS_MAX) {
      log_warning("%d connections: more must wait", CONNECTIONS_MAX);
      ev_io_stop(loop, io); /* goes on when one is closed */
      return;
    }
    int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
      continue;
    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      server->told_full = false; /* everybody who waited has been accepted */
      return;
    }
    if (fd < 0 || add_connection(server, fd)) {
      if (!server->told_full)
        log_error("no more connections can be accepted: %s",
                  fd < 0 ? strerror(errno) : "out of memory");
      server->told_full = true;
      fd_close(&fd);
      ev_io_stop(loop, io); /* or the loop would spin until there are descriptors again */
      ev_timer_again(loop, &server->accept_pause);
      return;
    }
  }
}

static void on_accept_pause(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)events;
  struct server *server = timer->data;
  ev_timer_stop(loop, timer);
  if (!server->stopping)
    ev_io_start(loop, &server->accept);
}

/* --- the group --- */

static void answer(struct connection *connection, uint16_t verb, int status, uint32_t tag,
                   struct slice payload) {
  ipc_put_frame(&connection->out, verb, status, tag, payload);
}

static void greet(struct connection *connection, const struct ipc_frame *frame) {
  struct belfry_error why = {0};
  struct history_position position;
  int status = peer_identify(connection->fd, frame->payload, &connection->origin, &why);
  if (!status)
    status = history_writer_position(connection->server->appender->writer, &position, &why);
  if (status) {
    log_warning("a connection is refused: %s", why.text);
    answer(connection, HISTORY_VERB_HELLO, status, frame->tag, slice_of(why.text));
    connection->ended = true;
    return;
  }
  connection->greeted = true;
  size_t mark = ipc_begin_frame(&connection->out, HISTORY_VERB_HELLO, 0, frame->tag);
  wire_put_slice(&connection->out, slice_of(position.epoch));
  wire_put_i64(&connection->out, position.oldest);
  wire_put_i64(&connection->out, position.head);
  ipc_end_frame(&connection->out, mark);
}

static void break_off(struct connection *connection, const char *why) {
  log_warning("a connection is closed: %s", why);
  connection->ended = true;
  connection->taken = connection->in.len;
}

/* Takes the frames of one connection into the group, until it is full. Returns: bytes taken. */
static size_t gather(struct server *server, struct connection *connection, size_t room) {
  struct ipc_frame frame;
  size_t bytes = 0;
  while (server->request_count < APPEND_GROUP_MAX && bytes < room) {
    int status = ipc_take_frame(&connection->in, &connection->taken, HISTORY_PAYLOAD_MAX, &frame);
    if (status == BELFRY_EMORE)
      break;
    if (status) {
      break_off(connection, "a frame is over the limit");
      break;
    }
    if (frame.verb == HISTORY_VERB_HELLO && !connection->greeted) {
      greet(connection, &frame);
      if (connection->greeted)
        continue;
      connection->taken = connection->in.len;
      break;
    }
    if (frame.verb != HISTORY_VERB_APPEND || !connection->greeted) {
      break_off(connection, "a frame that makes no sense here");
      break;
    }
    size_t i = server->request_count++;
    server->requests[i] =
        (struct append_request){.origin = connection->origin, .payload = frame.payload};
    server->owners[i] = connection;
    server->tags[i] = frame.tag;
    bytes += frame.payload.len;
  }
  return bytes;
}

/* Gives memory back that a large frame has needed. */
static void forget_taken(struct connection *connection) {
  buf_consume(&connection->in, connection->taken);
  connection->taken = 0;
  if (connection->in.len == 0 && connection->in.cap > 2 * SMALL_FRAME)
    buf_fini(&connection->in);
  if (frame_bytes(&connection->in) <= SMALL_FRAME)
    unreserve(connection);
}

static void fail(struct server *server, int status) {
  server->failed = status;
  ev_break(server->loop, EVBREAK_ALL);
}

/* Commits what was gathered and queues the answers. */
static int commit(struct server *server) {
  int64_t begun = clock_monotonic_us(server->appender->clock);
  int status =
      appender_commit(server->appender, server->requests, server->request_count, &server->error);
  if (status)
    return status;
  int64_t took = clock_monotonic_us(server->appender->clock) - begun;
  if (took > server->report.commit_us_max)
    server->report.commit_us_max = took;
  for (size_t i = 0; i < server->request_count; i++) {
    const struct append_request *request = &server->requests[i];
    struct connection *connection = server->owners[i];
    if (request->status) {
      log_debug("a batch is refused: %s", request->text);
      answer(connection, HISTORY_VERB_APPEND, request->status, server->tags[i],
             slice_of(request->text));
      continue;
    }
    size_t mark = ipc_begin_frame(&connection->out, HISTORY_VERB_APPEND, 0, server->tags[i]);
    history_receipt_put(&connection->out, &request->receipt);
    ipc_end_frame(&connection->out, mark);
  }
  return BELFRY_OK;
}

/* `more`: the group was full, so that even a connection that has ended may hold frames for the
 * next. */
static void settle_connections(struct server *server, bool more) {
  struct connection *next;
  for (struct connection *connection = server->connections; connection; connection = next) {
    next = connection->next;
    if (connection->taken > 0)
      forget_taken(connection);
    if (connection->out.len > 0)
      flush(connection);
    if (buf_status(&connection->out)) /* it never reads its answers */
      connection->ended = true;
    if (connection->ended && !(more && connection->in.len > 0))
      close_connection(connection);
    else
      watch(connection);
  }
}

/* Gathers, commits, answers, rings. Returns: whether there may be more that was read already. */
static bool run_group(struct server *server) {
  size_t bytes = 0, room = (size_t)server->conf->history_max_group_bytes_bytes;
  server->request_count = 0;
  for (struct connection *connection = server->connections; connection && bytes < room;
       connection = connection->next)
    if (connection->in.len > 0)
      bytes += gather(server, connection, room - bytes);
  bool full = bytes >= room || server->request_count == APPEND_GROUP_MAX;
  if (server->request_count > 0) {
    int status = commit(server);
    if (status) {
      fail(server, status);
      return false;
    }
  }
  settle_connections(server, full);
  if (server->request_count > 0)
    for (size_t i = 0; i < sizeof server->bells / sizeof *server->bells; i++)
      bell_ring(server->ringer, server->bells[i]);
  return full;
}

static void wake_keeper(struct server *server) {
  int64_t events = server->appender->figures.events;
  if (events - server->woken_events < WAKE_EVENTS)
    return;
  server->woken_events = events;
  keeper_wake(server->keeper);
}

static void on_group(struct ev_loop *loop, ev_prepare *prepare, int events) {
  (void)loop, (void)events;
  struct server *server = prepare->data;
  bool more = true;
  while (more && !server->failed) {
    more = run_group(server);
    if (!server->failed) {
      int status = checkpoint_step(&server->checkpoint, now_ms(server), &server->error);
      if (status)
        fail(server, status);
    }
  }
  wake_keeper(server);
}

/* --- the keeper --- */

/* In the keeper's thread. */
static void on_asked(void *arg) {
  struct server *server = arg;
  ev_async_send(server->loop, &server->hand_over);
}

static void on_hand_over(struct ev_loop *loop, ev_async *async, int events) {
  (void)loop, (void)events;
  struct server *server = async->data;
  int status = keeper_take_over(server->keeper, server->appender->writer, &server->error);
  if (status)
    fail(server, status);
}

static struct history_retention retention_of(const struct conf *conf) {
  return (struct history_retention){.events_ms = conf->retention_events_ms,
                                    .samples_ms = conf->retention_samples_ms,
                                    .minutes_ms = conf->retention_minutes_ms,
                                    .hours_ms = conf->retention_hours_ms,
                                    .disk_bytes = conf->retention_disk_bytes};
}

static int start_keeper(struct server *server, struct belfry_error *error) {
  char dir[PATH_MAX];
  const struct conf *conf = server->conf;
  const struct history_keeper_options options = {.hot_events = conf->history_hot_events,
                                                 .hot_samples_ms = conf->history_hot_samples_ms,
                                                 .quantiles = conf->history_quantiles,
                                                 .retention = retention_of(conf)};
  int status = conf_state_path(server->conf, "history", dir, sizeof dir);
  if (status)
    return belfry_error_set(error, status, "paths.state is too long: %s",
                            server->conf->paths_state);
  status = keeper_start(dir, &options, server->appender->clock, on_asked, server, &server->keeper,
                        error);
  server->report.keeper = server->keeper;
  return status;
}

static void stop_keeper(struct server *server) {
  keeper_stop(server->keeper);
  server->keeper = server->report.keeper = NULL;
}

/* What can be taken up at once; the rest is as it was at the start. Takes: conf. */
static void adopt(struct server *server, struct conf *conf) {
  const struct history_retention retention = retention_of(conf);
  log_set_level((enum log_level)(LOG_LEVEL_CRITICAL + conf->logging_level));
  keeper_set_retention(server->keeper, &retention);
  conf_free(conf);
  log_notice("logging.level and retention are as they are configured now");
}

/* --- each second --- */

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop, (void)events;
  struct server *server = timer->data;
  int64_t now = now_ms(server);
  for (struct connection *connection = server->connections; connection;
       connection = connection->next)
    if (!connection->greeted && now - connection->opened_ms > HELLO_MS)
      connection->ended = true;
  server->report.connections = (int64_t)server->connection_count;
  int status = report_commit(&server->report, server->appender, &server->error);
  if (status)
    fail(server, status);
  struct conf *conf = status ? NULL : settings_look(&server->settings, server->conf);
  if (conf)
    adopt(server, conf);
}

static void on_hangup(struct ev_loop *loop, ev_signal *signal, int events) {
  (void)loop, (void)events;
  struct server *server = signal->data;
  struct belfry_error error = {0};
  struct conf *conf = settings_reload(&server->settings, server->conf, &error);
  if (conf)
    adopt(server, conf);
  else
    log_error("the configuration stays as it was: %s", error.text);
}

static void on_stop(struct ev_loop *loop, ev_signal *signal, int events) {
  (void)events;
  struct server *server = signal->data;
  server->stopping = true;
  ev_break(loop, EVBREAK_ALL);
}

/* --- start and end --- */

static int listen_socket(struct server *server, char path[static PATH_MAX], bool *inherited,
                         struct belfry_error *error) {
  int status = conf_run_path(server->conf, "history.sock", path, PATH_MAX);
  if (!status)
    status = conf_run_path(server->conf, "push.bell", server->bells[0], PATH_MAX);
  if (!status)
    status = conf_run_path(server->conf, "watch.bell", server->bells[1], PATH_MAX);
  if (status)
    return belfry_error_set(error, status, "paths.run is too long: %s", server->conf->paths_run);
  server->listener = daemon_inherited_socket("history");
  *inherited = server->listener >= 0;
  if (!*inherited)
    status = fd_unix_listen(path, 0660, &server->listener, error);
  return status ? status : bell_ringer_open(&server->ringer, error);
}

static void start_watchers(struct server *server) {
  ev_io_init(&server->accept, on_accept, server->listener, EV_READ);
  ev_timer_init(&server->accept_pause, on_accept_pause, 0., .1);
  ev_timer_init(&server->tick, on_tick, 0., 1.);
  ev_prepare_init(&server->group, on_group);
  ev_async_init(&server->hand_over, on_hand_over);
  ev_signal_init(&server->term, on_stop, SIGTERM);
  ev_signal_init(&server->interrupt, on_stop, SIGINT);
  ev_signal_init(&server->hangup, on_hangup, SIGHUP);
  server->accept.data = server->accept_pause.data = server->tick.data = server->group.data =
      server->hand_over.data = server->term.data = server->interrupt.data = server->hangup.data =
          server;
  ev_io_start(server->loop, &server->accept);
  ev_timer_start(server->loop, &server->tick);
  ev_prepare_start(server->loop, &server->group);
  ev_async_start(server->loop, &server->hand_over);
  ev_signal_start(server->loop, &server->term);
  ev_signal_start(server->loop, &server->interrupt);
  ev_signal_start(server->loop, &server->hangup);
}

/* Commits and answers what was read, and gives the peers a moment to take their answers. */
static void end_cleanly(struct server *server) {
  int64_t deadline_ms = now_ms(server) + LAST_ANSWERS_MS;
  while (!server->failed && run_group(server))
    continue;
  for (struct connection *connection = server->connections; connection;
       connection = connection->next) {
    while (connection->out.len > 0 && !connection->ended && now_ms(server) < deadline_ms) {
      if (fd_wait(connection->fd, POLLOUT, (int)(deadline_ms - now_ms(server))))
        break;
      flush(connection);
    }
  }
}

static int serve(struct server *server, struct belfry_error *error) {
  char path[PATH_MAX];
  bool inherited = false;
  int status = listen_socket(server, path, &inherited, error);
  if (status)
    return status;
  start_watchers(server);
  status = start_keeper(server, error);
  if (status) {
    if (!inherited)
      unlink(path);
    return status;
  }
  daemon_ready("the history can be appended to");
  ev_run(server->loop, 0);
  stop_keeper(server);
  if (!server->failed) {
    daemon_stopping("asked to");
    end_cleanly(server);
  }
  if (!inherited) /* the lock of the history keeps the next one from listening before this */
    unlink(path);
  return server->failed ? belfry_error_set(error, server->failed,
                                           "the history cannot be written, so nothing is "
                                           "acknowledged any more: %s",
                                           server->error.text)
                        : BELFRY_OK;
}

int server_run(struct appender *appender, const struct conf *conf, struct belfry_error *error) {
  struct server *server = calloc(1, sizeof *server);
  if (!server)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory at the start");
  server->appender = appender;
  server->conf = conf;
  server->listener = server->ringer = -1;
  server->report.started_ms = clock_realtime_ms(appender->clock);
  checkpoint_init(&server->checkpoint, appender->writer, conf);
  server->loop = ev_loop_new(EVFLAG_AUTO);
  int status = server->loop ? serve(server, error)
                            : belfry_error_set(error, BELFRY_EIO, "cannot make an event loop");
  server->stopping = true;
  while (server->connections)
    close_connection(server->connections);
  fd_close(&server->listener);
  fd_close(&server->ringer);
  settings_look_end(&server->settings);
  if (server->loop)
    ev_loop_destroy(server->loop);
  free(server);
  return status;
}
