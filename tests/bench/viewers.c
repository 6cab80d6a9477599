#include "viewers.h"

#include "connect.h"

#include "base/clock.h"
#include "base/fd.h"
#include "ws/frame.h"
#include "ws/handshake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CARRY_MAX   ((size_t)4 << 20) /* the longest message */
#define READ_BYTES  ((size_t)256 << 10)
#define N_DIGITS    10
#define US_DIGITS   16
#define AGAIN_S     .1 /* after the first failure */
#define AGAIN_MAX_S 2.
#define LIVE_US     1000000 /* an event that is no older is live */

static char input[CARRY_MAX + READ_BYTES];

static void start_connection(struct viewer *viewer);
static void begin(struct viewers *viewers);

/* --- what a message says --- */

static int64_t digits(const char *at, int count) {
  int64_t value = 0;
  for (int i = 0; i < count; i++)
    value = value * 10 + (at[i] - '0');
  return value;
}

static bool begins(const char *data, size_t len, const char *text) {
  size_t text_len = strlen(text);
  return len >= text_len && memcmp(data, text, text_len) == 0;
}

/* Everything that came while it was away is told before what is live. */
static void note_back(struct viewer *viewer, int64_t age_us) {
  struct viewers *all = viewer->all;
  if (viewer->back || !all->first_lost_us || age_us > LIVE_US)
    return;
  viewer->back = true;
  if (++all->backs == all->count)
    all->all_back_us = clock_monotonic_us(&clock_system);
}

#define EVENT_BYTES_MIN (sizeof FEEDER_START - 1 + N_DIGITS + sizeof FEEDER_MIDDLE - 1 + US_DIGITS)

/* Takes: an event from its first byte on. */
static void take_event(struct viewer *viewer, const char *data, int64_t now_us) {
  const char *at = data + sizeof FEEDER_START - 1;
  int64_t n = digits(at, N_DIGITS);
  int64_t took_us = now_us - digits(at + N_DIGITS + sizeof FEEDER_MIDDLE - 1, US_DIGITS);
  if (viewer->last_n && n != viewer->last_n + 1)
    viewer->all->jumps++;
  viewer->last_n = n;
  viewer->count++;
  viewer->sum += feeder_mix((uint64_t)n);
  viewer->all->events++;
  latency_add(&viewer->all->latency, took_us);
  if (viewer->was_open && !viewer->back)
    note_back(viewer, took_us);
}

/* The id stands behind the data; it is where the client goes on after its connection was lost. */
static void take_id(struct viewer *viewer, const char *data, size_t len) {
  static const char mark[] = "},\"id\":";
  const char *at = memmem(data + EVENT_BYTES_MIN, len - EVENT_BYTES_MIN, mark, sizeof mark - 1);
  if (at)
    viewer->last_id = strtoll(at + sizeof mark - 1, NULL, 10);
}

/* Many events in one array. */
static void take_batch(struct viewer *viewer, const char *data, size_t len, int64_t now_us) {
  const char *end = data + len, *at = data;
  while ((at = memmem(at, (size_t)(end - at), FEEDER_START, sizeof FEEDER_START - 1)) &&
         (size_t)(end - at) > EVENT_BYTES_MIN) {
    take_event(viewer, at, now_us);
    at += EVENT_BYTES_MIN;
  }
}

static void take_text(struct viewer *viewer, const char *data, size_t len, int64_t now_us) {
  struct viewers *all = viewer->all;
  if (len > EVENT_BYTES_MIN && begins(data, len, FEEDER_START)) {
    take_event(viewer, data, now_us);
    if (all->returns)
      take_id(viewer, data, len);
  } else if (*data == '[') {
    take_batch(viewer, data, len, now_us);
  } else if (begins(data, len, "{\"event\":\"gap\"")) {
    all->gaps++;
  } else if (begins(data, len, "{\"event\":\"connected\"")) {
    if (memmem(data, len, "\"complete\":false", 16) && viewer->was_open)
      all->incomplete++;
  } else if (begins(data, len, "{\"event\":\"closing\"")) {
    const char *mark = memmem(data, len, "\"retry_after_ms\":", 17);
    if (mark)
      viewer->retry_s = atof(mark + 17) / 1000.;
  }
}

/* --- a connection --- */

static double random_part(void) {
  return (double)random() / (double)RAND_MAX;
}

static void lose(struct viewer *viewer) {
  struct viewers *all = viewer->all;
  bool was_open = viewer->state == VIEWER_OPEN;
  double wait_s = 0;
  if (viewer->state != VIEWER_AWAY) {
    ev_io_stop(all->loop, &viewer->io);
    close(viewer->io.fd);
  }
  viewer->state = VIEWER_AWAY;
  viewer->carry_len = 0;
  if (was_open) {
    all->open--;
    all->lost++;
    viewer->failures = 0;
    if (viewer->back)
      all->backs--;
    viewer->back = false;
    if (!all->first_lost_us)
      all->first_lost_us = clock_monotonic_us(&clock_system);
  } else {
    double most = AGAIN_S * (1 << (viewer->failures > 6 ? 6 : viewer->failures));
    wait_s = (.5 + random_part() / 2) * (most < AGAIN_MAX_S ? most : AGAIN_MAX_S);
    viewer->failures++;
  }
  if (!viewer->was_open || !all->returns) {
    if (!was_open) {
      all->refused++;
      begin(all);
    }
    return;
  }
  if (was_open && all->returns == VIEWERS_RETURN_JITTERED)
    wait_s = viewer->retry_s > 0 ? viewer->retry_s : .5 + 4. * random_part();
  viewer->retry_s = 0;
  ev_timer_set(&viewer->again, wait_s, 0.);
  ev_timer_start(all->loop, &viewer->again);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events) {
  (void)loop;
  (void)events;
  start_connection(timer->data);
}

static void send_pong(struct viewer *viewer, struct slice payload) {
  struct buf pong;
  buf_init(&pong, 0);
  ws_put_frame(&pong, true, WS_PONG, payload, (const uint8_t *)"\1\2\3\4");
  (void)!send(viewer->io.fd, pong.data, pong.len, MSG_NOSIGNAL);
  buf_fini(&pong);
}

/* Keeps what is left for the next read. */
static bool keep(struct viewer *viewer, const char *data, size_t len) {
  if (len > viewer->carry_room) {
    char *carry = len > CARRY_MAX ? NULL : realloc(viewer->carry, len);
    if (!carry)
      return false;
    viewer->carry = carry;
    viewer->carry_room = (uint32_t)len;
  }
  if (len)
    memcpy(viewer->carry, data, len);
  viewer->carry_len = (uint32_t)len;
  return true;
}

/* Goes over the frames. Returns: how many bytes were whole frames, or -1 when the connection has
   ended. */
static ssize_t take_frames(struct viewer *viewer, const char *data, size_t len, int64_t now_us) {
  struct viewers *all = viewer->all;
  size_t at = 0;
  while (len - at >= 2) {
    const uint8_t *head = (const uint8_t *)data + at;
    size_t header = 2, payload = head[1] & 0x7f;
    if (payload == 126) {
      header = 4;
      if (len - at < header)
        break;
      payload = (size_t)head[2] << 8 | head[3];
    } else if (payload == 127) {
      header = 10;
      if (len - at < header)
        break;
      payload = 0;
      for (int i = 2; i < 10; i++)
        payload = payload << 8 | head[i];
    }
    if (payload > CARRY_MAX)
      return -1;
    if (len - at < header + payload)
      break;
    const char *text = data + at + header;
    at += header + payload;
    switch (head[0] & 0x0f) {
    case WS_TEXT:
      all->frames++;
      if (head[0] & 0x40)
        all->compressed++;
      else if (payload)
        take_text(viewer, text, payload, now_us);
      break;
    case WS_PING:
      send_pong(viewer, slice_new(text, payload));
      break;
    case WS_CLOSE:
      return -1;
    default:
      break;
    }
  }
  return (ssize_t)at;
}

static void note_open(struct viewer *viewer) {
  struct viewers *all = viewer->all;
  viewer->state = VIEWER_OPEN;
  viewer->failures = 0;
  all->open++;
  if (viewer->was_open && ++all->returned >= all->count && all->open == all->count)
    all->all_open_us = clock_monotonic_us(&clock_system);
  viewer->was_open = true;
  if (all->subscribe) {
    struct buf text;
    buf_init(&text, 0);
    ws_put_frame(&text, true, WS_TEXT, slice_of(all->subscribe), (const uint8_t *)"\1\2\3\4");
    (void)!send(viewer->io.fd, text.data, text.len, MSG_NOSIGNAL);
    buf_fini(&text);
  }
  begin(all);
}

/* The answer to the handshake. Returns: its length, 0 while it is not whole, -1 when it refuses. */
static ssize_t take_head(struct viewer *viewer, const char *data, size_t len) {
  const char *end = memmem(data, len, "\r\n\r\n", 4);
  if (!end)
    return 0;
  if (!begins(data, len, "HTTP/1.1 101")) {
    if (!viewer->all->refused && !viewer->was_open)
      fprintf(stderr, "bench_push: refused: %.*s\n", (int)(len < 600 ? len : 600), data);
    return -1;
  }
  note_open(viewer);
  return end - data + 4;
}

static void take_input(struct viewer *viewer, size_t len) {
  size_t at = 0;
  if (viewer->state == VIEWER_HANDSHAKE) {
    ssize_t head = take_head(viewer, input, len);
    if (head < 0) {
      lose(viewer);
      return;
    }
    at = (size_t)head;
  }
  if (viewer->state == VIEWER_OPEN) {
    ssize_t taken = take_frames(viewer, input + at, len - at, clock_realtime_us(&clock_system));
    if (taken < 0) {
      lose(viewer);
      return;
    }
    at += (size_t)taken;
  }
  if (!keep(viewer, input + at, len - at))
    lose(viewer);
}

static void send_request(struct viewer *viewer) {
  struct viewers *all = viewer->all;
  char key[WS_KEY_BYTES], since[64] = "", head[1024];
  ws_key_make(key);
  if (viewer->last_id)
    snprintf(since, sizeof since, "%csince=%lld", strchr(all->target, '?') ? '&' : '?',
             (long long)viewer->last_id);
  int len = snprintf(head, sizeof head,
                     "GET %s%s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
                     "%s%s\r\n",
                     all->target, since, key,
                     all->deflate ? "Sec-WebSocket-Extensions: permessage-deflate; "
                                    "client_no_context_takeover; server_no_context_takeover\r\n"
                                  : "",
                     all->authorization);
  if (send(viewer->io.fd, head, (size_t)len, MSG_NOSIGNAL) != len) {
    lose(viewer);
    return;
  }
  viewer->state = VIEWER_HANDSHAKE;
  ev_io_stop(all->loop, &viewer->io);
  ev_io_set(&viewer->io, viewer->io.fd, EV_READ);
  ev_io_start(all->loop, &viewer->io);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events) {
  (void)loop;
  (void)events;
  struct viewer *viewer = (struct viewer *)io;
  struct viewers *all = viewer->all;
  if (viewer->state == VIEWER_CONNECTING) {
    send_request(viewer);
    return;
  }
  ssize_t n = recv(io->fd, input + viewer->carry_len, READ_BYTES, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0) {
    lose(viewer);
    return;
  }
  if (viewer->carry_len)
    memcpy(input, viewer->carry, viewer->carry_len);
  if (viewer->state == VIEWER_OPEN) {
    all->bytes += n;
    all->reads++;
  }
  take_input(viewer, viewer->carry_len + (size_t)n);
}

static void start_connection(struct viewer *viewer) {
  struct viewers *all = viewer->all;
  int fd = -1;
  all->tries++;
  if (all->address)
    fd = connect_tcp(all->address, 1 + (int)(viewer - all->list) % all->sources, false);
  else if (fd_unix_connect(all->socket_path, &fd, NULL))
    fd = -1;
  if (fd < 0) {
    lose(viewer);
    return;
  }
  viewer->state = VIEWER_CONNECTING;
  ev_io_init(&viewer->io, on_ready, fd, EV_WRITE);
  ev_io_start(all->loop, &viewer->io);
}

/* Connects the next; when all are open the caller is told. */
static void begin(struct viewers *viewers) {
  while (viewers->started < viewers->count &&
         viewers->started - viewers->open - viewers->refused < VIEWERS_CONNECTS)
    start_connection(&viewers->list[viewers->started++]);
  if (viewers->on_open && viewers->open + viewers->refused == viewers->count) {
    void (*on_open)(struct viewers *) = viewers->on_open;
    viewers->on_open = NULL;
    on_open(viewers);
  }
}

int viewers_start(struct viewers *viewers) {
  viewers->list = calloc((size_t)viewers->count, sizeof *viewers->list);
  if (!viewers->list)
    return -1;
  for (int i = 0; i < viewers->count; i++) {
    struct viewer *viewer = &viewers->list[i];
    viewer->all = viewers;
    ev_init(&viewer->again, on_again);
    viewer->again.data = viewer;
  }
  begin(viewers);
  return 0;
}

int viewers_with_all(const struct viewers *viewers, const struct feeder_shared *fed) {
  int with_all = 0;
  for (int i = 0; i < viewers->count; i++)
    if (viewers->list[i].count == fed->accepted && viewers->list[i].sum == fed->sum)
      with_all++;
  return with_all;
}

void viewers_reset_counts(struct viewers *viewers) {
  viewers->frames = viewers->compressed = viewers->bytes = viewers->reads = 0;
}
