/*
 * How fast events reach many clients: WebSocket connections on one event loop, and a process that
 * appends events at a rate. Each event carries the time at which it was made; the latency is from
 * there to its receipt, so it holds the commit, the bell, the pass and the socket.
 *
 *     bench_push [-u PUSH_SOCKET | -t HOST:PORT] [-H HISTORY_SOCKET] [-k TOKEN_FILE] [-p TARGET]
 *                [-c CLIENTS] [-r EVENTS_PER_SECOND] [-s SECONDS]
 *
 * Without -H it only listens. Starts nothing; use it on a history that may be thrown away. Prints
 * figures only.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/ulid.h"
#include "history/append.h"
#include "ws/handshake.h"
#include "ws/receiver.h"

#include <errno.h>
#include <ev.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK        "\"sent_us\":"
#define BUCKETS     20000 /* of 100 us; the last is everything longer */
#define BUCKET_US   100
#define SETTLE_S    1. /* after the last event */
#define CONNECTS    64 /* at once */
#define INPUT_BYTES 65536

struct connection {
  ev_io io; /* first: the callback casts it back */
  struct bench *bench;
  bool open;
  struct buf head;
  struct ws_receiver receiver;
};

struct bench {
  struct ev_loop *loop;
  const char *socket_path, *address, *history_path, *target;
  char authorization[256];
  int clients, rate, seconds;
  struct connection *connections;
  int started, open, refused, lost;
  int64_t deliveries, bytes, wakeups;
  int64_t buckets[BUCKETS];
  int64_t longest_us;
  pid_t feeder;
  int64_t first_us, last_us; /* of the deliveries */
  ev_timer end;
  char input[INPUT_BYTES];
};

static void feed(const struct bench *bench) {
  struct history_client *client;
  struct history_batch batch;
  struct ulid_maker ulids = {0};
  history_batch_init(&batch, 0);
  if (history_client_new(bench->history_path, "belfry-fcgi", &client))
    _exit(1);
  int64_t start_us = clock_monotonic_us(&clock_system);
  int64_t total = (int64_t)bench->rate * bench->seconds;
  for (int64_t i = 0; i < total; i++) {
    char id[ULID_BYTES], data[320];
    int64_t wait_us = start_us + i * 1000000 / bench->rate - clock_monotonic_us(&clock_system);
    if (wait_us > 0)
      usleep((useconds_t)wait_us);
    int64_t now_us = clock_realtime_us(&clock_system);
    ulid_make(&ulids, now_us / 1000, id);
    snprintf(data, sizeof data,
             "{" MARK "%lld,\"agent\":\"bench\",\"action\":\"step\",\"message\":\"request %lld "
             "served from the cache without asking upstream\",\"status\":200}",
             (long long)now_us, (long long)i);
    history_batch_clear(&batch);
    history_batch_event(&batch, &(struct event){.timestamp_ms = now_us / 1000,
                                                .severity = 1,
                                                .type = slice_of("agent_activity"),
                                                .source = slice_of("bench"),
                                                .event_id = slice_of(id),
                                                .data = slice_of(data)});
    struct history_receipt receipt;
    struct belfry_error error = {0};
    if (history_client_append(client, &batch, 10000, &receipt, &error)) {
      fprintf(stderr, "bench_push: %s\n", error.text);
      _exit(1);
    }
  }
  _exit(0);
}

static void take_message(struct bench *bench, struct slice text) {
  const char *mark = memmem(text.data, text.len, MARK, sizeof MARK - 1);
  if (!mark)
    return;
  int64_t now_us = clock_realtime_us(&clock_system);
  int64_t took_us = now_us - strtoll(mark + sizeof MARK - 1, NULL, 10);
  int64_t bucket = took_us / BUCKET_US;
  bench->buckets[bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket]++;
  if (took_us > bench->longest_us)
    bench->longest_us = took_us;
  if (!bench->first_us)
    bench->first_us = now_us;
  bench->last_us = now_us;
  bench->deliveries++;
}

static void lose(struct connection *connection) {
  struct bench *bench = connection->bench;
  ev_io_stop(bench->loop, &connection->io);
  close(connection->io.fd);
  if (connection->open)
    bench->open--, bench->lost++;
  else
    bench->refused++;
}

static void begin(struct bench *bench);

static void take_bytes(struct connection *connection, struct slice bytes) {
  struct bench *bench = connection->bench;
  struct ws_event event;
  for (;;) {
    ws_receiver_take(&connection->receiver, &bytes, &event);
    switch (event.kind) {
    case WS_EVENT_TEXT:
      take_message(bench, event.payload);
      break;
    case WS_EVENT_PING: {
      struct buf pong;
      buf_init(&pong, 0);
      ws_put_frame(&pong, true, WS_PONG, event.payload, (const uint8_t *)"\1\2\3\4");
      (void)!send(connection->io.fd, pong.data, pong.len, MSG_NOSIGNAL);
      buf_fini(&pong);
      break;
    }
    case WS_EVENT_CLOSE:
    case WS_EVENT_ERROR:
      lose(connection);
      return;
    default:
      return;
    }
  }
}

static void take_head(struct connection *connection, struct slice bytes) {
  struct bench *bench = connection->bench;
  buf_put_slice(&connection->head, bytes);
  char *end = memmem(connection->head.data, connection->head.len, "\r\n\r\n", 4);
  if (!end)
    return;
  if (strncmp(connection->head.data, "HTTP/1.1 101", 12) != 0) {
    lose(connection);
    return;
  }
  connection->open = true;
  bench->open++;
  size_t len = (size_t)(end - connection->head.data) + 4;
  take_bytes(connection, slice_new(end + 4, connection->head.len - len));
  buf_fini(&connection->head);
  begin(bench);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct connection *connection = (struct connection *)io;
  struct bench *bench = connection->bench;
  ssize_t n = recv(io->fd, bench->input, sizeof bench->input, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0) {
    lose(connection);
    return;
  }
  bench->bytes += n;
  bench->wakeups++;
  if (connection->open)
    take_bytes(connection, slice_new(bench->input, (size_t)n));
  else
    take_head(connection, slice_new(bench->input, (size_t)n));
}

static int connect_tcp(const char *address) {
  char host[256];
  const char *colon = strrchr(address, ':');
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
  snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - address) : 0, address);
  if (!colon || getaddrinfo(host, colon + 1, &hints, &found))
    return -1;
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen))
    fd_close(&fd);
  freeaddrinfo(found);
  return fd;
}

static void start_connection(struct bench *bench, struct connection *connection) {
  int fd = -1;
  connection->bench = bench;
  if (bench->address)
    fd = connect_tcp(bench->address);
  else if (fd_unix_connect(bench->socket_path, &fd, NULL))
    fd = -1;
  if (fd < 0) {
    bench->refused++;
    return;
  }
  char key[WS_KEY_BYTES], head[1024];
  ws_key_make(key);
  int len =
      snprintf(head, sizeof head,
               "GET %s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n",
               bench->target, key, bench->authorization);
  (void)!send(fd, head, (size_t)len, MSG_NOSIGNAL);
  buf_init(&connection->head, 65536);
  ws_receiver_init(&connection->receiver, WS_CLIENT, (size_t)1 << 20);
  ev_io_init(&connection->io, on_readable, fd, EV_READ);
  ev_io_start(bench->loop, &connection->io);
}

static void on_feeder_end(struct ev_loop *loop, ev_child *child, int events) {
  (void)child;
  (void)events;
  struct bench *bench = ev_userdata(loop);
  ev_timer_set(&bench->end, SETTLE_S, 0.);
  ev_timer_start(loop, &bench->end);
}

static void on_end(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)timer;
  (void)events;
  ev_break(loop, EVBREAK_ALL);
}

static ev_child feeder_watch;

/* Connects the next; when all are open, the events begin. */
static void begin(struct bench *bench) {
  while (bench->started < bench->clients &&
         bench->started - bench->open - bench->refused < CONNECTS)
    start_connection(bench, &bench->connections[bench->started++]);
  if (bench->open + bench->refused < bench->clients || bench->feeder)
    return;
  printf("%d clients open, %d refused\n", bench->open, bench->refused);
  fflush(stdout);
  if (!bench->history_path) {
    bench->feeder = -1;
    ev_timer_set(&bench->end, bench->seconds, 0.);
    ev_timer_start(bench->loop, &bench->end);
    return;
  }
  bench->feeder = fork();
  if (bench->feeder == 0)
    feed(bench);
  ev_child_init(&feeder_watch, on_feeder_end, bench->feeder, 0);
  ev_child_start(bench->loop, &feeder_watch);
}

static double percentile_ms(const struct bench *bench, double part) {
  int64_t rank = (int64_t)(part * (double)bench->deliveries), seen = 0;
  for (int i = 0; i < BUCKETS; i++) {
    seen += bench->buckets[i];
    if (seen > rank)
      return (i + 1) * BUCKET_US / 1000.0;
  }
  return BUCKETS * BUCKET_US / 1000.0;
}

static void print_figures(const struct bench *bench) {
  double seconds = (double)(bench->last_us - bench->first_us) / 1e6;
  printf("%lld deliveries", (long long)bench->deliveries);
  if (bench->history_path)
    printf(" of %lld", (long long)bench->rate * bench->seconds * bench->open);
  printf(", %.0f/s, %.1f MB, %.1f events a read, %d connections lost\n",
         seconds > 0 ? (double)bench->deliveries / seconds : 0, (double)bench->bytes / 1e6,
         bench->wakeups ? (double)bench->deliveries / (double)bench->wakeups : 0, bench->lost);
  printf("latency p50 %.1f ms, p90 %.1f, p99 %.1f, p99.9 %.1f, longest %.1f\n",
         percentile_ms(bench, .5), percentile_ms(bench, .9), percentile_ms(bench, .99),
         percentile_ms(bench, .999), (double)bench->longest_us / 1000.0);
}

static void read_token(struct bench *bench, const char *path) {
  char *token = fd_read_file(path, 200, NULL, NULL);
  if (!token) {
    fprintf(stderr, "bench_push: cannot read %s\n", path);
    exit(2);
  }
  snprintf(bench->authorization, sizeof bench->authorization, "Authorization: Bearer %.*s\r\n",
           (int)strcspn(token, "\n"), token);
  free(token);
}

int main(int argc, char **argv) {
  struct bench *bench = calloc(1, sizeof *bench);
  bench->target = "/ws";
  bench->clients = 100;
  bench->rate = 100;
  bench->seconds = 10;
  int option;
  while ((option = getopt(argc, argv, "u:t:H:k:p:c:r:s:")) != -1) {
    switch (option) {
    case 'u':
      bench->socket_path = optarg;
      break;
    case 't':
      bench->address = optarg;
      break;
    case 'H':
      bench->history_path = optarg;
      break;
    case 'k':
      read_token(bench, optarg);
      break;
    case 'p':
      bench->target = optarg;
      break;
    case 'c':
      bench->clients = atoi(optarg);
      break;
    case 'r':
      bench->rate = atoi(optarg);
      break;
    case 's':
      bench->seconds = atoi(optarg);
      break;
    default:
      return 2;
    }
  }
  if ((!bench->socket_path && !bench->address) || bench->clients < 1 || bench->rate < 1) {
    fprintf(stderr, "usage: bench_push -u SOCKET|-t HOST:PORT [-H HISTORY_SOCKET] [-k TOKEN_FILE] "
                    "[-p TARGET] [-c CLIENTS] [-r EVENTS_PER_SECOND] [-s SECONDS]\n");
    return 2;
  }
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
  }
  bench->loop = ev_default_loop(0);
  ev_set_userdata(bench->loop, bench);
  ev_timer_init(&bench->end, on_end, 0., 0.);
  bench->connections = calloc((size_t)bench->clients, sizeof *bench->connections);
  if (!bench->connections)
    return 1;
  begin(bench);
  ev_run(bench->loop, 0);
  print_figures(bench);
  return 0;
}
