/* pushd: what clients say over their WebSocket, a message a line. The first byte says who speaks
 * and how much the peer takes in between. */
#include "pushd/commands.h"
#include "tests/fuzz/property.h"
#include "tests/fuzz/push_peer.h"

/* What one message is answered is not much more than itself: a pong is it, a subscription names its
 * globs. */
#define ANSWER_MAX(message) (1024 + 8 * (message).len)

static const char *const requests[] = {
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: "
    "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /ws/dashboard?since=3 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
};

static void say(struct push_peer *peer, struct slice message) {
  struct client *client = peer->client;
  size_t before = client->own ? client->own->len : 0;
  commands_on_message(client, message);
  if (peer->dropped)
    return;
  size_t own = client->own ? client->own->len : 0;
  PROPERTY(own <= before + ANSWER_MAX(message), "an answer is bounded by its question");
  client_flush(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct push_peer peer;
  if (size == 0 || size > 65536)
    return 0;
  struct slice rest = slice_new((const char *)data + 1, size - 1), line;
  push_peer_hub();
  push_peer_begin(&peer, SIZE_MAX);
  push_peer_request(&peer, slice_of(requests[data[0] & 1]));
  PROPERTY(peer.status == 101, "it is let in");
  peer.room = 0;
  if (data[0] & 2)
    peer.client->role = AUTH_ROLE_INGEST;
  while (!peer.dropped && peer.client->state == CLIENT_OPEN && slice_split(&rest, '\n', &line)) {
    if (!client_wants_input(peer.client))
      push_peer_take(&peer, SIZE_MAX / 2);
    say(&peer, line);
    if (data[0] >> 2)
      push_peer_take(&peer, (size_t)(data[0] >> 2) * 8);
  }
  push_peer_end(&peer);
  return 0;
}
