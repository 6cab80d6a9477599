#include "feeder.h"

#include "connect.h"

#include "base/clock.h"
#include "base/ulid.h"
#include "history/append.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define POSTERS     8 /* connections that post */
#define ANSWER_MAX  4096
#define EVENT_BYTES 512

static _Noreturn void die(const char *what) {
  fprintf(stderr, "bench_push: the feeder: %s\n", what);
  _exit(1);
}

/* The process's own. */
struct feed {
  const struct feeder *feeder;
  struct feeder_shared *shared;
  struct ulid_maker ulids;
  int64_t start_us; /* wall clock */
  int64_t total, next;
};

static int64_t due_us(const struct feed *feed, int64_t i) {
  return feed->start_us +
         i / feed->feeder->group * feed->feeder->group * 1000000 / feed->feeder->rate;
}

/* How many may be handed over now, and (when none) how long it is until the next. */
static int64_t count_due(const struct feed *feed, int64_t now_us) {
  int64_t group = feed->feeder->group;
  int64_t due = ((now_us - feed->start_us) * feed->feeder->rate / 1000000 / group + 1) * group;
  if (due > feed->total)
    due = feed->total;
  int64_t count = due - feed->next;
  return count > feed->feeder->batch ? feed->feeder->batch : count;
}

static void put_data(const struct feed *feed, int64_t i, char out[EVENT_BYTES]) {
  static const char *const actions[] = {"plan", "search", "read", "write", "review"};
  int len = snprintf(out, EVENT_BYTES, "{\"n\":%lld" FEEDER_MIDDLE "%lld",
                     FEEDER_FIRST + (long long)i, (long long)due_us(feed, i));
  if (feed->feeder->rich)
    len += snprintf(out + len, EVENT_BYTES - (size_t)len,
                    ",\"agent\":\"researcher-%lld\",\"action\":\"%s\",\"message\":\"request %llx "
                    "served in %lld ms\",\"status\":%d",
                    (long long)(i % 7), actions[i % 5],
                    (unsigned long long)feeder_mix((uint64_t)i) >> 32, (long long)(i * 7919 % 900),
                    i % 11 ? 200 : 503);
  snprintf(out + len, EVENT_BYTES - (size_t)len, "}");
}

static void note_accepted(struct feed *feed, int64_t first, int64_t count) {
  for (int64_t i = first; i < first + count; i++)
    feed->shared->sum += feeder_mix((uint64_t)(FEEDER_FIRST + i));
  feed->shared->accepted += count;
}

static void note_late(struct feed *feed, int64_t now_us) {
  int64_t late_us = now_us - due_us(feed, feed->next);
  if (late_us > feed->shared->late_us)
    feed->shared->late_us = late_us;
}

/* --- over history.sock --- */

static void append_due(struct feed *feed, struct history_client *client,
                       struct history_batch *batch, int64_t count) {
  int64_t now_ms = clock_realtime_ms(&clock_system);
  history_batch_clear(batch);
  for (int64_t i = feed->next; i < feed->next + count; i++) {
    char id[ULID_BYTES], data[EVENT_BYTES];
    ulid_make(&feed->ulids, now_ms, id);
    put_data(feed, i, data);
    history_batch_event(batch, &(struct event){.timestamp_ms = now_ms,
                                               .severity = 1,
                                               .type = slice_of("agent_activity"),
                                               .source = slice_of("bench"),
                                               .event_id = slice_of(id),
                                               .data = slice_of(data)});
  }
  struct history_receipt receipt;
  struct belfry_error error = {0};
  if (history_client_append(client, batch, 10000, &receipt, &error))
    die(error.text);
  note_accepted(feed, feed->next, count);
  feed->next += count;
}

static void feed_history(struct feed *feed) {
  struct history_client *client;
  struct history_batch batch;
  history_batch_init(&batch, 0);
  if (history_client_new(feed->feeder->where, "belfry-fcgi", &client))
    die("out of memory");
  while (feed->next < feed->total) {
    int64_t now_us = clock_realtime_us(&clock_system);
    int64_t count = count_due(feed, now_us);
    if (count <= 0) {
      usleep((useconds_t)(due_us(feed, feed->next) - now_us + 1));
      continue;
    }
    note_late(feed, now_us);
    append_due(feed, client, &batch, count);
  }
}

/* --- over HTTP --- */

/* A kept connection that carries one request at a time. */
struct poster {
  int fd;
  bool busy, over;      /* over: the server closes it after this answer */
  int64_t first, count; /* the events of the request */
  size_t answer_len;
  char answer[ANSWER_MAX];
};

static void put_text(const struct feed *feed, int64_t i, struct buf *out) {
  char data[EVENT_BYTES];
  put_data(feed, i, data);
  if (feed->feeder->way == FEEDER_EVENTS)
    buf_printf(out, "{\"event\":\"agent_activity\",\"source\":\"bench\",\"data\":%s}", data);
  else
    buf_printf(out,
               "{\"event\":\"agent_activity\",\"data\":%s,\"id\":%lld,\"event_id\":"
               "\"01JD4V%020lld\",\"severity\":\"info\",\"source\":\"bench\",\"timestamp\":"
               "\"2026-11-20T10:30:00.000Z\",\"received\":\"2026-11-20T10:30:00.000Z\"}",
               data, (long long)i, (long long)i);
}

static void post_due(struct feed *feed, struct poster *poster, const char *host, const char *path,
                     int64_t count) {
  struct buf body, head;
  buf_init(&body, 0);
  buf_init(&head, 0);
  if (count > 1)
    buf_put_char(&body, '[');
  for (int64_t i = 0; i < count; i++) {
    if (i)
      buf_put_char(&body, ',');
    put_text(feed, feed->next + i, &body);
  }
  if (count > 1)
    buf_put_char(&body, ']');
  buf_printf(&head,
             "POST /%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%s"
             "Content-Length: %zu\r\n\r\n",
             path, host, feed->feeder->authorization, body.len);
  buf_put_slice(&head, buf_slice(&body));
  if (buf_status(&head) || send(poster->fd, head.data, head.len, MSG_NOSIGNAL) != (ssize_t)head.len)
    die("the server has closed the connection for posting");
  buf_fini(&body);
  buf_fini(&head);
  poster->busy = true;
  poster->first = feed->next;
  poster->count = count;
  poster->answer_len = 0;
  feed->next += count;
}

static void open_poster(struct poster *poster, struct pollfd *watched, const char *host) {
  poster->fd = connect_tcp(host, 0, true);
  if (poster->fd < 0)
    die("cannot connect for posting");
  *watched = (struct pollfd){.fd = poster->fd, .events = POLLIN};
}

/* Reads what there is of an answer; when it is whole the connection is free again. */
static void take_answer(struct feed *feed, struct poster *poster) {
  ssize_t n = recv(poster->fd, poster->answer + poster->answer_len,
                   sizeof poster->answer - 1 - poster->answer_len, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0 && poster->busy)
    die("the server has closed the connection for posting");
  poster->over |= n <= 0; /* kept for longer than it likes */
  if (n <= 0)
    return;
  poster->answer_len += (size_t)n;
  poster->answer[poster->answer_len] = '\0';
  const char *end = strstr(poster->answer, "\r\n\r\n");
  if (!end)
    return;
  const char *length = strcasestr(poster->answer, "\r\nContent-Length:");
  size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
  bool whole = strcasestr(poster->answer, "\r\nTransfer-Encoding: chunked")
                   ? strstr(end, "\r\n0\r\n\r\n") != NULL
                   : (size_t)(poster->answer + poster->answer_len - end - 4) >= body;
  if (!whole)
    return;
  poster->busy = false;
  poster->over = strcasestr(poster->answer, "\r\nConnection: close") != NULL;
  if (strncmp(poster->answer, "HTTP/1.1 2", 10) == 0) {
    note_accepted(feed, poster->first, poster->count);
    return;
  }
  if (!feed->shared->failed)
    fprintf(stderr, "bench_push: the feeder was answered: %s\n", poster->answer);
  feed->shared->failed += poster->count;
}

static struct poster *find_free(struct poster *posters) {
  for (int i = 0; i < POSTERS; i++)
    if (!posters[i].busy)
      return &posters[i];
  return NULL;
}

static bool any_busy(const struct poster *posters) {
  for (int i = 0; i < POSTERS; i++)
    if (posters[i].busy)
      return true;
  return false;
}

static void feed_http(struct feed *feed) {
  struct poster *posters = calloc(POSTERS, sizeof *posters);
  struct pollfd watched[POSTERS];
  char host[256];
  size_t host_len = strcspn(feed->feeder->where, "/");
  const char *path = feed->feeder->where + host_len + (feed->feeder->where[host_len] == '/');
  snprintf(host, sizeof host, "%.*s", (int)host_len, feed->feeder->where);
  for (int i = 0; posters && i < POSTERS; i++)
    open_poster(&posters[i], &watched[i], host);
  feed->start_us = clock_realtime_us(&clock_system);
  while (posters && (feed->next < feed->total || any_busy(posters))) {
    int64_t now_us = clock_realtime_us(&clock_system), wait_us = 100000;
    struct poster *free = find_free(posters);
    int64_t count = count_due(feed, now_us);
    if (free && count > 0) {
      note_late(feed, now_us);
      post_due(feed, free, host, path, count);
      continue;
    }
    if (free && feed->next < feed->total)
      wait_us = due_us(feed, feed->next) - now_us + 1;
    struct timespec wait = {wait_us / 1000000, wait_us % 1000000 * 1000};
    ppoll(watched, POSTERS, &wait, NULL);
    for (int i = 0; i < POSTERS; i++) {
      if (watched[i].revents)
        take_answer(feed, &posters[i]);
      if (posters[i].over) {
        close(posters[i].fd);
        posters[i].over = false;
        open_poster(&posters[i], &watched[i], host);
      }
    }
  }
}

pid_t feeder_start(const struct feeder *feeder, struct feeder_shared *shared) {
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1000UL);
  struct feed feed = {.feeder = feeder,
                      .shared = shared,
                      .start_us = clock_realtime_us(&clock_system),
                      .total = (int64_t)feeder->rate * feeder->seconds};
  if (feeder->way == FEEDER_HISTORY)
    feed_history(&feed);
  else
    feed_http(&feed);
  _exit(0);
}
