/*
 * Belfry's client in one header: events, log lines and samples from a C or C++ program.
 *
 * In one file of the program, before any other header:
 *
 *     #define BELFRY_IMPLEMENTATION
 *     #include <belfry.h>
 *
 * and in all others the #include alone. C99 or C++, POSIX sockets, no library.
 *
 *     belfry *b = belfry_open(NULL, NULL);         // BELFRY_URL and BELFRY_KEY_FILE say where
 *     belfry_event(b, "order_created", "info", "{\"total\":12}");
 *     belfry_log(b, "warning", "the disk is nearly full", NULL);
 *     belfry_sample(b, "queue_length", 7, "{\"queue\":\"mail\"}");
 *     belfry_close(b, 5000);                       // sends what is left, for 5 s at most
 *
 * What is given is put into a queue in memory, and nothing of it waits: belfry_flush() and
 * belfry_close() send, as long as they are told and no longer. A record gets its time and its id
 * when it is queued, so that it may be sent more than once and is stored once. What cannot be sent
 * now stays in the queue for the next flush; when the queue is full, records are refused and
 * counted. Only belfry_open() may wait by itself, for the name of the server to be resolved.
 *
 * A client belongs to one thread at a time: give each thread its own, or hold a lock.
 *
 * Plain HTTP, as to a proxy on this machine. For https give functions that read and write over TLS
 * (belfry_use_transport).
 */
#ifndef BELFRY_H
#define BELFRY_H

#if defined(BELFRY_IMPLEMENTATION) && !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belfry belfry;

/* What functions return. */
enum belfry_result {
  BELFRY_SENT = 0,      /* all of it is on the server's disk; of a record: it is queued */
  BELFRY_LATER = -1,    /* the time is up; what is left is still queued */
  BELFRY_FULL = -2,     /* the queue has no room: flush first */
  BELFRY_REFUSED = -3,  /* the server will not take it; belfry_error_text() says why */
  BELFRY_BAD_INPUT = -4 /* it is not what it has to be, and was not queued */
};

/*
 * `url`: as http://127.0.0.1:8080/ or with a prefix, as http://host/monitor; NULL: the variable
 * BELFRY_URL, else http://127.0.0.1:8080/. `key`: an API key with the role ingest; NULL: what is in
 * the file that BELFRY_KEY_FILE names, else the variable BELFRY_KEY. Returns: owned, end it with
 * belfry_close(); NULL when memory is out. What else is wrong is told by the first flush.
 */
belfry *belfry_open(const char *url, const char *key);

/* Flushes, waits `timeout_ms` for that at most, and frees it. Returns: as belfry_flush(); what
 * could not be sent is lost. `client` may be NULL. */
int belfry_close(belfry *client, int timeout_ms);

/* Whose records they are from now on; NULL: the key's name, which is the default. */
int belfry_set_source(belfry *client, const char *source);

/* Bytes that each of the two queues (events and samples) may hold; 1 MiB is the default. */
void belfry_set_queue(belfry *client, size_t bytes);

/*
 * Queues an event. `type`: 1 to 64 of a-z 0-9 _ . : -. `severity`: debug, info, success, warning,
 * error, critical; NULL: what the type has. `data`: the text of a JSON object; NULL: {}. Returns:
 * BELFRY_SENT when it is queued, BELFRY_FULL, BELFRY_BAD_INPUT.
 */
int belfry_event(belfry *client, const char *type, const char *severity, const char *data);

/* Queues a log line. `attributes`: the text of a JSON object, or NULL. */
int belfry_log(belfry *client, const char *severity, const char *message, const char *attributes);

/* Queues a sample of now. `metric`: a-z 0-9 _. `labels`: the text of a JSON object of strings, or
 * NULL: keep them few. */
int belfry_sample(belfry *client, const char *metric, double value, const char *labels);

/*
 * Sends what is queued, and tries again until `timeout_ms` is over: when the server is away, or
 * says when to come again. Returns: BELFRY_SENT, BELFRY_LATER, or BELFRY_REFUSED when records that
 * the server will never take were dropped; the others have been sent then.
 */
int belfry_flush(belfry *client, int timeout_ms);

/* How many records were dropped since the start: refused by the server, or for lack of room. */
unsigned long belfry_dropped(const belfry *client);

/* Bytes that wait to be sent. */
size_t belfry_queued(const belfry *client);

/* What was wrong last, for a person; "" when nothing was. Returns: borrowed until the next call. */
const char *belfry_error_text(const belfry *client);

/*
 * For TLS: called for each connection instead of socket functions. `connect` opens one to host and
 * port, and gives what the others get, or NULL. `write` and `read` return how many bytes, 0 at the
 * end, or -1. None of them may take longer than `timeout_ms`.
 */
struct belfry_transport {
  void *(*connect)(void *arg, const char *host, const char *port, int timeout_ms);
  long (*write)(void *connection, const void *bytes, size_t len, int timeout_ms);
  long (*read)(void *connection, void *bytes, size_t len, int timeout_ms);
  void (*close)(void *connection);
  void *arg;
};

void belfry_use_transport(belfry *client, const struct belfry_transport *transport);

#ifdef __cplusplus
}
#endif

#endif /* BELFRY_H */

#if defined(BELFRY_IMPLEMENTATION) && !defined(BELFRY_IMPLEMENTED)
#define BELFRY_IMPLEMENTED

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BELFRY__QUEUE_BYTES   ((size_t)1 << 20)
#define BELFRY__REQUEST_BYTES ((size_t)512 << 10) /* of one request; the server takes 8 MiB */
#define BELFRY__REQUEST_LINES 1000
#define BELFRY__ANSWER_BYTES  16384
#define BELFRY__WAIT_MIN_MS   100
#define BELFRY__WAIT_MAX_MS   5000

struct belfry__text {
  char *data; /* owned, ends in NUL */
  size_t len, cap;
  int failed; /* memory is out */
};

/* Lines of JSON that wait. */
struct belfry__queue {
  const char *path; /* where they go */
  struct belfry__text lines;
};

struct belfry {
  char *host, *port, *prefix; /* owned; NULL host: the URL is wrong */
  char *key;                  /* owned */
  char *source;               /* owned; "" or JSON of it */
  int https;
  struct sockaddr_storage address;
  socklen_t address_len; /* 0: it could not be resolved */
  struct belfry__queue events, samples;
  size_t queue_bytes;
  unsigned long long number; /* of the next record's id */
  unsigned long dropped;
  char id[33]; /* chosen at random: what all ids of this client begin with */
  char error[300];
  struct belfry_transport transport;
};

/* --- texts --- */

static void belfry__put(struct belfry__text *text, const char *bytes, size_t len) {
  if (text->failed)
    return;
  if (text->len + len + 1 > text->cap) {
    size_t cap = text->cap ? 2 * text->cap : 256;
    char *data;
    while (cap < text->len + len + 1)
      cap *= 2;
    data = (char *)realloc(text->data, cap);
    if (!data) {
      text->failed = 1;
      return;
    }
    text->data = data;
    text->cap = cap;
  }
  memcpy(text->data + text->len, bytes, len);
  text->len += len;
  text->data[text->len] = '\0';
}

static void belfry__puts(struct belfry__text *text, const char *string) {
  belfry__put(text, string, strlen(string));
}

/* Bytes of the UTF-8 sequence at `s`, 0 when it is none. */
static size_t belfry__utf8(const unsigned char *s) {
  size_t len = s[0] < 0x80   ? 1
               : s[0] < 0xc2 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4
                             : 0;
  size_t i;
  for (i = 1; i < len; i++)
    if ((s[i] & 0xc0) != 0x80)
      return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
      (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
    return 0;
  return len;
}

/* A JSON string; bytes that are not UTF-8 become `?`. */
static void belfry__put_string(struct belfry__text *text, const char *string) {
  const unsigned char *s = (const unsigned char *)string;
  belfry__put(text, "\"", 1);
  while (*s) {
    size_t len = belfry__utf8(s);
    char escaped[8];
    if (len == 0) {
      belfry__put(text, "?", 1);
      len = 1;
    } else if (*s < 0x20 || *s == '"' || *s == '\\') {
      snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*s);
      belfry__puts(text, escaped);
    } else {
      belfry__put(text, (const char *)s, len);
    }
    s += len;
  }
  belfry__put(text, "\"", 1);
}

static char *belfry__copy(const char *bytes, size_t len) {
  char *copy = (char *)malloc(len + 1);
  if (copy) {
    memcpy(copy, bytes, len);
    copy[len] = '\0';
  }
  return copy;
}

static int belfry__fail(belfry *client, int result, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(client->error, sizeof client->error, format, args);
  va_end(args);
  return result;
}

/* --- time --- */

static long long belfry__clock_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int belfry__left_ms(long long deadline_ms) {
  long long left = deadline_ms - belfry__clock_ms(CLOCK_MONOTONIC);
  return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void belfry__sleep(long long ms, long long deadline_ms) {
  int left = belfry__left_ms(deadline_ms);
  struct timespec pause;
  if (ms > left)
    ms = left;
  pause.tv_sec = (time_t)(ms / 1000);
  pause.tv_nsec = (long)(ms % 1000) * 1000000;
  nanosleep(&pause, NULL);
}

/* --- opening and closing --- */

static void belfry__take_url(belfry *client, const char *url) {
  const char *at, *end, *port;
  size_t len;
  client->https = strncmp(url, "https://", 8) == 0;
  if (!client->https && strncmp(url, "http://", 7) != 0)
    return;
  at = url + (client->https ? 8 : 7);
  end = at + strcspn(at, "/?#");
  len = strcspn(end, "?#");
  while (len > 0 && end[len - 1] == '/')
    len--;
  client->prefix = belfry__copy(end, len);
  port = end;
  while (port > at && port[-1] != ':' && port[-1] != ']')
    port--;
  if (port > at && port[-1] == ':') {
    client->port = belfry__copy(port, (size_t)(end - port));
    end = port - 1;
  } else {
    client->port = belfry__copy(client->https ? "443" : "80", client->https ? 3 : 2);
  }
  if (end - at >= 2 && at[0] == '[' && end[-1] == ']') {
    at++;
    end--;
  }
  if (end > at && client->prefix && client->port)
    client->host = belfry__copy(at, (size_t)(end - at));
}

static void belfry__resolve(belfry *client) {
  struct addrinfo hints, *found = NULL;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  if (client->host && getaddrinfo(client->host, client->port, &hints, &found) == 0 && found) {
    memcpy(&client->address, found->ai_addr, found->ai_addrlen);
    client->address_len = found->ai_addrlen;
  }
  if (found)
    freeaddrinfo(found);
}

/* The key in a file, without the blanks around it. */
static char *belfry__read_key(const char *path) {
  char text[512];
  size_t len, start = 0;
  FILE *file = fopen(path, "r");
  if (!file)
    return NULL;
  len = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  while (len > 0 && isspace((unsigned char)text[len - 1]))
    len--;
  while (start < len && isspace((unsigned char)text[start]))
    start++;
  return belfry__copy(text + start, len - start);
}

static void belfry__make_id(belfry *client) {
  unsigned char random[16];
  size_t i;
  int fd = open("/dev/urandom", O_RDONLY);
  if (fd < 0 || read(fd, random, sizeof random) != (ssize_t)sizeof random) {
    unsigned long long seed = (unsigned long long)belfry__clock_ms(CLOCK_REALTIME) ^
                              (unsigned long long)getpid() << 40 ^
                              (unsigned long long)(size_t)client;
    for (i = 0; i < sizeof random; i++) {
      seed = seed * 6364136223846793005ull + 1442695040888963407ull;
      random[i] = (unsigned char)(seed >> 56);
    }
  }
  if (fd >= 0)
    close(fd);
  for (i = 0; i < sizeof random; i++)
    snprintf(client->id + 2 * i, 3, "%02x", (unsigned)random[i]);
}

static void belfry__free(belfry *client) {
  free(client->host);
  free(client->port);
  free(client->prefix);
  free(client->key);
  free(client->source);
  free(client->events.lines.data);
  free(client->samples.lines.data);
  free(client);
}

belfry *belfry_open(const char *url, const char *key) {
  belfry *client = (belfry *)calloc(1, sizeof *client);
  const char *file = getenv("BELFRY_KEY_FILE"), *variable = getenv("BELFRY_KEY");
  if (!client)
    return NULL;
  client->events.path = "/api/events";
  client->samples.path = "/api/metrics";
  client->queue_bytes = BELFRY__QUEUE_BYTES;
  belfry__make_id(client);
  if (!url)
    url = getenv("BELFRY_URL");
  belfry__take_url(client, url && *url ? url : "http://127.0.0.1:8080/");
  if (key)
    client->key = belfry__copy(key, strlen(key));
  else if (file && *file)
    client->key = belfry__read_key(file);
  else if (variable)
    client->key = belfry__copy(variable, strlen(variable));
  client->source = belfry__copy("", 0);
  if (!client->source) {
    belfry__free(client);
    return NULL;
  }
  if (!client->https)
    belfry__resolve(client);
  return client;
}

int belfry_close(belfry *client, int timeout_ms) {
  int result = BELFRY_SENT;
  if (client) {
    result = belfry_flush(client, timeout_ms);
    belfry__free(client);
  }
  return result;
}

int belfry_set_source(belfry *client, const char *source) {
  struct belfry__text text = {NULL, 0, 0, 0};
  belfry__puts(&text, "");
  if (source) {
    belfry__puts(&text, ",\"source\":");
    belfry__put_string(&text, source);
  }
  if (text.failed) {
    free(text.data);
    return belfry__fail(client, BELFRY_BAD_INPUT, "out of memory");
  }
  free(client->source);
  client->source = text.data;
  return BELFRY_SENT;
}

void belfry_set_queue(belfry *client, size_t bytes) {
  client->queue_bytes = bytes;
}

void belfry_use_transport(belfry *client, const struct belfry_transport *transport) {
  client->transport = *transport;
}

unsigned long belfry_dropped(const belfry *client) {
  return client->dropped;
}

size_t belfry_queued(const belfry *client) {
  return client->events.lines.len + client->samples.lines.len;
}

const char *belfry_error_text(const belfry *client) {
  return client->error;
}

/* --- queueing --- */

/* Puts the line into the queue, all of it or nothing. Takes: `line`. */
static int belfry__queue_line(belfry *client, struct belfry__queue *queue,
                              struct belfry__text *line) {
  int result = BELFRY_SENT;
  belfry__puts(line, "}\n");
  if (line->failed)
    result = belfry__fail(client, BELFRY_FULL, "out of memory");
  else if (queue->lines.len + line->len > client->queue_bytes)
    result =
        belfry__fail(client, BELFRY_FULL, "the queue of %lu bytes is full: belfry_flush() first",
                     (unsigned long)client->queue_bytes);
  if (result == BELFRY_SENT)
    belfry__put(&queue->lines, line->data, line->len);
  if (queue->lines.failed) {
    queue->lines.failed = 0;
    result = belfry__fail(client, BELFRY_FULL, "out of memory");
  }
  if (result != BELFRY_SENT)
    client->dropped++;
  free(line->data);
  return result;
}

/* JSON given by the caller goes on a line of its own: line breaks between its members go. */
static void belfry__put_json(struct belfry__text *text, const char *json) {
  const char *at;
  for (at = json; *at; at++)
    belfry__put(text, *at == '\n' || *at == '\r' ? " " : at, 1);
}

static int belfry__is_object(const char *json) {
  size_t len = strlen(json);
  while (isspace((unsigned char)*json)) {
    json++;
    len--;
  }
  while (len > 0 && isspace((unsigned char)json[len - 1]))
    len--;
  return len >= 2 && json[0] == '{' && json[len - 1] == '}';
}

static int belfry__is_name(const char *name, size_t max, const char *also) {
  size_t len = strlen(name), i;
  for (i = 0; i < len; i++)
    if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
          strchr(also, name[i])))
      return 0;
  return len >= 1 && len <= max;
}

/* What every event begins with. */
static void belfry__begin(belfry *client, struct belfry__text *line, const char *type,
                          const char *severity) {
  char text[120];
  belfry__puts(line, "{\"event\":");
  belfry__put_string(line, type);
  snprintf(text, sizeof text, ",\"event_id\":\"%s-%llu\",\"timestamp\":%lld", client->id,
           client->number++, belfry__clock_ms(CLOCK_REALTIME));
  belfry__puts(line, text);
  belfry__puts(line, client->source);
  if (severity) {
    belfry__puts(line, ",\"severity\":");
    belfry__put_string(line, severity);
  }
}

int belfry_event(belfry *client, const char *type, const char *severity, const char *data) {
  struct belfry__text line = {NULL, 0, 0, 0};
  if (!type || !belfry__is_name(type, 64, "_.:-"))
    return belfry__fail(client, BELFRY_BAD_INPUT, "a type must be 1 to 64 of a-z 0-9 _ . : -");
  if (data && !belfry__is_object(data))
    return belfry__fail(client, BELFRY_BAD_INPUT, "data must be the text of a JSON object");
  belfry__begin(client, &line, type, severity);
  belfry__puts(&line, ",\"data\":");
  belfry__put_json(&line, data ? data : "{}");
  return belfry__queue_line(client, &client->events, &line);
}

int belfry_log(belfry *client, const char *severity, const char *message, const char *attributes) {
  struct belfry__text line = {NULL, 0, 0, 0};
  if (!message)
    return belfry__fail(client, BELFRY_BAD_INPUT, "a log line must have a message");
  if (attributes && !belfry__is_object(attributes))
    return belfry__fail(client, BELFRY_BAD_INPUT, "attributes must be the text of a JSON object");
  belfry__begin(client, &line, "log", severity);
  belfry__puts(&line, ",\"data\":{\"message\":");
  belfry__put_string(&line, message);
  if (attributes) {
    belfry__puts(&line, ",\"attributes\":");
    belfry__put_json(&line, attributes);
  }
  belfry__puts(&line, "}");
  return belfry__queue_line(client, &client->events, &line);
}

int belfry_sample(belfry *client, const char *metric, double value, const char *labels) {
  struct belfry__text line = {NULL, 0, 0, 0};
  char number[64], *comma;
  if (!metric || !belfry__is_name(metric, 128, "_") || isdigit((unsigned char)metric[0]))
    return belfry__fail(client, BELFRY_BAD_INPUT, "a metric must be 1 to 128 of a-z 0-9 _");
  if (value != value || value - value != 0)
    return belfry__fail(client, BELFRY_BAD_INPUT, "a sample must be a finite number");
  if (labels && !belfry__is_object(labels))
    return belfry__fail(client, BELFRY_BAD_INPUT, "labels must be the text of a JSON object");
  snprintf(number, sizeof number, "%.17g", value);
  for (comma = number; *comma; comma++) /* of another locale */
    if (*comma == ',')
      *comma = '.';
  belfry__puts(&line, "{\"metric\":");
  belfry__put_string(&line, metric);
  belfry__puts(&line, ",\"value\":");
  belfry__puts(&line, number);
  snprintf(number, sizeof number, ",\"timestamp\":%lld", belfry__clock_ms(CLOCK_REALTIME));
  belfry__puts(&line, number);
  if (labels) {
    belfry__puts(&line, ",\"labels\":");
    belfry__put_json(&line, labels);
  }
  return belfry__queue_line(client, &client->samples, &line);
}

/* --- sending --- */

/* A connection over a socket; its place among the transports is `arg`. */
static int belfry__wait(int fd, short events, int timeout_ms) {
  struct pollfd one;
  int ready;
  one.fd = fd;
  one.events = events;
  one.revents = 0;
  do
    ready = poll(&one, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

static int belfry__connect(belfry *client, int timeout_ms) {
  int fd = socket(client->address.ss_family, SOCK_STREAM, 0), error = 0;
  socklen_t len = sizeof error;
  if (fd < 0)
    return -1;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, (const struct sockaddr *)&client->address, client->address_len) == 0)
    return fd;
  if (errno == EINPROGRESS && belfry__wait(fd, POLLOUT, timeout_ms) &&
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
    return fd;
  if (error)
    errno = error;
  close(fd);
  return -1;
}

struct belfry__peer {
  int fd;           /* or -1, and then */
  void *connection; /* of the transport */
};

static long belfry__write(belfry *client, struct belfry__peer *peer, const char *bytes, size_t len,
                          int timeout_ms) {
  if (peer->fd < 0)
    return client->transport.write(peer->connection, bytes, len, timeout_ms);
  return belfry__wait(peer->fd, POLLOUT, timeout_ms)
             ? (long)send(peer->fd, bytes, len, MSG_NOSIGNAL)
             : -1;
}

static long belfry__read(belfry *client, struct belfry__peer *peer, char *bytes, size_t len,
                         int timeout_ms) {
  if (peer->fd < 0)
    return client->transport.read(peer->connection, bytes, len, timeout_ms);
  return belfry__wait(peer->fd, POLLIN, timeout_ms) ? (long)recv(peer->fd, bytes, len, 0) : -1;
}

static const char *belfry__header(const char *answer, const char *name) {
  const char *line = answer;
  size_t len = strlen(name);
  while ((line = strstr(line, "\r\n")) != NULL && line[2] != '\r') {
    line += 2;
    if (strncasecmp(line, name, len) == 0 && line[len] == ':')
      return line + len + 1 + strspn(line + len + 1, " \t");
  }
  return NULL;
}

static int belfry__open_peer(belfry *client, struct belfry__peer *peer, long long deadline_ms) {
  int left = belfry__left_ms(deadline_ms);
  peer->fd = -1;
  peer->connection = NULL;
  if (client->transport.connect) {
    peer->connection =
        client->transport.connect(client->transport.arg, client->host, client->port, left);
    return peer->connection != NULL;
  }
  peer->fd = belfry__connect(client, left);
  return peer->fd >= 0;
}

static void belfry__close_peer(belfry *client, struct belfry__peer *peer) {
  if (peer->fd >= 0)
    close(peer->fd);
  else if (peer->connection)
    client->transport.close(peer->connection);
}

/* Reads until the server has said all of it, or as much as is looked at. */
static void belfry__read_answer(belfry *client, struct belfry__peer *peer, char *answer,
                                long long deadline_ms) {
  size_t len = 0, end = 0;
  for (;;) {
    const char *head, *length;
    long got = len + 1 < BELFRY__ANSWER_BYTES
                   ? belfry__read(client, peer, answer + len, BELFRY__ANSWER_BYTES - 1 - len,
                                  belfry__left_ms(deadline_ms))
                   : 0;
    if (got <= 0)
      break;
    len += (size_t)got;
    answer[len] = '\0';
    head = strstr(answer, "\r\n\r\n");
    length = head ? belfry__header(answer, "content-length") : NULL;
    if (length)
      end = (size_t)(head - answer) + 4 + (size_t)strtoul(length, NULL, 10);
    if (length && len >= end)
      break;
  }
  answer[len] = '\0';
}

/* Posts `len` bytes of the queue. Returns: the status of the answer, or 0 when there was none. */
static int belfry__post(belfry *client, const struct belfry__queue *queue, size_t len, char *answer,
                        long long deadline_ms) {
  struct belfry__text request = {NULL, 0, 0, 0};
  struct belfry__peer peer;
  char length[64];
  size_t sent = 0;
  int status = 0;
  answer[0] = '\0';
  belfry__puts(&request, "POST ");
  belfry__puts(&request, client->prefix);
  belfry__puts(&request, queue->path);
  belfry__puts(&request, " HTTP/1.1\r\nHost: ");
  belfry__puts(&request, client->host);
  belfry__puts(&request, ":");
  belfry__puts(&request, client->port);
  if (client->key) {
    belfry__puts(&request, "\r\nAuthorization: Bearer ");
    belfry__puts(&request, client->key);
  }
  snprintf(length, sizeof length, "\r\nContent-Length: %lu", (unsigned long)len);
  belfry__puts(&request, length);
  belfry__puts(&request, "\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n");
  belfry__put(&request, queue->lines.data, len);
  if (request.failed) {
    belfry__fail(client, 0, "out of memory");
  } else if (!belfry__open_peer(client, &peer, deadline_ms)) {
    belfry__fail(client, 0, "cannot connect to %.100s:%.10s: %s", client->host, client->port,
                 strerror(errno));
  } else {
    while (sent < request.len) {
      long put = belfry__write(client, &peer, request.data + sent, request.len - sent,
                               belfry__left_ms(deadline_ms));
      if (put <= 0) /* it may have answered all the same */
        break;
      sent += (size_t)put;
    }
    belfry__read_answer(client, &peer, answer, deadline_ms);
    belfry__close_peer(client, &peer);
    if (strncmp(answer, "HTTP/1.", 7) == 0 && strlen(answer) > 12)
      status = atoi(answer + 9);
    else
      belfry__fail(client, 0, "%.100s:%.10s did not answer in time", client->host, client->port);
  }
  free(request.data);
  return status;
}

/* Bytes of the whole lines at the front that go into one request. */
static size_t belfry__batch(const struct belfry__text *lines) {
  size_t len = 0;
  int count;
  for (count = 0; count < BELFRY__REQUEST_LINES && len < lines->len; count++) {
    const char *end = (const char *)memchr(lines->data + len, '\n', lines->len - len);
    size_t next = (size_t)(end - lines->data) + 1;
    if (count > 0 && next > BELFRY__REQUEST_BYTES)
      break;
    len = next;
  }
  return len;
}

/* Takes `len` bytes at `at` out of the queue. Returns: how many lines that were. */
static unsigned long belfry__remove(struct belfry__text *lines, size_t at, size_t len) {
  unsigned long count = 0;
  size_t i;
  for (i = at; i < at + len; i++)
    count += lines->data[i] == '\n';
  memmove(lines->data + at, lines->data + at + len, lines->len - at - len + 1);
  lines->len -= len;
  return count;
}

/* The server takes all of a request or nothing: drops the line that it complains of, or all of them
   when it does not say which. */
static void belfry__drop_refused(belfry *client, struct belfry__text *lines, size_t len,
                                 const char *answer) {
  const char *where = strstr(answer, "\"pointer\":\"line "),
             *detail = strstr(answer, "\"detail\":\"");
  size_t at = 0, end = len;
  if (detail)
    belfry__fail(client, 0, "refused: %.200s", detail + 10);
  else
    belfry__fail(client, 0, "refused: %.40s", answer);
  client->error[strcspn(client->error, "\"\r\n")] = '\0';
  if (where) {
    unsigned long line = strtoul(where + 16, NULL, 10), i;
    for (i = 1; i < line && at < len; i++)
      at = (size_t)((const char *)memchr(lines->data + at, '\n', len - at) - lines->data) + 1;
    if (at < len)
      end = (size_t)((const char *)memchr(lines->data + at, '\n', len - at) - lines->data) + 1;
    else
      at = 0;
  }
  client->dropped += belfry__remove(lines, at, end - at);
}

/* Sends a queue. Returns: as belfry_flush(). */
static int belfry__send(belfry *client, struct belfry__queue *queue, long long deadline_ms) {
  char *answer = (char *)malloc(BELFRY__ANSWER_BYTES);
  long long wait_ms = BELFRY__WAIT_MIN_MS;
  int result = BELFRY_SENT;
  if (!answer)
    return belfry__fail(client, BELFRY_LATER, "out of memory");
  while (queue->lines.len > 0) {
    size_t len = belfry__batch(&queue->lines);
    int status = belfry__post(client, queue, len, answer, deadline_ms);
    const char *retry_after = belfry__header(answer, "retry-after");
    if (status >= 200 && status < 300) {
      belfry__remove(&queue->lines, 0, len);
      wait_ms = BELFRY__WAIT_MIN_MS;
      continue;
    }
    if (status == 401 || status == 403 || status == 404) { /* another key or URL will do */
      result = belfry__fail(client, BELFRY_LATER, "the server answers %.60s", answer + 9);
      client->error[strcspn(client->error, "\r\n")] = '\0';
      if (status != 403 || !strstr(answer, "\"pointer\":\"line "))
        break;
      result = BELFRY_SENT;
    }
    if (status >= 400 && status < 500 && status != 408 && status != 425 && status != 429) {
      belfry__drop_refused(client, &queue->lines, len, answer);
      result = BELFRY_REFUSED;
      continue;
    }
    if (status) {
      belfry__fail(client, 0, "the server answers %.60s", answer + 9);
      client->error[strcspn(client->error, "\r\n")] = '\0';
    }
    if (belfry__left_ms(deadline_ms) == 0) {
      result = BELFRY_LATER;
      break;
    }
    belfry__sleep(retry_after ? 1000 * strtol(retry_after, NULL, 10) : wait_ms, deadline_ms);
    wait_ms = wait_ms * 2 < BELFRY__WAIT_MAX_MS ? wait_ms * 2 : BELFRY__WAIT_MAX_MS;
  }
  free(answer);
  return result;
}

int belfry_flush(belfry *client, int timeout_ms) {
  long long deadline_ms = belfry__clock_ms(CLOCK_MONOTONIC) + timeout_ms;
  int events, samples;
  client->error[0] = '\0';
  if (belfry_queued(client) == 0)
    return BELFRY_SENT;
  if (!client->host)
    return belfry__fail(client, BELFRY_LATER, "the URL must be as http://127.0.0.1:8080/");
  if (!client->transport.connect && client->https)
    return belfry__fail(client, BELFRY_LATER, "https needs belfry_use_transport()");
  if (!client->transport.connect && client->address_len == 0)
    belfry__resolve(client);
  if (!client->transport.connect && client->address_len == 0)
    return belfry__fail(client, BELFRY_LATER, "the name %.200s cannot be resolved", client->host);
  events = belfry__send(client, &client->events, deadline_ms);
  samples = belfry__send(client, &client->samples, deadline_ms);
  if (events == BELFRY_LATER || samples == BELFRY_LATER)
    return BELFRY_LATER;
  return events == BELFRY_REFUSED ? events : samples;
}

#ifdef __cplusplus
}
#endif

#endif /* BELFRY_IMPLEMENTATION */
