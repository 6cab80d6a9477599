#include "fcgi/fastcgi.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

/* The timer comes again, should a read(2) begin just after its first signal. */
#define IO_TIMEOUT_REPEAT_US 200000
#define LOOK_INTERVAL_MS     1000
#define REARM_AFTER_MS       250
#define READ_CHUNK_BYTES     65536

struct fastcgi {
  FCGX_Request request;
  int epoll;
  int64_t armed_ms, armed_for_ms; /* the I/O timer: when it was set (0: never), and to what */
  bool open;                      /* a request is being answered */
};

/* One worker is one process with one thread; a signal handler can only reach what is static. */
static volatile sig_atomic_t stopping;
static volatile int stop_listener = -1;

void fastcgi_stop(void) {
  int saved = errno;
  stopping = 1;
  if (stop_listener >= 0) {
    close(stop_listener);
    stop_listener = -1;
  }
  errno = saved;
}

/* Does nothing: without SA_RESTART its coming ends a blocked read(2) or write(2) with EINTR, which
   libfcgi takes as a lost connection. */
static void on_io_timeout(int signal_number) {
  (void)signal_number;
}

/* 0 stops it. */
static void set_io_timer(int64_t timeout_ms) {
  struct itimerval timer = {0};
  if (timeout_ms) {
    timer.it_value.tv_sec = timeout_ms / 1000;
    timer.it_value.tv_usec = timeout_ms % 1000 * 1000;
    timer.it_interval.tv_usec = IO_TIMEOUT_REPEAT_US;
  }
  setitimer(ITIMER_REAL, &timer, NULL);
}

int fastcgi_open(int listener, struct fastcgi **out, struct belfry_error *error) {
  struct fastcgi *fastcgi = calloc(1, sizeof *fastcgi);
  if (!fastcgi)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory");
  struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE}; /* a request wakes one worker */
  fastcgi->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (fastcgi->epoll < 0 || epoll_ctl(fastcgi->epoll, EPOLL_CTL_ADD, listener, &event) < 0) {
    int status = belfry_error_errno(error, errno, "cannot wait for requests");
    fd_close(&fastcgi->epoll);
    free(fastcgi);
    return status;
  }
  struct sigaction io_timeout = {.sa_handler = on_io_timeout};
  if (FCGX_Init() || FCGX_InitRequest(&fastcgi->request, listener, FCGI_FAIL_ACCEPT_ON_INTR) ||
      sigaction(SIGALRM, &io_timeout, NULL)) {
    fd_close(&fastcgi->epoll);
    free(fastcgi);
    return belfry_error_set(error, BELFRY_EIO, "libfcgi cannot start");
  }
  signal(SIGPIPE, SIG_IGN); /* libfcgi has put a handler of its own there */
  stop_listener = listener;
  *out = fastcgi;
  return BELFRY_OK;
}

void fastcgi_close(struct fastcgi *fastcgi) {
  if (!fastcgi)
    return;
  if (fastcgi->open)
    FCGX_Finish_r(&fastcgi->request);
  set_io_timer(0);
  fd_close(&fastcgi->epoll);
  free(fastcgi);
}

static void hold_back_stop(sigset_t *before) {
  sigset_t block;
  sigemptyset(&block);
  sigaddset(&block, SIGTERM);
  sigprocmask(SIG_BLOCK, &block, before);
}

/* Takes what waits to be accepted. SIGTERM is held back meanwhile: libfcgi waits for the first
   bytes of a connection by select(2), which a signal ends, and then closes the connection
   unanswered. */
static int take_request(struct fastcgi *fastcgi) {
  sigset_t before;
  hold_back_stop(&before);
  int status = stopping ? -EAGAIN : FCGX_Accept_r(&fastcgi->request);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return status;
}

/* Waits until somebody connects, and looks once a second all the same: a connection wakes one
   worker only, and that one may be killed or told to end before it has accepted. SIGTERM comes
   between the two masks only, so that none is missed. */
static void wait_for_connection(struct fastcgi *fastcgi) {
  sigset_t before;
  hold_back_stop(&before);
  if (!stopping) {
    struct epoll_event event;
    (void)epoll_pwait(fastcgi->epoll, &event, 1, LOOK_INTERVAL_MS, &before);
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Sees to it that the timer ends what takes `io_timeout_ms` from now on, or a bit less. Requests
   come many thousand a second: it is not set anew for each, and goes on while nobody asks, when its
   signals find nothing to end. */
static void arm_io_timer(struct fastcgi *fastcgi, int64_t io_timeout_ms) {
  int64_t now_ms = clock_monotonic_ms(&clock_system);
  if (fastcgi->armed_ms && fastcgi->armed_for_ms == io_timeout_ms &&
      now_ms - fastcgi->armed_ms <= REARM_AFTER_MS)
    return;
  set_io_timer(io_timeout_ms);
  fastcgi->armed_ms = now_ms;
  fastcgi->armed_for_ms = io_timeout_ms;
}

int fastcgi_accept(struct fastcgi *fastcgi, int64_t io_timeout_ms, struct belfry_error *error) {
  while (!stopping) {
    arm_io_timer(fastcgi, io_timeout_ms);
    /* The listening socket does not block: with nobody there, libfcgi gives back -EAGAIN. A
       connection that sends no whole request is dropped within, and the next one tried. */
    int status = take_request(fastcgi);
    if (status == 0) {
      arm_io_timer(fastcgi, io_timeout_ms); /* somebody before this one may have used some of it */
      fastcgi->open = true;
      return BELFRY_OK;
    }
    if (stopping)
      break;
    if (status == -EAGAIN)
      wait_for_connection(fastcgi);
    else if (status != -EINTR)
      return belfry_error_errno(error, -status, "cannot accept a request");
  }
  return BELFRY_ECLOSED;
}

struct slice fastcgi_param(const struct fastcgi *fastcgi, const char *name) {
  const char *value = FCGX_GetParam(name, fastcgi->request.envp);
  return value ? slice_of(value) : slice_new(NULL, 0);
}

void fastcgi_params(const struct fastcgi *fastcgi, const char *prefix, fastcgi_param_fn on_param,
                    void *arg) {
  for (char **at = fastcgi->request.envp; at && *at; at++) {
    struct slice value = slice_of(*at), name;
    if (!slice_starts_with(value, prefix))
      continue;
    (void)slice_split(&value, '=', &name);
    name = slice_new(name.data + strlen(prefix), name.len - strlen(prefix));
    on_param(arg, name, value);
  }
}

int fastcgi_read(struct fastcgi *fastcgi, size_t max, struct buf *out) {
  while (max > 0) {
    size_t chunk = max < READ_CHUNK_BYTES ? max : READ_CHUNK_BYTES;
    char *into = buf_reserve(out, chunk);
    if (!into)
      return BELFRY_ENOMEM;
    int got = FCGX_GetStr(into, (int)chunk, fastcgi->request.in);
    if (got <= 0)
      break;
    buf_commit(out, (size_t)got);
    max -= (size_t)got;
    if ((size_t)got < chunk)
      break;
  }
  return BELFRY_OK;
}

int fastcgi_write(struct fastcgi *fastcgi, struct slice bytes) {
  while (bytes.len > 0) {
    int chunk = bytes.len < (1u << 20) ? (int)bytes.len : 1 << 20;
    if (FCGX_PutStr(bytes.data, chunk, fastcgi->request.out) < chunk)
      return BELFRY_ECLOSED;
    bytes.data += chunk;
    bytes.len -= (size_t)chunk;
  }
  return BELFRY_OK;
}

int fastcgi_flush(struct fastcgi *fastcgi) {
  return FCGX_FFlush(fastcgi->request.out) ? BELFRY_ECLOSED : BELFRY_OK;
}

void fastcgi_more_time(struct fastcgi *fastcgi, int64_t io_timeout_ms) {
  set_io_timer(io_timeout_ms);
  fastcgi->armed_ms = clock_monotonic_ms(&clock_system);
  fastcgi->armed_for_ms = io_timeout_ms;
}

bool fastcgi_is_gone(const struct fastcgi *fastcgi) {
  struct pollfd connection = {.fd = fastcgi->request.ipcFd};
  return poll(&connection, 1, 0) > 0 && connection.revents & (POLLHUP | POLLERR);
}

int fastcgi_finish(struct fastcgi *fastcgi) {
  /* Closed here, stderr first, the rest of the answer and the request's end go out in one write. */
  FCGX_FClose(fastcgi->request.err);
  int status = FCGX_FClose(fastcgi->request.out);
  FCGX_Finish_r(&fastcgi->request);
  fastcgi->open = false;
  return status ? BELFRY_ECLOSED : BELFRY_OK;
}

void fastcgi_abort(struct fastcgi *fastcgi) {
  FCGX_Free(&fastcgi->request, 1);
  fastcgi->open = false;
}
