#include "pushd/client.h"

#include "base/fd.h"
#include "base/json.h"
#include "pushd/alive.h"
#include "pushd/behind.h"
#include "pushd/handshake.h"
#include "pushd/hub.h"
#include "pushd/sse.h"
#include "pushd/ws.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void client_line_join(struct client_line *line, struct client *client) {
  client->line_next = NULL;
  client->line_link = line->end;
  *line->end = client;
  line->end = &client->line_next;
}

void client_line_leave(struct client_line *line, struct client *client) {
  *client->line_link = client->line_next;
  if (client->line_next)
    client->line_next->line_link = client->line_link;
  else
    line->end = client->line_link;
  client->line_link = NULL;
  client->line_next = NULL;
}

bool client_drop_stale_handshake(struct hub *hub) {
  struct client *oldest = hub->handshakes.first;
  if (oldest && oldest->deadline > hub_tick_in(hub, CLIENT_HANDSHAKE_MS - CLIENT_STALE_MS))
    return false;
  if (oldest) {
    figures_count_refusal(&hub->figures, REFUSAL_overload);
    client_drop(oldest);
  }
  return true;
}

struct client *client_new(struct hub *hub, const struct transport *transport) {
  if (hub->client_count == hub->client_room) {
    uint32_t room = hub->client_room ? hub->client_room * 2 : 64;
    struct client **more = realloc(hub->clients, room * sizeof(struct client *));
    if (!more)
      return NULL;
    hub->clients = more;
    hub->client_room = room;
  }
  struct client *client = calloc(1, sizeof *client);
  if (!client)
    return NULL;
  client->transport = transport;
  client->hub = hub;
  client->index = hub->client_count;
  hub->clients[hub->client_count++] = client;
  hub->handshake_count++;
  client_line_join(&hub->handshakes, client);
  client->deadline = hub_tick_in(hub, CLIENT_HANDSHAKE_MS);
  client_schedule(client);
  return client;
}

static void leave_state(struct client *client) {
  if (client->state == CLIENT_OPEN)
    client->hub->open_count[client->representation]--;
  if (client->state == CLIENT_HANDSHAKE) {
    client->hub->handshake_count--;
    client_line_leave(&client->hub->handshakes, client);
  }
}

static void free_own(struct client *client) {
  if (client->own)
    buf_fini(client->own);
  free(client->own);
  client->own = NULL;
}

/* It is not counted any more as one of its address and of its key. */
static void leave_census(struct client *client) {
  census_leave(&client->hub->addresses, client->of_address);
  census_leave(&client->hub->credentials, client->of_credential);
  client->of_address = client->of_credential = NULL;
}

void client_drop(struct client *client) {
  struct hub *hub = client->hub;
  if (client->state == CLIENT_DEAD)
    return;
  if (client->state == CLIENT_OPEN)
    figures_count_close(&hub->figures, 0);
  leave_census(client);
  leave_state(client);
  client->state = CLIENT_DEAD;
  client->transport->drop(client);
  wheel_unset(&client->timer);
  behind_remove(hub, client);
  audience_release(&hub->audiences, client->subscription.audience);
  client->subscription.audience = NULL;
  frame_unref(client->partial);
  client->partial = NULL;
  free_own(client);
  ws_free_receiver(client);
  hub->clients[client->index] = hub->clients[--hub->client_count];
  hub->clients[client->index]->index = client->index;
  client->line_next = hub->dead;
  hub->dead = client;
}

static void count_opened(const struct client *client) {
  struct figures *figures = &client->hub->figures;
  if (client_is_websocket(client))
    figures->ws_opened++;
  else
    figures->sse_opened++;
  figures->ws_deflate_opened += client->representation == REPRESENTATION_WS_DEFLATE;
  figures->sse_named_opened += client->representation == REPRESENTATION_SSE_NAMED;
  figures->http2_opened += client->transport->is_http2;
}

void client_open(struct client *client) {
  struct hub *hub = client->hub;
  leave_state(client);
  client->state = CLIENT_OPEN;
  hub->open_count[client->representation]++;
  count_opened(client);
  client->deadline = 0;
  client->position_at = hub_tick_in(hub, CLIENT_POSITION_MS);
  alive_schedule(client);
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

void client_say(struct client *client, const char *name, struct slice data, int64_t event_id) {
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
  struct frame *frame = NULL;
  if (!buf_status(&json))
    frame = frame_encode(&client->hub->encoder, client->representation, buf_slice(&json),
                         slice_of(name), event_id);
  if (frame)
    buf_put(own, frame->data, frame->len);
  client->hub->figures.messages++;
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
  leave_census(client);
  client->state = CLIENT_CLOSING;
  client->metrics_due = client->state_due = false;
  client->deadline = hub_tick_in(client->hub, CLIENT_CLOSE_MS);
  client->metrics_at = client->check_at = client->alive_at = client->position_at = 0;
  behind_remove(client->hub, client);
  client_schedule(client);
}

void client_close(struct client *client, uint16_t code, const char *reason) {
  if (client->state != CLIENT_OPEN)
    return;
  struct buf *own = client_own(client);
  if (!own)
    return;
  figures_count_close(&client->hub->figures, code);
  if (client_is_websocket(client)) {
    ws_put_close(own, code, slice_of(reason), NULL);
    client->close_sent = true;
  }
  start_closing(client);
}

void client_close_telling(struct client *client, uint16_t code, const char *reason,
                          uint32_t retry_after_ms) {
  if (client->state != CLIENT_OPEN)
    return;
  char data[160];
  snprintf(data, sizeof data, "{\"reason\":\"%s\",\"retry_after_ms\":%u}", reason, retry_after_ms);
  if (!client_is_websocket(client))
    sse_put_retry(client, retry_after_ms); /* an EventSource does not read our messages */
  client_say(client, "closing", slice_of(data), FRAME_NO_ID);
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

/* --- the transport's side ----------------------------------------------------------------------
 */

void client_flush(struct client *client) {
  if (client->state == CLIENT_OPEN || client->state == CLIENT_CLOSING)
    client->transport->flush(client);
}

void client_written(struct client *client, bool more) {
  struct hub *hub = client->hub;
  if (client->blocked)
    behind_remove(hub, client);
  else if (more)
    behind_add(hub, client);
  if (client->own && client->own->len == 0)
    free_own(client);
  if (client->state != CLIENT_CLOSING || client->own || client->partial)
    return;
  /* With a close frame on its way the peer answers with its own; then it is over. */
  bool peer_is_over = client->receiver && client->receiver->over;
  client->state = CLIENT_LINGERING;
  client->deadline = hub_tick_in(hub, CLIENT_LINGER_MS);
  /* One that broke the protocol may be sending still. A proxy that sees our end then closes too,
     and its kernel answers what comes with a reset, which takes our close frame away: be quiet
     first. */
  if (client->violated)
    client->alive_at = hub_tick_in(hub, CLIENT_QUIET_MS);
  client_schedule(client);
  if (!client->violated)
    client->transport->end(client, client->close_sent && !peer_is_over);
}

void client_writable(struct client *client) {
  client->blocked = false;
  behind_add(client->hub, client);
}

void client_take(struct client *client, struct slice bytes) {
  bool listens = client->state == CLIENT_OPEN || client->state == CLIENT_CLOSING ||
                 client->state == CLIENT_LINGERING;
  if (client->state == CLIENT_LINGERING && client->alive_at) { /* it is not quiet yet */
    client->alive_at = hub_tick_in(client->hub, CLIENT_QUIET_MS);
    client_schedule(client);
  }
  if (listens && client_is_websocket(client))
    ws_on_bytes(client, bytes);
  /* SSE clients and refused ones have nothing to say. */
}

bool client_wants_input(const struct client *client) {
  return !client->own || client->own->len <= CLIENT_OWN_MAX;
}

/* --- time --------------------------------------------------------------------------------------
 */

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
