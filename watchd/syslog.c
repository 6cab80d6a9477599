#include "watchd/syslog.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "model/log_format.h"
#include "model/log_line.h"
#include "model/syslog_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GATHER_SECONDS   0.05 /* what comes within this time travels together */
#define RETRY_SECONDS    0.5  /* after the history refused or went away */
#define OPEN_AGAIN_MS    2000
#define BATCH_EVENTS_MAX 5000
#define BATCH_BYTES_MAX  ((size_t)4 << 20)
#define TURN_MESSAGES    200 /* taken off a datagram socket before others have their turn */
#define READ_BYTES       65536
#define RECEIVE_BYTES    (1 << 20) /* that the kernel keeps of datagrams until they are read */
#define SOURCE_BYTES_MAX 128
#define FUTURE_MAX_MS    (INT64_C(24) * 3600 * 1000)

/* A socket that is listened on. */
struct input {
  struct syslog *syslog;
  int (*open)(const char *address, int *out_fd, struct belfry_error *error);
  const char *what;
  char *address; /* owned; NULL: none is wanted */
  int fd;        /* owned; -1: not open */
  struct ev_io io;
  bool told; /* the log has said why it cannot be opened */
};

/* A TCP connection; listed in its syslog. */
struct connection {
  struct syslog *syslog;
  int fd; /* owned */
  struct ev_io io;
  struct syslog_stream stream;
  struct connection *next;
};

enum { INPUT_UDP, INPUT_TCP, INPUT_UNIX, INPUT_COUNT };

struct syslog {
  struct syslog_parts parts;
  struct input inputs[INPUT_COUNT];
  struct connection *connections; /* owned */
  int64_t connection_count, connections_max;
  size_t message_max;
  int64_t rate_max;     /* messages in a second; 0: any number */
  int64_t second, rate; /* monotonic: the second at hand, and how many came in it */
  uint32_t events_max;
  struct history_batch filling, sending; /* the second is on its way, or to be sent again */
  struct outbox_letter letter;
  struct ev_timer wake;
  struct schedule_task open_again;
  struct ulid_maker ulids;
  struct log_said said;
  struct buf masked, data, source;
  int64_t stored, dropped, refused; /* messages, messages, connections */
  int64_t told_dropped_ms;          /* monotonic: when the log said so; 0: never */
};

static char bytes[READ_BYTES]; /* what was read in a turn; there is one thread */

/* --- to the history -----------------------------------------------------------------------------
 */

static void wake_in(struct syslog *syslog, double seconds) {
  struct ev_loop *loop = syslog->parts.loop;
  if (ev_is_active(&syslog->wake))
    return;
  ev_now_update(loop);
  ev_timer_set(&syslog->wake, seconds, 0);
  ev_timer_start(loop, &syslog->wake);
}

static bool is_full(const struct syslog *syslog) {
  return syslog->filling.event_count >= syslog->events_max ||
         syslog->filling.records.len >= BATCH_BYTES_MAX;
}

static void send_batch(struct syslog *syslog) {
  if (syslog->letter.waiting)
    return;
  if (syslog->sending.event_count == 0) {
    struct history_batch empty = syslog->sending;
    syslog->sending = syslog->filling;
    syslog->filling = empty;
  }
  if (syslog->sending.event_count > 0 &&
      outbox_send(syslog->parts.outbox, &syslog->letter, &syslog->sending))
    wake_in(syslog, RETRY_SECONDS);
}

static void syslog_on_wake(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  send_batch(timer->data);
}

static void tell_dropped(struct syslog *syslog, int64_t count, const char *why) {
  int64_t now_ms = clock_monotonic_ms(syslog->parts.clock);
  syslog->dropped += count;
  if (syslog->told_dropped_ms && now_ms - syslog->told_dropped_ms < 60000)
    return;
  syslog->told_dropped_ms = now_ms;
  log_warning("messages of syslog are dropped: %s (%lld so far)", why, (long long)syslog->dropped);
}

static void go_on_reading(struct syslog *syslog) {
  for (struct connection *one = syslog->connections; one; one = one->next) {
    ev_io_start(syslog->parts.loop, &one->io);
    ev_feed_event(syslog->parts.loop, &one->io, EV_READ); /* for what has been read already */
  }
}

static void syslog_on_receipt(void *arg, int status, const char *error_text) {
  struct syslog *syslog = arg;
  if (status == BELFRY_EINVAL || status == BELFRY_ETOOBIG) {
    tell_dropped(syslog, syslog->sending.event_count, error_text);
  } else if (status) { /* the ids stay, so that sending it again stores nothing twice */
    wake_in(syslog, RETRY_SECONDS);
    return;
  } else {
    syslog->stored += syslog->sending.event_count;
  }
  history_batch_clear(&syslog->sending);
  go_on_reading(syslog);
  if (syslog->filling.event_count > 0)
    wake_in(syslog, is_full(syslog) ? 0 : GATHER_SECONDS);
}

/* --- messages -----------------------------------------------------------------------------------
 */

/* The name of the program, as far as a source may hold it. */
static struct slice source_of(struct syslog *syslog, struct slice name) {
  struct buf *source = &syslog->source;
  buf_clear(source);
  for (size_t i = 0; i < name.len && i < SOURCE_BYTES_MAX; i++)
    buf_put_char(source,
                 (unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f ? '?' : name.data[i]);
  size_t valid = utf8_valid_prefix(buf_slice(source));
  return valid > 0 ? slice_new(source->data, valid) : slice_of("syslog");
}

static bool is_too_many(struct syslog *syslog) {
  int64_t second = clock_monotonic_ms(syslog->parts.clock) / 1000;
  if (second != syslog->second)
    syslog->rate = 0;
  syslog->second = second;
  return syslog->rate_max > 0 && ++syslog->rate > syslog->rate_max;
}

static void mask_message(struct syslog *syslog, struct slice message) {
  struct mask_place place = {0};
  struct slice line;
  buf_clear(&syslog->masked);
  for (bool first = true; slice_split(&message, '\n', &line); first = false) {
    if (!first)
      buf_put_char(&syslog->masked, '\n');
    mask_put(syslog->parts.mask, line, &place, &syslog->masked);
  }
}

static void put_event(struct syslog *syslog, bool cut) {
  struct log_said *said = &syslog->said;
  struct slice text = buf_slice(&syslog->masked);
  int64_t now_ms = clock_realtime_ms(syslog->parts.clock);
  char event_id[ULID_BYTES];
  log_said_clear(said);
  if (!log_syslog_read(NULL, text, now_ms, said))
    log_said_clear(said); /* something else: its text is all that is known */
  enum severity severity =
      said->severity >= 0 ? (enum severity)said->severity : log_line_severity(text);
  bool timed = said->timestamp_ms > 0 && said->timestamp_ms <= now_ms + FUTURE_MAX_MS;
  log_said_put_data(said, text, slice_new(NULL, 0), cut, &syslog->data);
  ulid_make(&syslog->ulids, now_ms, event_id);
  const struct event event = {.timestamp_ms = timed ? said->timestamp_ms : now_ms,
                              .severity = (int)severity,
                              .type = slice_of("log"),
                              .source = source_of(syslog, said->source),
                              .event_id = slice_of(event_id),
                              .data = buf_slice(&syslog->data)};
  if (buf_status(&syslog->masked) || buf_status(&syslog->data) || buf_status(&syslog->source)) {
    tell_dropped(syslog, 1, "out of memory");
    return;
  }
  history_batch_event(&syslog->filling, &event);
}

static void take_message(struct syslog *syslog, struct slice message, bool cut) {
  while (message.len > 0 && memchr("\n\r\0", message.data[message.len - 1], 3))
    message.len--;
  if (message.len == 0)
    return;
  if (is_too_many(syslog)) {
    tell_dropped(syslog, 1, "more come in a second than syslog.rate_limit");
    return;
  }
  if (is_full(syslog)) {
    tell_dropped(syslog, 1, "they come faster than the history takes them");
    return;
  }
  mask_message(syslog, message);
  put_event(syslog, cut);
  if (is_full(syslog))
    send_batch(syslog);
  else if (!syslog->letter.waiting)
    wake_in(syslog, GATHER_SECONDS);
}

/* --- sockets ------------------------------------------------------------------------------------
 */

static void syslog_on_datagrams(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct input *input = io->data;
  size_t max = input->syslog->message_max;
  for (int i = 0; i < TURN_MESSAGES; i++) {
    ssize_t n = recv(input->fd, bytes, max < sizeof bytes ? max : sizeof bytes, MSG_TRUNC);
    if (n < 0)
      return;
    bool cut = (size_t)n > max;
    take_message(input->syslog, slice_new(bytes, cut ? max : (size_t)n), cut);
  }
}

static void free_connection(struct connection *connection) {
  struct syslog *syslog = connection->syslog;
  struct connection **at = &syslog->connections;
  while (*at != connection)
    at = &(*at)->next;
  *at = connection->next;
  syslog->connection_count--;
  ev_io_stop(syslog->parts.loop, &connection->io);
  fd_close(&connection->fd);
  syslog_stream_fini(&connection->stream);
  free(connection);
}

/* Takes what has come. Returns: false when it must wait for the history. */
static bool take_messages(struct connection *connection) {
  struct slice message;
  bool cut;
  while (!is_full(connection->syslog)) {
    if (!syslog_stream_next(&connection->stream, &message, &cut))
      return true;
    take_message(connection->syslog, message, cut);
  }
  return false;
}

static void syslog_on_stream(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)events;
  struct connection *connection = io->data;
  if (take_messages(connection)) { /* some may be left from before */
    ssize_t n = read(connection->fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (n > 0)
      syslog_stream_put(&connection->stream, slice_new(bytes, (size_t)n));
    else
      connection->stream.final = true;
    if (take_messages(connection)) {
      if (connection->stream.final || buf_status(&connection->stream.data))
        free_connection(connection);
      return;
    }
  }
  ev_io_stop(loop, io); /* until the history has taken what there is */
}

static void syslog_on_connect(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)events;
  struct input *input = io->data;
  struct syslog *syslog = input->syslog;
  int fd;
  while ((fd = accept4(input->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    bool room = syslog->connection_count < syslog->connections_max;
    struct connection *connection = room ? calloc(1, sizeof *connection) : NULL;
    if (!connection) {
      if (syslog->refused++ == 0)
        log_warning("a connection of syslog was refused: there are %lld of them, as many as "
                    "syslog.max_connections allows",
                    (long long)syslog->connection_count);
      fd_close(&fd);
      continue;
    }
    *connection = (struct connection){.syslog = syslog, .fd = fd, .next = syslog->connections};
    syslog->connections = connection;
    syslog->connection_count++;
    syslog_stream_init(&connection->stream, syslog->message_max);
    ev_io_init(&connection->io, syslog_on_stream, fd, EV_READ);
    connection->io.data = connection;
    ev_io_start(loop, &connection->io);
  }
}

static int open_unix(const char *path, int *out_fd, struct belfry_error *error) {
  return fd_unix_bind_datagram(path, 0666, out_fd, error);
}

static void close_input(struct input *input) {
  ev_io_stop(input->syslog->parts.loop, &input->io);
  if (input->fd >= 0 && input->open == open_unix && input->address)
    unlink(input->address);
  fd_close(&input->fd);
}

static void open_input(struct input *input) {
  struct belfry_error error = {0};
  if (!input->address || input->fd >= 0)
    return;
  if (input->open(input->address, &input->fd, &error)) {
    if (!input->told)
      log_error("syslog: %s; trying again", error.text);
    input->told = true;
    return;
  }
  input->told = false;
  (void)setsockopt(input->fd, SOL_SOCKET, SO_RCVBUF, &(int){RECEIVE_BYTES}, sizeof(int));
  bool stream = input->open == fd_tcp_listen;
  ev_io_init(&input->io, stream ? syslog_on_connect : syslog_on_datagrams, input->fd, EV_READ);
  input->io.data = input;
  ev_io_start(input->syslog->parts.loop, &input->io);
  log_info("syslog: listening on %s (%s)", input->address, input->what);
}

static void syslog_on_open_again(void *arg) {
  struct syslog *syslog = arg;
  for (int i = 0; i < INPUT_COUNT; i++)
    open_input(&syslog->inputs[i]);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

int syslog_new(const struct syslog_parts *parts, struct syslog **out) {
  struct syslog *syslog = calloc(1, sizeof *syslog);
  if (!syslog)
    return BELFRY_ENOMEM;
  syslog->parts = *parts;
  syslog->inputs[INPUT_UDP] = (struct input){.open = fd_udp_bind, .what = "UDP"};
  syslog->inputs[INPUT_TCP] = (struct input){.open = fd_tcp_listen, .what = "TCP"};
  syslog->inputs[INPUT_UNIX] = (struct input){.open = open_unix, .what = "datagrams"};
  for (int i = 0; i < INPUT_COUNT; i++) {
    struct input *input = &syslog->inputs[i];
    input->syslog = syslog;
    input->fd = -1;
    ev_io_init(&input->io, syslog_on_datagrams, -1, EV_READ);
  }
  history_batch_init(&syslog->filling, 0);
  history_batch_init(&syslog->sending, 0);
  syslog->letter = (struct outbox_letter){.on_receipt = syslog_on_receipt, .arg = syslog};
  ev_timer_init(&syslog->wake, syslog_on_wake, 0, 0);
  syslog->wake.data = syslog;
  schedule_task_init(&syslog->open_again, parts->schedule, syslog_on_open_again, syslog);
  log_said_init(&syslog->said);
  buf_init(&syslog->masked, 0);
  buf_init(&syslog->data, 0);
  buf_init(&syslog->source, 0);
  *out = syslog;
  return BELFRY_OK;
}

void syslog_free(struct syslog *syslog) {
  if (!syslog)
    return;
  schedule_task_stop(&syslog->open_again);
  ev_timer_stop(syslog->parts.loop, &syslog->wake);
  outbox_recall(syslog->parts.outbox, &syslog->letter);
  while (syslog->connections)
    free_connection(syslog->connections);
  for (int i = 0; i < INPUT_COUNT; i++) {
    close_input(&syslog->inputs[i]);
    free(syslog->inputs[i].address);
  }
  history_batch_fini(&syslog->filling);
  history_batch_fini(&syslog->sending);
  log_said_fini(&syslog->said);
  buf_fini(&syslog->masked);
  buf_fini(&syslog->data);
  buf_fini(&syslog->source);
  free(syslog);
}

/* Listens elsewhere. Returns: 0 or BELFRY_ENOMEM, then nothing has changed. */
static int set_address(struct input *input, const char *address) {
  if ((!address && !input->address) ||
      (address && input->address && strcmp(address, input->address) == 0))
    return BELFRY_OK;
  char *copy = address ? strdup(address) : NULL;
  if (address && !copy)
    return BELFRY_ENOMEM;
  close_input(input);
  free(input->address);
  input->address = copy;
  input->told = false;
  return BELFRY_OK;
}

int syslog_configure(struct syslog *syslog, const struct conf *conf) {
  const char *listen = conf->watch_enabled ? conf->syslog_listen : NULL;
  const char *socket = conf->watch_enabled ? conf->syslog_socket : NULL;
  int status = set_address(&syslog->inputs[INPUT_UDP], listen);
  if (!status)
    status = set_address(&syslog->inputs[INPUT_TCP], listen);
  if (!status)
    status = set_address(&syslog->inputs[INPUT_UNIX], socket);
  if (status)
    return status;
  syslog->message_max = (size_t)conf->syslog_max_message_bytes;
  syslog->connections_max = conf->syslog_max_connections;
  syslog->rate_max = conf->syslog_rate_limit;
  syslog->events_max = conf->history_max_batch_events < BATCH_EVENTS_MAX
                           ? (uint32_t)conf->history_max_batch_events
                           : BATCH_EVENTS_MAX;
  while (!listen && syslog->connections)
    free_connection(syslog->connections);
  schedule_task_start(&syslog->open_again, 0, OPEN_AGAIN_MS);
  return BELFRY_OK;
}

void syslog_figures(const struct syslog *syslog, struct report_figures *figures) {
  figures->syslog += syslog->stored;
  figures->syslog_dropped += syslog->dropped;
  figures->syslog_refused += syslog->refused;
}
