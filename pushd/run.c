#include "pushd/run.h"

#include "pushd/behind.h"
#include "pushd/client.h"
#include "pushd/hub.h"

/* --- putting it together -----------------------------------------------------------------------
 */

static void add_piece(struct run *run, enum run_piece_kind kind, struct frame *frame, char *data,
                      size_t len) {
  run->pieces[run->count] = (struct run_piece){.kind = kind, .frame = frame};
  run->iov[run->count] = (struct iovec){data, len};
  run->count++;
  run->bytes += len;
}

static void add_frame(struct run *run, enum run_piece_kind kind, struct frame *frame, size_t at) {
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
  struct ring *page = behind_page(hub, client);
  if (page)
    client->sequence = ring_find(page, client->cursor);
  else
    behind_add(hub, client);
  return page;
}

static void add_event_piece(struct run *run, struct frame *frame, unsigned events, int64_t cursor,
                            uint64_t sequence) {
  add_frame(run, RUN_EVENT, frame, 0);
  struct run_piece *piece = &run->pieces[run->count - 1];
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
  struct batch *batch =
      batch_get(&hub->batch, &hub->audiences, &hub->encoder, audience, source, sequence, in_ring);
  struct frame *frame = batch ? batch_frame(batch, &hub->encoder, client->representation) : NULL;
  if (frame)
    add_event_piece(run, frame, batch->count, batch->last_id, batch->to);
}

static void add_events(struct client *client, struct run *run, size_t max_bytes) {
  struct hub *hub = client->hub;
  struct ring *source = find_source(client);
  if (!source)
    return;
  bool in_ring = source == &hub->ring;
  if (client->subscription.batch && client_is_websocket(client)) {
    add_batch(client, run, source, in_ring);
    return;
  }
  uint64_t sequence = client->sequence;
  while (run->count < RUN_PIECES_MAX && run->bytes < max_bytes) {
    if (in_ring && audience_next(client->subscription.audience, source, sequence, &sequence))
      return;
    if (sequence >= source->next) {
      catch_up(run, source, in_ring);
      return;
    }
    struct frame *frame = ring_frame(source, &hub->encoder, sequence, client->representation);
    if (!frame)
      return;
    add_event_piece(run, frame, 1, ring_at(source, sequence)->id, sequence + 1);
    sequence++;
  }
}

void run_build(struct client *client, struct run *run, size_t max_bytes) {
  struct hub *hub = client->hub;
  run->count = 0;
  run->bytes = 0;
  run->caught_up = false;
  if (client->partial)
    add_frame(run, RUN_PARTIAL, client->partial, client->partial_at);
  if (client->own && client->own->len)
    add_piece(run, RUN_OWN, NULL, client->own->data, client->own->len);
  if (client->state != CLIENT_OPEN || client->frozen)
    return;
  if (client->state_due) {
    struct frame *frame = state_answer(&hub->state, &hub->encoder, client->representation);
    if (frame)
      add_frame(run, RUN_STATE, frame, 0);
  }
  if (client->metrics_due && !client->metrics_forced && client->metrics_shown &&
      client->fingerprint == hub->state.fingerprint)
    client->metrics_due = false;
  if (client->metrics_due) {
    struct frame *frame = state_metrics(&hub->state, &hub->encoder, client->representation);
    if (frame)
      add_frame(run, RUN_METRICS, frame, 0);
  }
  add_events(client, run, max_bytes);
}

/* --- what became of it -------------------------------------------------------------------------
 */

/* Remembers what of a piece was written: all of it, or `written` bytes. */
static void account_piece(struct client *client, const struct run_piece *piece, size_t len,
                          size_t written) {
  struct hub *hub = client->hub;
  bool whole = written == len;
  switch (piece->kind) {
  case RUN_PARTIAL:
    client->partial_at += (uint32_t)written;
    if (whole) {
      frame_unref(client->partial);
      client->partial = NULL;
    }
    return;
  case RUN_OWN:
    buf_consume(client->own, written);
    return;
  case RUN_STATE:
    client->state_due = false;
    hub->figures.messages++;
    break;
  case RUN_METRICS:
    hub->figures.messages++;
    client->metrics_due = client->metrics_forced = false;
    client->metrics_shown = true;
    client->fingerprint = hub->state.fingerprint;
    break;
  case RUN_EVENT:
    client->cursor = piece->cursor;
    client->sequence = piece->sequence;
    client->skipped = false;
    hub->figures.deliveries += piece->events;
    hub->figures.messages++;
    break;
  }
  if (!whole) { /* the rest must follow before anything else, whatever becomes of the ring */
    client->partial = frame_ref(piece->frame);
    client->partial_at = (uint32_t)written;
  }
}

void run_account(struct client *client, const struct run *run, size_t written) {
  client->hub->figures.bytes += written;
  client->sent += (uint32_t)written;
  for (int i = 0; i < run->count && written > 0; i++) {
    size_t len = run->iov[i].iov_len, part = written < len ? written : len;
    account_piece(client, &run->pieces[i], len, part);
    written -= part;
  }
}

bool run_finish(struct client *client, const struct run *run) {
  if (!run->caught_up)
    return run->count > 0;
  if (run->end_cursor > client->cursor) {
    client->cursor = run->end_cursor;
    if (!client->skipped) {
      client->skipped = true;
      client_schedule(client); /* for the position to be told */
    }
  }
  client->sequence = run->end_sequence;
  client->in_ring = run->end_in_ring;
  return !run->end_in_ring; /* a page may lead into the ring */
}
