#include "push_client.h"

#include "base/clock.h"
#include "base/fd.h"
#include "ws/handshake.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MS 10000

static const uint8_t mask[WS_MASK_BYTES] = {0x12, 0x34, 0x56, 0x78};

bool push_client_connect(struct push_client *client, const char *path) {
  memset(client, 0, sizeof *client);
  client->fd = -1;
  buf_init(&client->in, 0);
  ws_receiver_init(&client->receiver, WS_CLIENT, (size_t)1 << 24);
  return fd_unix_connect(path, &client->fd, NULL) == BELFRY_OK;
}

void push_client_free(struct push_client *client) {
  fd_close(&client->fd);
  buf_fini(&client->in);
  ws_receiver_fini(&client->receiver);
}

void push_client_write(struct push_client *client, struct slice bytes) {
  while (bytes.len > 0) {
    ssize_t n = send(client->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN && fd_wait(client->fd, POLLOUT, ANSWER_MS) == BELFRY_OK)
      continue;
    if (n < 0)
      return; /* the peer has ended: what it said before is still there to be read */
    bytes.data += n;
    bytes.len -= (size_t)n;
  }
}

/* Returns: false at the end or when nothing came until `deadline_ms`. */
static bool read_more(struct push_client *client, int64_t deadline_ms, bool *ended) {
  int64_t left = deadline_ms - clock_monotonic_ms(&clock_system);
  *ended = false;
  if (fd_wait(client->fd, POLLIN, left > 0 ? (int)left : 0) != BELFRY_OK)
    return false;
  char *room = buf_reserve(&client->in, 65536);
  ssize_t n = recv(client->fd, room, 65536, 0);
  *ended = n <= 0;
  if (n > 0)
    buf_commit(&client->in, (size_t)n);
  return n > 0;
}

int push_client_status(struct push_client *client) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + ANSWER_MS;
  int status = 0;
  bool ended;
  for (;;) {
    char *end = client->in.len ? memmem(client->in.data, client->in.len, "\r\n\r\n", 4) : NULL;
    if (end) {
      size_t len = (size_t)(end - client->in.data) + 4;
      snprintf(client->head, sizeof client->head, "%.*s", (int)len, client->in.data);
      buf_consume(&client->in, len);
      return sscanf(client->head, "HTTP/1.1 %d", &status) == 1 ? status : 0;
    }
    if (!read_more(client, deadline_ms, &ended))
      return 0;
  }
}

json_t *push_client_body(struct push_client *client) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + ANSWER_MS;
  bool ended;
  while (read_more(client, deadline_ms, &ended))
    continue;
  return json_loadb(client->in.data ? client->in.data : "", client->in.len, 0, NULL);
}

int push_client_start(struct push_client *client, const char *target, const char *headers) {
  struct buf head;
  char key[WS_KEY_BYTES];
  buf_init(&head, 0);
  client->sse = strncmp(target, "/events", 7) == 0;
  buf_printf(&head, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s", target, headers);
  if (!client->sse) {
    ws_key_make(key);
    buf_printf(&head,
               "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: %s\r\n",
               key);
  }
  buf_put_text(&head, "\r\n");
  push_client_write(client, buf_slice(&head));
  buf_fini(&head);
  return push_client_status(client);
}

void push_client_say(struct push_client *client, const char *json) {
  struct buf frame;
  buf_init(&frame, 0);
  ws_put_frame(&frame, true, WS_TEXT, slice_of(json), mask);
  push_client_write(client, buf_slice(&frame));
  buf_fini(&frame);
}

static void take_json(struct push_message *message, struct slice text) {
  message->kind = PUSH_MESSAGE;
  message->json = json_loadb(text.data, text.len, 0, NULL);
  const char *name = json_string_value(json_object_get(message->json, "event"));
  snprintf(message->name, sizeof message->name, "%s", name ? name : "");
  message->id = json_integer_value(json_object_get(message->json, "id"));
}

/* Returns: whether there was a whole message. */
static bool take_frame(struct push_client *client, struct push_message *message) {
  struct slice input = buf_slice(&client->in);
  struct ws_event event;
  do {
    ws_receiver_take(&client->receiver, &input, &event);
    if (event.kind == WS_EVENT_PING && !client->deaf) {
      struct buf pong;
      buf_init(&pong, 0);
      ws_put_frame(&pong, true, WS_PONG, event.payload, mask);
      push_client_write(client, buf_slice(&pong));
      buf_fini(&pong);
    }
  } while (event.kind == WS_EVENT_PING || event.kind == WS_EVENT_PONG);
  if (event.kind == WS_EVENT_TEXT)
    take_json(message, event.payload);
  if (event.kind == WS_EVENT_CLOSE || event.kind == WS_EVENT_ERROR) {
    message->kind = PUSH_CLOSE;
    message->code = event.close_code;
  }
  buf_consume(&client->in, client->in.len - input.len);
  return event.kind != WS_EVENT_NONE;
}

/* Takes a block of lines up to an empty one. Blocks of comments alone are passed over. */
static bool take_block(struct push_client *client, struct push_message *message) {
  char *end;
  while (client->in.len && (end = memmem(client->in.data, client->in.len, "\n\n", 2))) {
    size_t len = (size_t)(end - client->in.data);
    struct slice rest = slice_new(client->in.data, len), line;
    bool any = false;
    while (slice_split(&rest, '\n', &line)) {
      struct slice value = line;
      if (slice_starts_with(line, "id: ")) {
        value.data += 4, value.len -= 4;
        snprintf(message->sse_id, sizeof message->sse_id, "%.*s", SLICE_ARG(value));
        any = true;
      } else if (slice_starts_with(line, "event: ")) {
        value.data += 7, value.len -= 7;
        snprintf(message->sse_event, sizeof message->sse_event, "%.*s", SLICE_ARG(value));
      } else if (slice_starts_with(line, "data: ")) {
        value.data += 6, value.len -= 6;
        take_json(message, value);
        any = true;
      }
    }
    buf_consume(&client->in, len + 2);
    message->kind = PUSH_MESSAGE;
    if (any)
      return true;
  }
  return false;
}

enum push_kind push_client_next(struct push_client *client, struct push_message *message,
                                int timeout_ms) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + timeout_ms;
  bool ended = false;
  json_decref(message->json);
  *message = (struct push_message){.kind = PUSH_SILENCE};
  for (;;) {
    if (client->sse ? take_block(client, message) : take_frame(client, message))
      return message->kind;
    if (!read_more(client, deadline_ms, &ended)) {
      message->kind = ended ? PUSH_END : PUSH_SILENCE;
      return message->kind;
    }
  }
}
