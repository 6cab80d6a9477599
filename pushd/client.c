#include "pushd/client.h"

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "pushd/handshake.h"
#include "pushd/hub.h"
#include "pushd/sse.h"
#include "pushd/ws.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PIECES_MAX      64     /* of one writev */
#define FLUSH_MAX_BYTES 524288 /* then others have their turn */
#define RETRY_AFTER_MS  500
#define RETRY_JITTER_MS 4000

static void on_io(struct ev_loop *loop, ev_io *io, int events);

struct client *client_new(struct hub *hub, int fd) {
  if (hub->client_count == hub->client_room) {
    uint32_t room = hub->client_room ? hub->client_room * 2 : 64;
    struct client **more = realloc(hub->clients, room * sizeof(struct client *));
    if (!more) {
      fd_close(&fd);
      return NULL;
    }
    hub->clients = more;
    hub->client_room = room;
  }
  struct client *client = calloc(1, sizeof *client);
  if (!client) {
    fd_close(&fd);
    return NULL;
  }
  client->hub = hub;
  client->index = hub->client_count;
  hub->clients[hub->client_count++] = client;
  hub->handshake_count++;
  client->deadline = hub_tick_in(hub, CLIENT_HANDSHAKE_MS);
  ev_io_init(&client->io, on_io, fd, EV_READ);
  ev_io_start(hub->loop, &client->io);
  client_schedule(client);
  return client;
}

static void leave_state(struct client *client) {
  if (client->state == CLIENT_OPEN)
    client->hub->open_count[client->representation]--;
  if (client->state == CLIENT_HANDSHAKE)
    client->hub->handshake_count--;
}

static void free_head(struct client *client) {
  if (client->head)
    buf_fini(client->head);
  free(client->head);
  client->head = NULL;
}

static void free_own(struct client *client) {
  if (client->own)
    buf_fini(client->own);
  free(client->own);
  client->own = NULL;
}

void client_drop(struct client *client) {
  struct hub *hub = client->hub;
  if (client->state == CLIENT_DEAD)
    return;
  leave_state(client);
  client->state = CLIENT_DEAD;
  ev_io_stop(hub->loop, &client->io);
  int fd = client->io.fd;
  fd_close(&fd);
  wheel_unset(&client->timer);
  hub_remove_lagging(hub, client);
  audience_release(&hub->audiences, client->subscription.audience);
  client->subscription.audience = NULL;
  frame_unref(client->partial);
  client->partial = NULL;
  free_own(client);
  free_head(client);
  ws_free_receiver(client);
  hub->clients[client->index] = hub->clients[--hub->client_count];
  hub->clients[client->index]->index = client->index;
  client->lagging_next = hub->dead;
  hub->dead = client;
}

void client_open(struct client *client) {
  struct hub *hub = client->hub;
  leave_state(client);
  client->state = CLIENT_OPEN;
  hub->open_count[client->representation]++;
  free_head(client);
  client->deadline = 0;
  client->position_at = hub_tick_in(hub, CLIENT_POSITION_MS);
  client->alive_at = hub_tick_in(hub, client->representation == REPRESENTATION_WS
                                          ? hub->conf->push_ping_interval_ms
                                          : CLIENT_COMMENT_MS);
  client_schedule(client);
}

/* --- own bytes ---------------------------------------------------------------------------------
 */

struct buf *client_own(struct client *client) {
  if (client->state == CLIENT_DEAD)
    return NULL;
  if (!client->own) {
    client->own = malloc(sizeof *client->own);
    if (!client->own) {
      client_drop(client);
      return NULL;
    }
    buf_init(client->own, 0);
  }
  return client->own;
}

void client_say(struct client *client, const char *name, struct slice data, const char *id) {
  struct buf *own = client_own(client);
  if (!own)
    return;
  struct buf json;
  buf_init(&json, 0);
  buf_put_text(&json, "{\"event\":");
  json_put_string(&json, slice_of(name));
  buf_put_text(&json, ",\"data\":");
  buf_put_slice(&json, data);
  buf_put_char(&json, '}');
  struct frame *frame = buf_status(&json) ? NULL
                                          : frame_encode(client->representation, buf_slice(&json),
                                                         slice_of(name), slice_of(id));
  if (frame)
    buf_put(own, frame->data, frame->len);
  bool failed = !frame || buf_status(own);
  frame_unref(frame);
  buf_fini(&json);
  if (failed) /* out of memory: a message must not get lost silently */
    client_drop(client);
}

static void start_closing(struct client *client) {
  if (client->state == CLIENT_DEAD || client->state >= CLIENT_CLOSING)
    return;
  leave_state(client);
  client->state = CLIENT_CLOSING;
  free_head(client);
  client->metrics_due = client->state_due = false;
  client->deadline = hub_tick_in(client->hub, CLIENT_CLOSE_MS);
  client->metrics_at = client->check_at = client->alive_at = client->position_at = 0;
  hub_remove_lagging(client->hub, client);
  client_schedule(client);
}

void client_close(struct client *client, uint16_t code, const char *reason) {
  if (client->state != CLIENT_OPEN)
    return;
  struct buf *own = client_own(client);
  if (!own)
    return;
  if (client->representation == REPRESENTATION_WS) {
    ws_put_close(own, code, slice_of(reason), NULL);
    client->close_sent = true;
  }
  start_closing(client);
}

void client_close_telling(struct client *client, uint16_t code, const char *reason) {
  if (client->state != CLIENT_OPEN)
    return;
  uint32_t jitter;
  fd_random(&jitter, sizeof jitter);
  char data[160];
  snprintf(data, sizeof data, "{\"reason\":\"%s\",\"retry_after_ms\":%u}", reason,
           RETRY_AFTER_MS + jitter % RETRY_JITTER_MS);
  client_say(client, "closing", slice_of(data), NULL);
  client_close(client, code, reason);
}

void client_finish(struct client *client) {
  start_closing(client);
}

/* --- position and subscription -----------------------------------------------------------------
 */

void client_seek(struct client *client, int64_t cursor) {
  client->cursor = cursor;
  client->in_ring = false;
  client->skipped = false;
}

void client_subscribe(struct client *client, const struct subscription *subscription) {
  audience_release(&client->hub->audiences, client->subscription.audience);
  client->subscription = *subscription;
  client->in_ring = false;
  bool metrics = subscription->metrics;
  client->metrics_due = client->metrics_forced = metrics; /* the first one at once */
  client->metrics_at = metrics ? hub_tick_in(client->hub, subscription->interval_ms) : 0;
  client_schedule(client);
}

/* --- writing -----------------------------------------------------------------------------------
 */

enum piece_kind { PIECE_PARTIAL, PIECE_OWN, PIECE_STATE, PIECE_METRICS, PIECE_EVENT };

struct piece {
  enum piece_kind kind;
  struct frame *frame; /* borrowed; NULL for PIECE_OWN */
  unsigned events;     /* PIECE_EVENT: how many are in it */
  int64_t cursor;      /* PIECE_EVENT: where the client is after it */
  uint64_t sequence;
};

/* What one writev is made of. */
struct run {
  struct piece pieces[PIECES_MAX];
  struct iovec iov[PIECES_MAX];
  int count;
  size_t bytes;
  bool caught_up;     /* after it there are no further events for the client where it reads */
  int64_t end_cursor; /* then: the cursor, behind what its filter skips */
  uint64_t end_sequence;
  bool end_in_ring;
};

static void add_piece(struct run *run, enum piece_kind kind, struct frame *frame, char *data,
                      size_t len) {
  run->pieces[run->count] = (struct piece){.kind = kind, .frame = frame};
  run->iov[run->count] = (struct iovec){data, len};
  run->count++;
  run->bytes += len;
}

static void add_frame(struct run *run, enum piece_kind kind, struct frame *frame, size_t at) {
  add_piece(run, kind, frame, frame->data + at, frame->len - at);
}

/* Where the client's next events are: the ring, a page of the history, or nowhere yet. */
static struct ring *find_source(struct client *client) {
  struct hub *hub = client->hub;
  if (client->in_ring && client->sequence >= hub->ring.first)
    return &hub->ring;
  client->in_ring = false;
  if (ring_holds(&hub->ring, client->cursor)) {
    client->sequence = ring_find(&hub->ring, client->cursor);
    client->in_ring = true;
    return &hub->ring;
  }
  struct ring *page = hub_page_for(hub, client);
  if (page)
    client->sequence = ring_find(page, client->cursor);
  else
    hub_add_lagging(hub, client);
  return page;
}

static void add_event_piece(struct run *run, struct frame *frame, unsigned events, int64_t cursor,
                            uint64_t sequence) {
  add_frame(run, PIECE_EVENT, frame, 0);
  struct piece *piece = &run->pieces[run->count - 1];
  piece->events = events;
  piece->cursor = cursor;
  piece->sequence = sequence;
}

static void catch_up(struct run *run, const struct ring *source, bool in_ring) {
  run->caught_up = true;
  run->end_cursor = source->head;
  run->end_sequence = source->next;
  run->end_in_ring = in_ring;
}

/* One message with many events a run: the shared one may be replaced by the next. */
static void add_batch(struct client *client, struct run *run, struct ring *source, bool in_ring) {
  struct hub *hub = client->hub;
  uint64_t sequence = client->sequence;
  struct audience *audience = client->subscription.audience;
  if (in_ring && audience_next(audience, source, sequence, &sequence))
    return;
  if (sequence >= source->next) {
    catch_up(run, source, in_ring);
    return;
  }
  const struct batch *batch =
      batch_get(&hub->batch, &hub->audiences, audience, source, sequence, in_ring);
  if (batch)
    add_event_piece(run, batch->frame, batch->count, batch->last_id, batch->to);
}

static void add_events(struct client *client, struct run *run) {
  struct hub *hub = client->hub;
  struct ring *source = find_source(client);
  if (!source)
    return;
  bool in_ring = source == &hub->ring;
  if (client->subscription.batch && client->representation == REPRESENTATION_WS) {
    add_batch(client, run, source, in_ring);
    return;
  }
  uint64_t sequence = client->sequence;
  while (run->count < PIECES_MAX && run->bytes < FLUSH_MAX_BYTES) {
    if (in_ring && audience_next(client->subscription.audience, source, sequence, &sequence))
      return;
    if (sequence >= source->next) {
      catch_up(run, source, in_ring);
      return;
    }
    struct frame *frame = ring_frame(source, sequence, client->representation, hub->position.epoch);
    if (!frame)
      return;
    add_event_piece(run, frame, 1, ring_at(source, sequence)->id, sequence + 1);
    sequence++;
  }
}

static void build_run(struct client *client, struct run *run) {
  struct hub *hub = client->hub;
  run->count = 0;
  run->bytes = 0;
  run->caught_up = false;
  if (client->partial)
    add_frame(run, PIECE_PARTIAL, client->partial, client->partial_at);
  if (client->own && client->own->len)
    add_piece(run, PIECE_OWN, NULL, client->own->data, client->own->len);
  if (client->state != CLIENT_OPEN)
    return;
  if (client->state_due) {
    struct frame *frame = state_answer(&hub->state);
    if (frame)
      add_frame(run, PIECE_STATE, frame, 0);
  }
  if (client->metrics_due) {
    struct frame *frame = state_metrics(&hub->state, client->representation);
    if (frame && !client->metrics_forced && client->metrics_shown &&
        client->fingerprint == hub->state.fingerprint)
      client->metrics_due = false;
    else if (frame)
      add_frame(run, PIECE_METRICS, frame, 0);
  }
  add_events(client, run);
}

/* Remembers what of a piece was written: all of it, or `written` bytes. */
static void account_piece(struct client *client, const struct piece *piece, size_t len,
                          size_t written) {
  struct hub *hub = client->hub;
  bool whole = written == len;
  switch (piece->kind) {
  case PIECE_PARTIAL:
    client->partial_at += (uint32_t)written;
    if (whole) {
      frame_unref(client->partial);
      client->partial = NULL;
    }
    return;
  case PIECE_OWN:
    buf_consume(client->own, written);
    return;
  case PIECE_STATE:
    client->state_due = false;
    break;
  case PIECE_METRICS:
    client->metrics_due = client->metrics_forced = false;
    client->metrics_shown = true;
    client->fingerprint = hub->state.fingerprint;
    break;
  case PIECE_EVENT:
    client->cursor = piece->cursor;
    client->sequence = piece->sequence;
    client->skipped = false;
    hub->figures.deliveries += piece->events;
    break;
  }
  if (!whole) { /* the rest must follow before anything else, whatever becomes of the ring */
    client->partial = frame_ref(piece->frame);
    client->partial_at = (uint32_t)written;
  }
}

static void account_run(struct client *client, const struct run *run, size_t written) {
  client->hub->figures.bytes += written;
  for (int i = 0; i < run->count && written > 0; i++) {
    size_t len = run->iov[i].iov_len, part = written < len ? written : len;
    account_piece(client, &run->pieces[i], len, part);
    written -= part;
  }
}

static void finish_run(struct client *client, const struct run *run) {
  if (!run->caught_up)
    return;
  if (run->end_cursor > client->cursor) {
    client->cursor = run->end_cursor;
    if (!client->skipped) {
      client->skipped = true;
      client_schedule(client); /* for the position to be told */
    }
  }
  client->sequence = run->end_sequence;
  client->in_ring = run->end_in_ring;
}

static void watch(struct client *client, int events) {
  if ((client->io.events & (EV_READ | EV_WRITE)) == events)
    return;
  ev_io_stop(client->hub->loop, &client->io);
  ev_io_set(&client->io, client->io.fd, events);
  ev_io_start(client->hub->loop, &client->io);
}

/* A client that does not take its answers is not read from, so that they cannot grow. */
static void watch_as_needed(struct client *client) {
  bool full = client->own && client->own->len > CLIENT_OWN_MAX;
  watch(client, (full ? 0 : EV_READ) | (client->blocked ? EV_WRITE : 0));
}

/* Everything is written of a client that is to end. */
static void linger(struct client *client) {
  client->state = CLIENT_LINGERING;
  client->deadline = hub_tick_in(client->hub, CLIENT_LINGER_MS);
  /* With a close frame on its way the peer answers with its own; then it is over. A peer that is
     not listened to any more gets the end of the stream, and its bytes are read until it ends too:
     to close with bytes unread would reset the connection and lose our last ones. */
  bool waits_for_close = client->close_sent && !(client->receiver && client->receiver->over);
  if (!waits_for_close) {
    shutdown(client->io.fd, SHUT_WR);
    client->half_closed = true;
  }
  client_schedule(client);
}

void client_flush(struct client *client) {
  struct run run;
  size_t total = 0;
  if (client->state == CLIENT_DEAD || client->state == CLIENT_LINGERING ||
      client->state == CLIENT_HANDSHAKE)
    return;
  client->blocked = false;
  for (;;) {
    build_run(client, &run);
    if (run.count == 0) {
      finish_run(client, &run);
      /* A page that only told how far it was looked at may have led into the ring. */
      if (run.caught_up && !run.end_in_ring)
        continue;
      break;
    }
    struct msghdr message = {.msg_iov = run.iov, .msg_iovlen = (size_t)run.count};
    ssize_t written = sendmsg(client->io.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      client_drop(client);
      return;
    }
    if (written > 0)
      account_run(client, &run, (size_t)written);
    if (written < 0 || (size_t)written < run.bytes) {
      client->blocked = true;
      break;
    }
    finish_run(client, &run);
    total += run.bytes;
    if (total >= FLUSH_MAX_BYTES) { /* go on when the loop comes round */
      client->blocked = true;
      break;
    }
    if (run.caught_up && run.end_in_ring)
      break;
  }
  if (client->blocked)
    hub_remove_lagging(client->hub, client);
  if (client->own && client->own->len == 0)
    free_own(client);
  if (client->state == CLIENT_CLOSING && !client->own && !client->partial)
    linger(client);
  watch_as_needed(client);
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static void read_some(struct client *client) {
  struct hub *hub = client->hub;
  ssize_t n = recv(client->io.fd, hub->input, sizeof hub->input, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return;
  if (n <= 0) {
    client_drop(client);
    return;
  }
  struct slice bytes = slice_new(hub->input, (size_t)n);
  switch ((enum client_state)client->state) {
  case CLIENT_HANDSHAKE:
    handshake_on_bytes(client, bytes);
    break;
  case CLIENT_OPEN:
  case CLIENT_CLOSING:
  case CLIENT_LINGERING:
    if (client->representation == REPRESENTATION_WS)
      ws_on_bytes(client, bytes);
    break; /* SSE clients and refused ones have nothing to say */
  case CLIENT_DEAD:
    break;
  }
}

static void on_io(struct ev_loop *loop, ev_io *io, int events) {
  (void)loop;
  struct client *client = (struct client *)io;
  if (events & EV_READ)
    read_some(client);
  if ((events & EV_WRITE) && client->state != CLIENT_DEAD)
    client_flush(client);
}

void client_schedule(struct client *client) {
  if (client->state == CLIENT_DEAD)
    return;
  const uint32_t times[] = {client->deadline, client->alive_at, client->metrics_at,
                            client->skipped ? client->position_at : 0, client->check_at};
  uint32_t due = UINT32_MAX;
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    if (times[i] && times[i] < due)
      due = times[i];
  if (due == UINT32_MAX)
    wheel_unset(&client->timer);
  else if (!client->timer.link || client->timer.due != due)
    wheel_set(&client->hub->wheel, &client->timer, due);
}
