#include "pushd/tcp.h"

#include "base/fd.h"
#include "pushd/client.h"
#include "pushd/h2.h"
#include "pushd/handshake.h"
#include "pushd/http1.h"
#include "pushd/hub.h"
#include "pushd/run.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define HANDSHAKES_TURN_US 5000 /* then what happens now has its turn */

static void watch(struct client *client) {
  int wanted = (client_wants_input(client) ? EV_READ : 0) | (client->blocked ? EV_WRITE : 0);
  if ((client->io.events & (EV_READ | EV_WRITE)) == wanted)
    return;
  ev_io_stop(client->hub->loop, &client->io);
  ev_io_set(&client->io, client->io.fd, wanted);
  ev_io_start(client->hub->loop, &client->io);
}

static void free_head(struct buf *head) {
  if (head)
    buf_fini(head);
  free(head);
}

/* --- out ---------------------------------------------------------------------------------------
 */

static ssize_t send_run(struct client *client, struct run *run) {
  struct msghdr message = {.msg_iov = run->iov, .msg_iovlen = (size_t)run->count};
  ssize_t written;
  do
    written = run->count == 1 ? send(client->io.fd, run->iov[0].iov_base, run->iov[0].iov_len,
                                     MSG_NOSIGNAL | MSG_DONTWAIT)
                              : sendmsg(client->io.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (written < 0 && errno == EINTR);
  return written;
}

static void flush(struct client *client) {
  struct run run;
  size_t total = 0;
  bool more = true;
  client->blocked = false;
  while (more && total < CLIENT_FLUSH_MAX_BYTES) {
    run_build(client, &run, CLIENT_FLUSH_MAX_BYTES - total);
    if (run.count > 0) {
      ssize_t written = send_run(client, &run);
      if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        client_drop(client);
        return;
      }
      if (written > 0)
        run_account(client, &run, (size_t)written);
      if (written < 0 || (size_t)written < run.bytes) {
        client->blocked = true;
        break;
      }
    }
    more = run_finish(client, &run);
    total += run.bytes;
  }
  client_written(client, more);
  if (client->state != CLIENT_DEAD)
    watch(client);
}

static const char *reason_phrase(int status) {
  switch (status) {
  case 101:
    return "Switching Protocols";
  case 200:
    return "OK";
  case 204:
    return "No Content";
  default:
    return handshake_title(status);
  }
}

static void answer(struct client *client, const struct answer *answer) {
  struct buf *own = client_own(client);
  if (!own)
    return;
  buf_printf(own, "HTTP/1.1 %d %s\r\n", answer->status, reason_phrase(answer->status));
  for (size_t i = 0; i < answer->header_count; i++)
    buf_printf(own, "%s: %s\r\n", answer->headers[i].name, answer->headers[i].value);
  if (answer->body.data)
    buf_printf(own, "Content-Length: %zu\r\n", answer->body.len);
  buf_printf(own, "Connection: %s\r\n\r\n",
             answer->status == 101   ? "upgrade"
             : answer->status == 426 ? "upgrade, close"
                                     : "close");
  if (!answer->head_only)
    buf_put_slice(own, answer->body);
}

/* A peer that is not listened to any more gets the end of the stream, and its bytes are read until
   it ends too: to close with bytes unread would reset the connection and lose our last ones. */
static void end(struct client *client, bool waits_for_close) {
  if (!waits_for_close)
    shutdown(client->io.fd, SHUT_WR);
}

static void drop(struct client *client) {
  int fd = client->io.fd;
  ev_io_stop(client->hub->loop, &client->io);
  fd_close(&fd);
  free_head(client->head);
  client->head = NULL;
}

static bool peer(const struct client *client, struct address *out) {
  return address_of_peer(client->io.fd, out);
}

/* A unix socket counts what its buffers take up, which is more than the bytes. */
static uint32_t untaken(const struct client *client) {
  int bytes = 0;
  return ioctl(client->io.fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint32_t)bytes : 0;
}

static const struct transport tcp_transport = {flush, answer, end, drop, peer, untaken, false};

/* --- in ----------------------------------------------------------------------------------------
 */

/* The head is complete, or wrong. What came behind it is the connection's already. */
static void take_head(struct client *client, const struct request *request, int status,
                      const char *error) {
  struct buf *head = client->head;
  client->head = NULL;
  if (status)
    handshake_refuse(client, request, status, error);
  else
    handshake_decide(client, request);
  size_t behind = head->len - request->head_bytes;
  if (!status && client->state == CLIENT_OPEN && behind)
    client_take(client, slice_new(head->data + request->head_bytes, behind));
  free_head(head);
  client_flush(client);
}

enum preface { PREFACE_NONE, PREFACE_PART, PREFACE_WHOLE };

/* Whether these are the first bytes of a peer that speaks HTTP/2. */
static enum preface find_preface(struct slice bytes) {
  size_t len = strlen(H2_PREFACE), common = bytes.len < len ? bytes.len : len;
  if (memcmp(bytes.data, H2_PREFACE, common) != 0)
    return PREFACE_NONE;
  return common == len ? PREFACE_WHOLE : PREFACE_PART;
}

/* The socket goes over to h2.c, whose streams are the clients; this one has been none. */
static void become_http2(struct client *client) {
  int fd = client->io.fd;
  ev_io_stop(client->hub->loop, &client->io);
  ev_io_set(&client->io, -1, 0);
  h2_start(client->hub, fd, buf_slice(client->head));
  client_drop(client);
}

static void take_head_bytes(struct client *client, struct slice bytes) {
  if (!client->head) {
    client->head = malloc(sizeof *client->head);
    if (!client->head) {
      client_drop(client);
      return;
    }
    /* One read more than the head may be, so that it is the parser who says that it is too long. */
    buf_init(client->head, REQUEST_HEAD_MAX_BYTES + HUB_READ_BYTES);
  }
  buf_put_slice(client->head, bytes);
  if (buf_status(client->head)) {
    client_drop(client);
    return;
  }
  enum preface preface = find_preface(buf_slice(client->head));
  if (preface == PREFACE_WHOLE)
    become_http2(client);
  if (preface != PREFACE_NONE)
    return;
  struct request request = {0};
  const char *error = NULL;
  size_t scanned = client->head_scanned;
  int status = http1_parse(buf_slice(client->head), &scanned, &request, &error);
  client->head_scanned = (uint32_t)scanned;
  if (status != BELFRY_EMORE)
    take_head(client, &request, status, error);
}

static void on_readable(struct client *client) {
  struct hub *hub = client->hub;
  bool opening = client->state == CLIENT_HANDSHAKE;
  if (opening && hub->handshakes_took_us >= HANDSHAKES_TURN_US)
    return; /* it is readable in the next turn too */
  ssize_t n = recv(client->io.fd, hub->input, sizeof hub->input, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return;
  if (n <= 0) {
    client_drop(client);
    return;
  }
  struct slice bytes = slice_new(hub->input, (size_t)n);
  hub->figures.received_bytes += (uint64_t)n;
  if (!opening) {
    client_take(client, bytes);
    return;
  }
  int64_t start_us = clock_monotonic_us(hub->clock);
  take_head_bytes(client, bytes);
  hub->handshakes_took_us += clock_monotonic_us(hub->clock) - start_us;
}

static void on_io(struct ev_loop *loop, ev_io *io, int events) {
  (void)loop;
  struct client *client = io->data;
  if (events & EV_READ)
    on_readable(client);
  if (client->state == CLIENT_DEAD || !(events & EV_WRITE))
    return;
  client_writable(client);
  watch(client);
}

void tcp_accept(struct hub *hub, int fd) {
  struct client *client = client_new(hub, &tcp_transport);
  if (!client) {
    fd_close(&fd);
    return;
  }
  ev_io_init(&client->io, on_io, fd, EV_READ);
  client->io.data = client;
  ev_io_start(hub->loop, &client->io);
}
