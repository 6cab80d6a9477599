/*
 * The appending client: one connection to belfry-historyd, with hello and batches pipelined.
 * history_client_append() waits; send, connect, poll and pump never do. Both sides of the file
 * share the same buffers, so a client is used in one of the two ways.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/ipc.h"
#include "history/append.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MAX       ((size_t)64 << 10)
#define QUEUE_MAX        ((size_t)128 << 20)
#define READ_BYTES       ((size_t)16 << 10)
#define RETRY_FIRST_MS   5
#define RETRY_LONGEST_MS 200

struct history_client {
  char *socket_path; /* owned */
  char *program;     /* owned */
  int fd;
  struct buf in, out;
  size_t sent; /* bytes of `out` that are gone already */
  uint32_t next_tag;
  uint32_t *open_tags; /* owned; sent and not answered, in order */
  size_t open_count, open_cap;
  int refused; /* what the hello was answered with, if not 0 */
  char refusal[BELFRY_ERROR_TEXT_BYTES];
};

int history_client_new(const char *socket_path, const char *program, struct history_client **out) {
  struct history_client *client = calloc(1, sizeof *client);
  if (!client)
    return BELFRY_ENOMEM;
  client->fd = -1;
  client->socket_path = strdup(socket_path);
  client->program = strdup(program);
  buf_init(&client->in, ANSWER_MAX * 4);
  buf_init(&client->out, QUEUE_MAX + HISTORY_PAYLOAD_MAX);
  if (!client->socket_path || !client->program) {
    history_client_free(client);
    return BELFRY_ENOMEM;
  }
  *out = client;
  return BELFRY_OK;
}

static void disconnect(struct history_client *client) {
  fd_close(&client->fd);
  buf_clear(&client->in);
  buf_clear(&client->out);
  client->sent = 0;
}

void history_client_free(struct history_client *client) {
  if (!client)
    return;
  disconnect(client);
  buf_fini(&client->in);
  buf_fini(&client->out);
  free(client->open_tags);
  free(client->socket_path);
  free(client->program);
  free(client);
}

int history_client_connect(struct history_client *client, struct belfry_error *error) {
  if (client->fd >= 0)
    return BELFRY_OK;
  disconnect(client);
  client->refused = BELFRY_OK;
  int status = fd_unix_connect(client->socket_path, &client->fd, error);
  if (status)
    return status;
  size_t mark = ipc_begin_frame(&client->out, HISTORY_VERB_HELLO, 0, 0);
  wire_put_u32(&client->out, HISTORY_PROTOCOL_VERSION);
  wire_put_slice(&client->out, slice_of(client->program));
  ipc_end_frame(&client->out, mark);
  status = buf_status(&client->out);
  if (status) {
    disconnect(client);
    return belfry_error_set(error, status, "out of memory while connecting to %s",
                            client->socket_path);
  }
  return BELFRY_OK;
}

static int remember_tag(struct history_client *client, uint32_t tag) {
  if (client->open_count == client->open_cap) {
    size_t cap = client->open_cap ? client->open_cap * 2 : 16;
    uint32_t *tags = realloc(client->open_tags, cap * sizeof *tags);
    if (!tags)
      return BELFRY_ENOMEM;
    client->open_tags = tags;
    client->open_cap = cap;
  }
  client->open_tags[client->open_count++] = tag;
  return BELFRY_OK;
}

/* Returns: false when no such tag is open. */
static bool forget_tag(struct history_client *client, uint32_t tag) {
  for (size_t i = 0; i < client->open_count; i++) {
    if (client->open_tags[i] != tag)
      continue;
    client->open_count--;
    memmove(&client->open_tags[i], &client->open_tags[i + 1],
            (client->open_count - i) * sizeof *client->open_tags);
    return true;
  }
  return false;
}

/* Writes what the socket takes. Returns: 0, or BELFRY_ECLOSED. */
static int flush(struct history_client *client) {
  while (client->sent < client->out.len) {
    ssize_t n = send(client->fd, client->out.data + client->sent, client->out.len - client->sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      break;
    if (n < 0)
      return BELFRY_ECLOSED;
    client->sent += (size_t)n;
  }
  if (client->sent == client->out.len) {
    buf_clear(&client->out);
    client->sent = 0;
  } else if (client->sent > client->out.len / 2) {
    buf_consume(&client->out, client->sent);
    client->sent = 0;
  }
  return BELFRY_OK;
}

/* Reads what is there. Returns: 0, BELFRY_ECLOSED or BELFRY_ENOMEM. */
static int fill(struct history_client *client) {
  for (;;) {
    char *room = buf_reserve(&client->in, READ_BYTES);
    if (!room)
      return buf_status(&client->in);
    ssize_t n = recv(client->fd, room, READ_BYTES, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return BELFRY_OK;
    if (n <= 0)
      return BELFRY_ECLOSED;
    buf_commit(&client->in, (size_t)n);
    if ((size_t)n < READ_BYTES)
      return BELFRY_OK;
  }
}

int history_client_send(struct history_client *client, const struct history_batch *batch,
                        uint32_t *tag) {
  if (client->fd < 0)
    return BELFRY_ECLOSED;
  int status = history_batch_status(batch);
  if (status)
    return status;
  if (batch->records.len + sizeof(uint32_t) > HISTORY_PAYLOAD_MAX)
    return BELFRY_ETOOBIG;
  if (client->out.len - client->sent > QUEUE_MAX)
    return BELFRY_EBUSY;
  /* Room first, so that running out of memory leaves no half frame behind. */
  if (!buf_reserve(&client->out, IPC_HEADER_BYTES + sizeof(uint32_t) + batch->records.len)) {
    status = buf_status(&client->out);
    client->out.status = BELFRY_OK;
    return status;
  }
  uint32_t mine = ++client->next_tag;
  status = remember_tag(client, mine);
  if (status)
    return status;
  size_t mark = ipc_begin_frame(&client->out, HISTORY_VERB_APPEND, 0, mine);
  wire_put_u32(&client->out, history_batch_count(batch));
  buf_put_slice(&client->out, buf_slice(&batch->records));
  ipc_end_frame(&client->out, mark);
  *tag = mine;
  (void)!flush(client); /* a connection that is lost shows in the next pump */
  return BELFRY_OK;
}

int history_client_poll(const struct history_client *client, short *events) {
  *events = (short)(POLLIN | (client->out.len > client->sent ? POLLOUT : 0));
  return client->fd;
}

static void answer(struct history_client *client, const struct ipc_frame *frame,
                   history_receipt_fn on_receipt, void *arg) {
  struct history_receipt receipt = {0};
  char text[BELFRY_ERROR_TEXT_BYTES] = "";
  int status = frame->status;
  if (!forget_tag(client, frame->tag))
    return;
  if (status)
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(frame->payload));
  else if (history_receipt_take(frame->payload, &receipt))
    status = BELFRY_EPROTO;
  on_receipt(arg, frame->tag, status, &receipt, text);
}

/* Handles the answers that have come. Returns: 0, BELFRY_EPROTO, or what the hello was refused
 * with. */
static int take_answers(struct history_client *client, history_receipt_fn on_receipt, void *arg) {
  size_t at = 0;
  int status;
  struct ipc_frame frame;
  while ((status = ipc_take_frame(&client->in, &at, ANSWER_MAX, &frame)) == BELFRY_OK) {
    if (frame.verb == HISTORY_VERB_APPEND) {
      answer(client, &frame, on_receipt, arg);
    } else if (frame.verb != HISTORY_VERB_HELLO) {
      return BELFRY_EPROTO;
    } else if (frame.status) {
      client->refused = frame.status;
      snprintf(client->refusal, sizeof client->refusal, "%.*s", SLICE_ARG(frame.payload));
      return frame.status;
    }
  }
  buf_consume(&client->in, at);
  return status == BELFRY_EMORE ? BELFRY_OK : BELFRY_EPROTO;
}

int history_client_pump(struct history_client *client, history_receipt_fn on_receipt, void *arg) {
  if (client->fd < 0)
    return BELFRY_ECLOSED;
  /* Answers that came before the end count, so they are taken before the end is looked at. */
  int flushed = flush(client);
  int filled = fill(client);
  int status = take_answers(client, on_receipt, arg);
  if (!status)
    status = filled ? filled : flushed;
  if (!status)
    return flush(client) ? BELFRY_ECLOSED : BELFRY_OK; /* the callbacks may have sent more */

  const char *text = client->refused ? client->refusal : "the connection to the history was lost";
  uint32_t *tags = client->open_tags; /* a callback may send again, once it has connected again */
  size_t count = client->open_count;
  client->open_tags = NULL;
  client->open_count = client->open_cap = 0;
  disconnect(client);
  for (size_t i = 0; i < count; i++)
    on_receipt(arg, tags[i], client->refused ? client->refused : BELFRY_ECLOSED,
               &(struct history_receipt){0}, text);
  free(tags);
  return status == BELFRY_EPROTO ? BELFRY_EPROTO : BELFRY_ECLOSED;
}

/* --- waiting --- */

struct waiting {
  bool answered;
  int status;
  struct history_receipt receipt;
  char text[BELFRY_ERROR_TEXT_BYTES];
};

static void on_awaited(void *arg, uint32_t tag, int status, const struct history_receipt *receipt,
                       const char *text) {
  struct waiting *waiting = arg;
  (void)tag;
  waiting->answered = true;
  waiting->status = status;
  waiting->receipt = *receipt;
  snprintf(waiting->text, sizeof waiting->text, "%s", text);
}

/* One try on the connection as it is. Returns: 0 once it was answered; BELFRY_ECLOSED when the
 * connection was lost, BELFRY_ETIMEDOUT, or why the batch cannot be sent. */
static int try_append(struct history_client *client, const struct history_batch *batch,
                      int64_t deadline_ms, struct waiting *waiting) {
  uint32_t tag;
  *waiting = (struct waiting){0};
  int status = history_client_send(client, batch, &tag);
  while (!status && !waiting->answered) {
    short events;
    int64_t left = deadline_ms - clock_monotonic_ms(&clock_system);
    if (left <= 0)
      return BELFRY_ETIMEDOUT;
    int fd = history_client_poll(client, &events);
    status = fd_wait(fd, events, (int)left);
    if (!status)
      status = history_client_pump(client, on_awaited, waiting);
  }
  /* An end of the connection answers the open tag too: that is no answer to the batch, except when
   * the hello was refused. */
  if (waiting->answered && waiting->status != BELFRY_ECLOSED)
    return BELFRY_OK;
  return status;
}

int history_client_append(struct history_client *client, const struct history_batch *batch,
                          int timeout_ms, struct history_receipt *receipt,
                          struct belfry_error *error) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + timeout_ms;
  int pause_ms = RETRY_FIRST_MS;
  bool was_sent = false;
  struct waiting waiting = {0};
  struct belfry_error why = {0};
  for (;;) {
    belfry_error_clear(&why);
    int status = history_client_connect(client, &why);
    if (!status) {
      was_sent = true;
      status = try_append(client, batch, deadline_ms, &waiting);
      if (!status) {
        *receipt = waiting.receipt;
        return waiting.status == BELFRY_OK
                   ? BELFRY_OK
                   : belfry_error_set(error, waiting.status, "%s",
                                      waiting.text[0] ? waiting.text
                                                      : belfry_strerror(waiting.status));
      }
      /* A late answer must not be taken for that of the next batch. */
      disconnect(client);
      client->open_count = 0;
      if (status == BELFRY_ETOOBIG || status == BELFRY_ENOMEM)
        return belfry_error_set(error, status, "the batch cannot be sent: %s",
                                belfry_strerror(status));
      if (status == BELFRY_EPROTO)
        return belfry_error_set(error, status, "the answer from %s makes no sense",
                                client->socket_path);
    }
    int64_t left = deadline_ms - clock_monotonic_ms(&clock_system);
    if (left <= 0)
      return was_sent ? belfry_error_set(error, BELFRY_ETIMEDOUT,
                                         "the history did not answer within %d ms", timeout_ms)
                      : belfry_error_set(error, BELFRY_ECLOSED, "the history does not listen: %s",
                                         why.text);
    poll(NULL, 0, left < pause_ms ? (int)left : pause_ms);
    pause_ms = pause_ms * 2 < RETRY_LONGEST_MS ? pause_ms * 2 : RETRY_LONGEST_MS;
  }
}
