/*
 * A load generator for HTTP/1.1 over kept connections: one request at a time on each, for some
 * seconds, then figures. It checks the status of every answer and counts what was acknowledged; it
 * judges nothing.
 *
 *   bench_http -u 127.0.0.1:8080 [-c CONNECTIONS] [-s SECONDS] [-k KEY_FILE] [-b BATCH] METHOD PATH
 *
 * With POST the body is a JSON array of BATCH events (one object when BATCH is 1); to /api/metrics,
 * BATCH samples as NDJSON, of as many series, at times that go on; to /v1/logs, BATCH log records
 * of OpenTelemetry, likewise. PATH may be @FILE: paths, one a line, which are asked for in turn.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/slice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024

struct load {
  struct sockaddr_in address;
  const char *host;
  const char *method, *path;
  char *key; /* owned; NULL: none */
  int connections;
  int seconds;
  int batch;
  struct buf request;     /* all of them, one behind the other */
  struct slice *requests; /* owned; in it, asked for in turn */
  size_t request_count, next_request;
  bool samples, records; /* what is posted has times that go on: it is made when it is sent */
  int64_t ts_ms;
  /* what came of it */
  uint32_t *latencies_us; /* owned, grows */
  size_t answered, latencies_cap;
  size_t refused; /* answers that are not 2xx */
  size_t broken;  /* connections that ended in the middle */
};

struct connection {
  int fd;
  struct slice request; /* borrowed from the load, or from `own` */
  struct buf own;
  size_t sent;
  int64_t started_us;
  struct buf answer;
};

static void die(const char *what) {
  fprintf(stderr, "bench_http: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void put_events(const struct load *load, struct buf *body) {
  if (load->batch > 1)
    buf_put_char(body, '[');
  for (int i = 0; i < load->batch; i++)
    buf_printf(body,
               "%s{\"event\":\"agent_activity\",\"source\":\"bench\",\"data\":{\"agent\":\"agent-"
               "%d\",\"action\":"
               "\"invoked\",\"detail\":\"one of many events of a size that is "
               "common\",\"duration_ms\":%d.5}}",
               i ? "," : "", i % 20, i);
  if (load->batch > 1)
    buf_put_char(body, ']');
}

static void put_samples(struct load *load, struct buf *body) {
  load->ts_ms += 1000;
  for (int i = 0; i < load->batch; i++)
    buf_printf(body,
               "{\"metric\":\"bench_sample\",\"labels\":{\"n\":\"%d\"},\"timestamp\":%lld,"
               "\"value\":%d.%02d}\n",
               i, (long long)load->ts_ms, i % 90, (int)(load->ts_ms / 1000 % 100));
}

/* As an SDK makes them: a handful of attributes, ids of a trace. */
static void put_records(struct load *load, struct buf *body) {
  load->ts_ms += 1000;
  buf_put_text(body, "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
                     "\"value\":{\"stringValue\":\"bench\"}}]},\"scopeLogs\":[{\"scope\":{\"name\":"
                     "\"bench\"},\"logRecords\":[");
  for (int i = 0; i < load->batch; i++)
    buf_printf(body,
               "%s{\"timeUnixNano\":\"%lld%06d\",\"severityNumber\":9,\"severityText\":\"INFO\","
               "\"body\":{\"stringValue\":\"one of many lines of a size that is common, number "
               "%d\"},\"attributes\":[{\"key\":\"http.request.method\",\"value\":{\"stringValue\":"
               "\"GET\"}},{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":200}},"
               "{\"key\":\"url.path\",\"value\":{\"stringValue\":\"/a/%d\"}}],\"traceId\":"
               "\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\"}",
               i ? "," : "", (long long)load->ts_ms, i, i, i % 50);
  buf_put_text(body, "]}]}]}");
}

/* Puts one request for `path`. */
static void put_request(struct load *load, struct slice path, struct buf *out) {
  struct buf body;
  buf_init(&body, 0);
  if (strcmp(load->method, "POST") == 0) {
    if (load->samples)
      put_samples(load, &body);
    else if (load->records)
      put_records(load, &body);
    else
      put_events(load, &body);
  }
  buf_printf(out, "%s %.*s HTTP/1.1\r\nHost: %s\r\n", load->method, SLICE_ARG(path), load->host);
  if (load->key)
    buf_printf(out, "Authorization: Bearer %s\r\n", load->key);
  if (body.len)
    buf_printf(out, "Content-Type: application/%s\r\nContent-Length: %zu\r\n",
               load->samples ? "x-ndjson" : "json", body.len);
  buf_put_text(out, "\r\n");
  buf_put_slice(out, buf_slice(&body));
  if (buf_status(&body) || buf_status(out))
    die("the request does not fit into memory");
  buf_fini(&body);
}

/* Makes the requests of all paths. */
static void make_requests(struct load *load) {
  struct belfry_error error = {0};
  char *file = NULL;
  struct slice rest = slice_of(load->path), path;
  if (load->path[0] == '@' &&
      !(file = fd_read_file(load->path + 1, (size_t)16 << 20, NULL, &error))) {
    fprintf(stderr, "bench_http: %s\n", error.text);
    exit(1);
  }
  if (file)
    rest = slice_of(file);
  for (size_t i = 0; i < rest.len; i++)
    load->request_count += rest.data[i] == '\n';
  load->requests = calloc(++load->request_count, sizeof *load->requests);
  size_t *ends = calloc(load->request_count, sizeof *ends), count = 0;
  if (!load->requests || !ends)
    die("out of memory");
  while (slice_split(&rest, '\n', &path))
    if (path.len > 0) {
      put_request(load, path, &load->request);
      ends[count++] = load->request.len;
    }
  load->request_count = count;
  for (size_t i = 0; i < count; i++)
    load->requests[i] =
        slice_new(load->request.data + (i ? ends[i - 1] : 0), ends[i] - (i ? ends[i - 1] : 0));
  if (count == 0)
    die("there is no path");
  free(ends);
  free(file);
}

static void next_request(struct load *load, struct connection *connection) {
  connection->sent = 0;
  connection->started_us = clock_monotonic_us(&clock_system);
  connection->request = load->requests[load->next_request++ % load->request_count];
  if (!load->samples && !load->records)
    return;
  buf_clear(&connection->own);
  put_request(load, slice_of(load->path), &connection->own);
  connection->request = buf_slice(&connection->own);
}

static void open_connection(struct load *load, struct connection *connection, int epoll) {
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0 ||
      connect(connection->fd, (const struct sockaddr *)&load->address, sizeof load->address) < 0)
    die("cannot connect");
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  if (fd_set_nonblocking(connection->fd, true))
    die("cannot set a socket nonblocking");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
    die("epoll_ctl");
  buf_clear(&connection->answer);
  next_request(load, connection);
}

/* The length of a whole answer at the start of `text`, or 0 when it is not whole yet; `*status` its
 * status. */
static size_t answer_length(struct slice text, int *status) {
  const char *head_end = text.len ? memmem(text.data, text.len, "\r\n\r\n", 4) : NULL;
  if (!head_end)
    return 0;
  *status = atoi(text.data + 9);
  size_t head = (size_t)(head_end - text.data) + 4;
  const char *length = strcasestr(text.data, "\r\nContent-Length:");
  if (length && length < head_end) {
    size_t body = (size_t)strtoul(length + 17, NULL, 10);
    return text.len >= head + body ? head + body : 0;
  }
  const char *last = strstr(text.data + head - 2, "\r\n0\r\n\r\n"); /* chunked */
  return last ? (size_t)(last - text.data) + 7 : 0;
}

static void count_answer(struct load *load, const struct connection *connection, int status) {
  if (load->answered == load->latencies_cap) {
    load->latencies_cap = load->latencies_cap ? load->latencies_cap * 2 : 65536;
    load->latencies_us =
        realloc(load->latencies_us, load->latencies_cap * sizeof *load->latencies_us);
    if (!load->latencies_us)
      die("out of memory");
  }
  load->latencies_us[load->answered++] =
      (uint32_t)(clock_monotonic_us(&clock_system) - connection->started_us);
  if (status < 200 || status > 299)
    load->refused++;
}

/* Sends what can be sent and takes what has come. Returns: false when the connection has ended. */
static bool serve(struct load *load, struct connection *connection) {
  for (;;) {
    while (connection->sent < connection->request.len) {
      ssize_t n = send(connection->fd, connection->request.data + connection->sent,
                       connection->request.len - connection->sent, MSG_NOSIGNAL);
      if (n < 0)
        return errno == EAGAIN;
      connection->sent += (size_t)n;
    }
    char *room = buf_reserve(&connection->answer, 16384);
    if (!room)
      die("an answer does not fit into memory");
    ssize_t n = recv(connection->fd, room, 16384, 0);
    if (n < 0)
      return errno == EAGAIN;
    if (n == 0)
      return false;
    buf_commit(&connection->answer, (size_t)n);
    int status = 0;
    size_t length = answer_length(buf_slice(&connection->answer), &status);
    if (length == 0)
      continue;
    count_answer(load, connection, status);
    buf_consume(&connection->answer, length);
    next_request(load, connection);
  }
}

static void run(struct load *load) {
  static struct connection connections[CONNECTIONS_MAX];
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0)
    die("epoll_create1");
  for (int i = 0; i < load->connections; i++) {
    buf_init(&connections[i].answer, 0);
    buf_init(&connections[i].own, 0);
    open_connection(load, &connections[i], epoll);
  }
  int64_t end_us = clock_monotonic_us(&clock_system) + (int64_t)load->seconds * 1000000;
  while (clock_monotonic_us(&clock_system) < end_us) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, 100);
    for (int i = 0; i < n; i++) {
      struct connection *connection = events[i].data.ptr;
      if (serve(load, connection))
        continue;
      /* nginx ends a kept connection after keepalive_requests; only an end with an answer open is a
       * fault. */
      if (connection->answer.len > 0)
        load->broken++;
      fd_close(&connection->fd);
      open_connection(load, connection, epoll);
    }
  }
  for (int i = 0; i < load->connections; i++) {
    fd_close(&connections[i].fd);
    buf_fini(&connections[i].answer);
    buf_fini(&connections[i].own);
  }
  close(epoll);
}

static int by_value(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

static double percentile_ms(const struct load *load, double part) {
  if (load->answered == 0)
    return 0;
  return load->latencies_us[(size_t)(part * (double)(load->answered - 1))] / 1000.0;
}

static void take_address(struct load *load, const char *text) {
  char host[64];
  const char *colon = strrchr(text, ':');
  load->host = text;
  load->address.sin_family = AF_INET;
  if (!colon || (size_t)(colon - text) >= sizeof host)
    die("-u wants ADDRESS:PORT");
  snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
  load->address.sin_port = htons((uint16_t)atoi(colon + 1));
  if (inet_pton(AF_INET, host, &load->address.sin_addr) != 1)
    die("-u wants a numeric address");
}

static char *read_key(const char *path) {
  struct belfry_error error = {0};
  char *key = fd_read_file(path, 1024, NULL, &error);
  if (!key) {
    fprintf(stderr, "bench_http: %s\n", error.text);
    exit(1);
  }
  key[strcspn(key, "\r\n")] = '\0';
  return key;
}

int main(int argc, char **argv) {
  struct load load = {.connections = 16, .seconds = 5, .batch = 1};
  int option;
  buf_init(&load.request, 0);
  while ((option = getopt(argc, argv, "u:c:s:k:b:")) != -1) {
    switch (option) {
    case 'u':
      take_address(&load, optarg);
      break;
    case 'c':
      load.connections = atoi(optarg);
      break;
    case 's':
      load.seconds = atoi(optarg);
      break;
    case 'k':
      load.key = read_key(optarg);
      break;
    case 'b':
      load.batch = atoi(optarg);
      break;
    default:
      return 2;
    }
  }
  if (argc - optind != 2 || !load.host || load.connections < 1 ||
      load.connections > CONNECTIONS_MAX || load.seconds < 1 || load.batch < 1) {
    fprintf(
        stderr,
        "usage: bench_http -u ADDRESS:PORT [-c CONNECTIONS] [-s SECONDS] [-k KEY_FILE] [-b BATCH] "
        "METHOD PATH\n");
    return 2;
  }
  load.method = argv[optind];
  load.path = argv[optind + 1];
  load.samples = strcmp(load.method, "POST") == 0 && strcmp(load.path, "/api/metrics") == 0;
  load.records = strcmp(load.method, "POST") == 0 && strcmp(load.path, "/v1/logs") == 0;
  load.ts_ms = clock_realtime_ms(&clock_system) - 86400000;
  make_requests(&load);
  run(&load);
  if (load.answered)
    qsort(load.latencies_us, load.answered, sizeof *load.latencies_us, by_value);
  double per_second = (double)load.answered / load.seconds;
  printf("%-4s %-14s %3d connections  %8.0f requests/s", load.method, load.path, load.connections,
         per_second);
  if (strcmp(load.method, "POST") == 0)
    printf("  %8.0f %s/s", (double)(load.answered - load.refused) / load.seconds * load.batch,
           load.samples   ? "samples"
           : load.records ? "records"
                          : "events");
  printf("  p50 %.2f ms  p99 %.2f ms  refused %zu  broken %zu\n", percentile_ms(&load, 0.50),
         percentile_ms(&load, 0.99), load.refused, load.broken);
  buf_fini(&load.request);
  free(load.requests);
  free(load.latencies_us);
  free(load.key);
  return 0;
}
