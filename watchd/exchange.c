#include "watchd/exchange.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct exchange {
  struct probe probe; /* first: the probe is the exchange */
  struct ev_loop *loop;
  struct ev_io io;
  struct ev_timer timeout;
  probe_done_fn on_done;
  void *arg;
  exchange_judge_fn judge;
  int fd; /* owned */
  bool connected;
  int connect_errno; /* connect(2) has failed already; told from the loop */
  int64_t started_us, timeout_ms;
  size_t request_len, sent, received;
  char request[EXCHANGE_BYTES_MAX], answer[EXCHANGE_BYTES_MAX];
};

static void exchange_cancel(struct probe *probe) {
  struct exchange *exchange = (struct exchange *)probe;
  ev_io_stop(exchange->loop, &exchange->io);
  ev_timer_stop(exchange->loop, &exchange->timeout);
  fd_close(&exchange->fd);
  free(exchange);
}

static void finish(struct exchange *exchange, enum probe_outcome outcome, const char *message) {
  struct probe_result result = {.outcome = outcome, .latency_ms = -1};
  if (outcome == PROBE_SUCCESS)
    result.latency_ms = (double)(clock_monotonic_us(&clock_system) - exchange->started_us) / 1000;
  snprintf(result.message, sizeof result.message, "%s", message);
  probe_done_fn on_done = exchange->on_done;
  void *arg = exchange->arg;
  exchange_cancel(&exchange->probe);
  on_done(arg, &result);
}

static void finish_errno(struct exchange *exchange, int errnum) {
  char message[160];
  snprintf(message, sizeof message, "%s: %s",
           exchange->connected ? "connection lost" : "cannot connect", strerror(errnum));
  finish(exchange, probe_errno_is_ours(errnum) ? PROBE_FAULT : PROBE_FAILURE, message);
}

static void exchange_on_timeout(struct ev_loop *loop, struct ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  struct exchange *exchange = timer->data;
  if (exchange->connect_errno) {
    finish_errno(exchange, exchange->connect_errno);
    return;
  }
  char message[80];
  snprintf(message, sizeof message, "no %s within %lld ms",
           exchange->connected ? "answer" : "connection", (long long)exchange->timeout_ms);
  finish(exchange, PROBE_FAILURE, message);
}

/* Returns: false when the exchange has ended. */
static bool connect_done(struct exchange *exchange) {
  int errnum = 0;
  socklen_t len = sizeof errnum;
  if (getsockopt(exchange->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
    errnum = errno;
  if (errnum) {
    finish_errno(exchange, errnum);
    return false;
  }
  exchange->connected = true;
  return true;
}

static bool send_request(struct exchange *exchange) {
  while (exchange->sent < exchange->request_len) {
    ssize_t n = send(exchange->fd, exchange->request + exchange->sent,
                     exchange->request_len - exchange->sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return true;
    if (n < 0) {
      finish_errno(exchange, errno);
      return false;
    }
    exchange->sent += (size_t)n;
  }
  ev_io_stop(exchange->loop, &exchange->io);
  ev_io_set(&exchange->io, exchange->fd, EV_READ);
  ev_io_start(exchange->loop, &exchange->io);
  return true;
}

static void receive(struct exchange *exchange) {
  ssize_t n = recv(exchange->fd, exchange->answer + exchange->received,
                   sizeof exchange->answer - exchange->received, 0);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (n < 0) {
    finish_errno(exchange, errno);
    return;
  }
  exchange->received += (size_t)n;
  char message[sizeof((struct probe_result *)0)->message] = "";
  int verdict =
      exchange->judge(slice_new(exchange->answer, exchange->received), message, sizeof message);
  if (verdict == BELFRY_EMORE && n > 0 && exchange->received < sizeof exchange->answer)
    return;
  if (verdict == BELFRY_OK)
    finish(exchange, PROBE_SUCCESS, message[0] ? message : "answered");
  else if (verdict == BELFRY_EMORE)
    finish(exchange, PROBE_FAILURE,
           n == 0 ? "closed the connection without an answer" : "the answer makes no sense");
  else
    finish(exchange, PROBE_FAILURE, message[0] ? message : "the answer makes no sense");
}

static void exchange_on_io(struct ev_loop *loop, struct ev_io *io, int events) {
  (void)loop;
  struct exchange *exchange = io->data;
  if (!exchange->connected && !connect_done(exchange))
    return;
  if ((events & EV_WRITE) && !send_request(exchange))
    return;
  if (events & EV_READ)
    receive(exchange);
}

int exchange_start(const struct probe_tools *tools, const struct sockaddr *address,
                   socklen_t address_len, struct slice request, exchange_judge_fn judge,
                   int64_t timeout_ms, probe_done_fn on_done, void *arg, struct probe **out,
                   struct belfry_error *error) {
  if (request.len > EXCHANGE_BYTES_MAX)
    return belfry_error_set(error, BELFRY_ETOOBIG, "a request of %zu bytes", request.len);
  struct exchange *exchange = calloc(1, sizeof *exchange);
  if (!exchange)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  exchange->probe.cancel = exchange_cancel;
  exchange->loop = tools->loop;
  exchange->on_done = on_done;
  exchange->arg = arg;
  exchange->judge = judge;
  exchange->timeout_ms = timeout_ms;
  exchange->started_us = clock_monotonic_us(&clock_system);
  exchange->request_len = request.len;
  if (request.len)
    memcpy(exchange->request, request.data, request.len);
  exchange->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (exchange->fd < 0) {
    int status = belfry_error_errno(error, errno, "cannot make a socket");
    free(exchange);
    return status;
  }
  /* A unix socket says at once whether somebody listens (EAGAIN: the backlog is full); told from
   * the loop, because a result never comes from within the start. */
  if (connect(exchange->fd, address, address_len) < 0 && errno != EINPROGRESS)
    exchange->connect_errno = errno;
  ev_io_init(&exchange->io, exchange_on_io, exchange->fd, EV_WRITE);
  exchange->io.data = exchange;
  if (!exchange->connect_errno)
    ev_io_start(exchange->loop, &exchange->io);
  ev_now_update(exchange->loop);
  ev_timer_init(&exchange->timeout, exchange_on_timeout,
                exchange->connect_errno ? 0 : (double)timeout_ms / 1000, 0);
  exchange->timeout.data = exchange;
  ev_timer_start(exchange->loop, &exchange->timeout);
  *out = &exchange->probe;
  return BELFRY_OK;
}
