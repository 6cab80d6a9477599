#include "pushd/alive.h"

#include "pushd/client.h"
#include "pushd/hub.h"
#include "ws/frame.h"

/* So often it is said something in vain. A unix socket counts bytes as taken only when the whole
   piece is that was written at once, and of 48 KiB at 1 KB a second that takes a while: who still
   has to read may take longer than who has only to answer. */
#define PINGS_MAX        2
#define PINGS_MAX_UNREAD 3
#define COMMENTS_MAX     4
#define COMMENT_MAX_MS   14000 /* something goes out on a stream at least every 15 s */
#define COMMENT          ":\n\n"

void alive_schedule(struct client *client) {
  int64_t ms = client->hub->conf->push_ping_interval_ms;
  if (!client_is_websocket(client) && ms > COMMENT_MAX_MS)
    ms = COMMENT_MAX_MS;
  client->alive_at = hub_tick_in(client->hub, ms) - 1;
}

/* What counts as bytes is the transport's business; they only have to become none in the end. */
static bool is_there(struct client *client) {
  const struct transport *transport = client->transport;
  uint32_t taken = client->sent - (transport->untaken ? transport->untaken(client) : 0);
  bool reads = (int32_t)(taken - client->taken) > 0;
  bool came = (int32_t)(taken - client->alive_mark) >= 0; /* what it was said last */
  client->taken = taken;
  if (client_is_websocket(client) ? reads && !came : reads || came)
    client->pings_open = 0;
  if (!client_is_websocket(client))
    return client->pings_open < COMMENTS_MAX;
  return client->pings_open < (came ? PINGS_MAX : PINGS_MAX_UNREAD);
}

static void say_something(struct client *client) {
  client->pings_open++;
  if (!client->own) { /* else something waits to be written already */
    struct buf *own = client_own(client);
    if (!own)
      return;
    if (client_is_websocket(client)) {
      ws_put_frame(own, true, WS_PING, slice_new("", 0), NULL);
      client->hub->figures.pings++;
    } else {
      buf_put_text(own, COMMENT);
    }
  }
  client->alive_mark = client->sent + (uint32_t)client->own->len;
  if (client->partial)
    client->alive_mark += client->partial->len - client->partial_at;
  client_flush(client);
}

void alive_on_due(struct client *client) {
  alive_schedule(client);
  if (is_there(client)) {
    say_something(client);
  } else if (client_is_websocket(client)) {
    client_close(client, WS_CLOSE_GOING_AWAY, "two pings had no answer");
    client_flush(client);
  } else {
    client_drop(client); /* nobody is there to be told */
  }
}
