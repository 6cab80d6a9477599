#include "pushd/ws.h"

#include "pushd/client.h"
#include "pushd/commands.h"
#include "pushd/hub.h"

#include <stdlib.h>

void ws_free_receiver(struct client *client) {
  if (client->receiver)
    ws_receiver_fini(client->receiver);
  free(client->receiver);
  client->receiver = NULL;
}

static void on_ping(struct client *client, struct slice payload) {
  if (!commands_allow_frame(client)) {
    client_close(client, WS_CLOSE_POLICY, "too many frames");
    return;
  }
  struct buf *own = client_own(client);
  if (own && own->len <= CLIENT_OWN_MAX)
    ws_put_frame(own, true, WS_PONG, payload, NULL);
}

/* The peer wants to end, or answers our own close. */
static void on_close(struct client *client, const struct ws_event *event) {
  if (client->close_sent) {
    client_drop(client);
    return;
  }
  uint16_t code = event->close_code == WS_CLOSE_NO_CODE ? WS_CLOSE_NORMAL : event->close_code;
  client_close(client, code, "");
}

static void on_event(struct client *client, const struct ws_event *event) {
  if (client->close_sent && event->kind != WS_EVENT_CLOSE)
    return; /* after our close only its answer matters */
  switch (event->kind) {
  case WS_EVENT_TEXT:
    commands_on_message(client, event->payload);
    break;
  case WS_EVENT_BINARY:
    client_close(client, WS_CLOSE_UNSUPPORTED_DATA, "only text messages are understood");
    break;
  case WS_EVENT_PING:
    on_ping(client, event->payload);
    break;
  case WS_EVENT_PONG:
    client->pings_open = 0;
    client->hub->figures.pongs++;
    break;
  case WS_EVENT_CLOSE:
    on_close(client, event);
    break;
  case WS_EVENT_ERROR:
    client->violated = true;
    client_close(client, event->close_code, event->error);
    break;
  case WS_EVENT_NONE:
    break;
  }
}

void ws_on_bytes(struct client *client, struct slice bytes) {
  if (client->state != CLIENT_OPEN && !client->close_sent)
    return;
  if (!client->receiver) {
    client->receiver = malloc(sizeof *client->receiver);
    if (!client->receiver) {
      client_drop(client);
      return;
    }
    ws_receiver_init(client->receiver, WS_SERVER, WS_MESSAGE_MAX_BYTES);
    if (client->representation == REPRESENTATION_WS_DEFLATE)
      ws_receiver_allow_deflate(client->receiver, client->hub->inflater);
  }
  struct ws_event event;
  do {
    ws_receiver_take(client->receiver, &bytes, &event);
    on_event(client, &event);
  } while (event.kind != WS_EVENT_NONE && client->receiver);
  if (client->receiver && ws_receiver_idle(client->receiver))
    ws_free_receiver(client);
  client_flush(client);
}
