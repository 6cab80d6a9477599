/*
 * How bytes go out: nghttp2 says which stream may send, and how much; the client's run gives the
 * pieces at that moment; the frames of many streams are gathered into one write of the connection.
 * So a stream whose window is shut costs nothing but its client's cursor staying where it is.
 * Nothing is written from within a callback of nghttp2, and hardly anything while the hub goes over
 * its clients: a connection with something to write does it after that, or before the loop waits
 * again.
 */
#include "pushd/h2.h"

#include "base/address.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "pushd/behind.h"
#include "pushd/client.h"
#include "pushd/gather.h"
#include "pushd/h2_head.h"
#include "pushd/handshake.h"
#include "pushd/hub.h"
#include "pushd/run.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "config.h"

/* What a proxy has clients for beyond this goes over another connection: one that is full of bytes
   delays all of its streams. */
#define STREAMS_MAX         1000
#define STREAM_WINDOW_BYTES 16384  /* messages may be longer: the window opens as they are taken */
#define HEAD_BYTES_LOST     65536  /* a head of so many bytes ends the connection */
#define ACKS_MAX            100    /* of PING and SETTINGS, that wait to be written */
#define QUEUE_MAX           1000   /* control frames; with more that wait it is not read from */
#define READ_BYTES          16384  /* at once */
#define WRITE_BYTES         262144 /* at once; then others have their turn */
#define HANDSHAKES_TURN_US  5000
#define CONTROL_BYTES       20000 /* the most that nghttp2 gives at once, and some more */
#define DATA_BYTES          16384 /* of one frame */
#define FRAME_HEAD_BYTES    9

/* A peer may give up streams that it has just begun, but not all the time: each was an answered
   request. With more than so many within RESETS_MS it may begin no further ones; those that are
   open go on, for behind a proxy they are of others. */
#define RESETS_MAX     1000
#define RESETS_MS      10000
#define RESET_YOUNG_MS 2000

/* nghttp2 has a limit of its own, for young and old ones. A proxy whose clients all leave, and come
   back, gives up as many as it has, again and again. */
#define RESETS_BURST      (10 * STREAMS_MAX)
#define RESETS_PER_SECOND STREAMS_MAX

#define CHECK_SECONDS     1.
#define GREETING_MS       10000 /* for the preface and the first SETTINGS, and for a head */
#define IDLE_MS           60000 /* without a stream */
#define IDLE_MAX          256 /* connections without a stream; the one that is idle longest goes */
#define SILENT_MS         30000 /* then the peer is asked for a sign of life ... */
#define LOST_MS           60000 /* ... and then it is lost */
#define LINGER_MS         2000

struct h2_stream {
  struct h2_connection *connection;
  struct client *client; /* NULL: it is gone */
  struct h2_stream *next, **link;
  int32_t id;
  uint32_t begun;        /* tick */
  uint32_t held;         /* bytes of the peer that its window is not opened again for */
  bool is_websocket : 1; /* it asked for that */
  bool is_open : 1;      /* it was let in */
  bool drained : 1;      /* the client has nothing to be sent */
  bool complete : 1;     /* ... and everything it had was sent; nothing follows */
  bool ending : 1;       /* END_STREAM follows what is there */
  bool ended : 1;        /* it was sent */
  bool peer_ended : 1;
  bool given_up : 1; /* by us, with RST_STREAM */
};

struct h2_connection {
  ev_io io;
  ev_prepare turn_end; /* active while something may have to be written, or it is to be freed */
  struct h2 *h2;
  struct h2_connection *next, **link;
  nghttp2_session *session;
  struct h2_stream *streams;
  uint32_t stream_count;
  struct h2_head *head; /* that comes in; NULL: none */
  size_t trailer_bytes;
  struct buf rest; /* of what was gathered: the socket did not take it yet */

  /* Ticks. */
  uint32_t begun, heard_at, idle_since, head_since, linger_until, resets_since;
  uint32_t resets;
  bool greeted : 1;
  bool begins : 1;     /* what was read last held requests */
  bool pinged : 1;     /* since it was heard last */
  bool unfinished : 1; /* it had its share, and has more to write */
  bool stopping : 1;   /* ends with its last stream */
  bool lingering : 1;  /* everything is said; waits for the peer's end */
  bool lost : 1;       /* to be freed at the end of the turn */
  bool inside : 1;     /* a call of nghttp2 is under way */
};

/* All connections, and what they use one after the other. */
struct h2 {
  struct hub *hub;
  struct h2_connection *connections;
  uint32_t connection_count;
  ev_timer check;
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *option;
  struct run run; /* between the two callbacks for a DATA frame */
  struct gather gather;
};

static struct hub *hub_of(const struct h2_connection *connection) {
  return connection->h2->hub;
}

static void write_soon(struct h2_connection *connection) {
  ev_prepare_start(hub_of(connection)->loop, &connection->turn_end);
}

static void lose(struct h2_connection *connection, const char *why) {
  if (!connection->lost)
    log_debug("an HTTP/2 connection ends: %s", why);
  connection->lost = true;
  write_soon(connection);
}

/* Says goodbye, and that streams up to the last that was begun were seen. */
static void terminate(struct h2_connection *connection, uint32_t code) {
  if (nghttp2_session_terminate_session(connection->session, code))
    lose(connection, "out of memory");
  write_soon(connection);
}

/* --- streams -----------------------------------------------------------------------------------
 */

/* Lets nghttp2 ask the stream for bytes; one that is asked anyway is fine. */
static void resume(struct h2_stream *stream) {
  int status = nghttp2_session_resume_data(stream->connection->session, stream->id);
  if (status == NGHTTP2_ERR_NOMEM)
    lose(stream->connection, "out of memory");
  write_soon(stream->connection);
}

static void reset(struct h2_connection *connection, int32_t id, uint32_t code) {
  if (nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, id, code))
    lose(connection, "out of memory");
  write_soon(connection);
}

static void give_up(struct h2_stream *stream, uint32_t code) {
  if (!stream->given_up)
    reset(stream->connection, stream->id, code);
  stream->given_up = true;
}

static struct h2_stream *new_stream(struct h2_connection *connection, int32_t id) {
  struct hub *hub = hub_of(connection);
  struct h2_stream *stream = calloc(1, sizeof *stream);
  struct client *client = stream ? client_new(hub, &h2_transport) : NULL;
  if (!client) {
    free(stream);
    return NULL;
  }
  stream->connection = connection;
  stream->client = client;
  stream->id = id;
  stream->begun = hub_tick(hub);
  stream->next = connection->streams;
  if (stream->next)
    stream->next->link = &stream->next;
  stream->link = &connection->streams;
  connection->streams = stream;
  connection->stream_count++;
  client->stream = stream;
  return stream;
}

/* Its client goes with it. */
static void free_stream(struct h2_stream *stream) {
  struct h2_connection *connection = stream->connection;
  struct client *client = stream->client;
  *stream->link = stream->next;
  if (stream->next)
    stream->next->link = stream->link;
  if (--connection->stream_count == 0)
    connection->idle_since = hub_tick(hub_of(connection));
  free(stream);
  if (client) {
    client->stream = NULL;
    client_drop(client);
  }
}

/* Streams come and go faster than any good peer's. */
static void count_reset(struct h2_connection *connection) {
  struct hub *hub = hub_of(connection);
  uint32_t now = hub_tick(hub);
  if (now - connection->resets_since > RESETS_MS / WHEEL_TICK_MS) {
    connection->resets_since = now;
    connection->resets = 0;
  }
  if (++connection->resets != RESETS_MAX || connection->stopping)
    return;
  log_notice("a peer that gives up its HTTP/2 streams too fast may begin no more of them");
  connection->stopping = true;
  if (nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE,
                            nghttp2_session_get_last_proc_stream_id(connection->session),
                            NGHTTP2_ENHANCE_YOUR_CALM, NULL, 0))
    lose(connection, "out of memory");
  write_soon(connection);
}

/* --- out: what nghttp2 asks --------------------------------------------------------------------
 */

/* Puts the stream's next run together. Returns: whether there is one. */
static bool build_run(struct h2_stream *stream, size_t max_bytes) {
  struct client *client = stream->client;
  struct run *run = &stream->connection->h2->run;
  bool more = true;
  while (more) {
    run_build(client, run, max_bytes);
    if (run->count > 0)
      return true;
    more = run_finish(client, run);
  }
  stream->drained = true;
  client->blocked = false;
  client_written(client, false);
  return false;
}

static ssize_t on_data_wanted(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t length,
                              uint32_t *flags, nghttp2_data_source *source, void *arg) {
  struct h2_connection *connection = arg;
  struct h2_stream *stream = source->ptr;
  const struct run *run = &connection->h2->run;
  (void)session;
  (void)id;
  (void)bytes;
  if (stream->client && !stream->drained && !stream->ending && build_run(stream, length)) {
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)(run->bytes < length ? run->bytes : length);
  }
  if (!stream->ending)
    return NGHTTP2_ERR_DEFERRED;
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  return 0;
}

/* Whether whatever nghttp2 gives next can be gathered. */
static bool has_room(const struct h2 *h2) {
  return gather_has_room(&h2->gather, RUN_PIECES_MAX + 1, CONTROL_BYTES);
}

/* Opens the peer's window for what it sent while its answers waited. */
static void release_held(struct h2_stream *stream) {
  if (!stream->held || !stream->client || !client_wants_input(stream->client))
    return;
  if (nghttp2_session_consume_stream(stream->connection->session, stream->id, stream->held) ==
      NGHTTP2_ERR_NOMEM)
    lose(stream->connection, "out of memory");
  stream->held = 0;
}

static int on_data_to_be_sent(nghttp2_session *session, nghttp2_frame *frame,
                              const uint8_t *frame_head, size_t length, nghttp2_data_source *source,
                              void *arg) {
  struct h2_connection *connection = arg;
  struct h2 *h2 = connection->h2;
  struct h2_stream *stream = source->ptr;
  struct client *client = stream->client;
  const struct run *run = &h2->run;
  (void)session;
  (void)frame;
  gather_copy(&h2->gather, frame_head, FRAME_HEAD_BYTES);
  size_t left = length;
  for (int i = 0; left > 0; i++) {
    size_t len = run->iov[i].iov_len < left ? run->iov[i].iov_len : left;
    if (run->pieces[i].frame)
      gather_frame(&h2->gather, run->pieces[i].frame, run->iov[i].iov_base, len);
    else
      gather_copy(&h2->gather, run->iov[i].iov_base, len);
    left -= len;
  }
  run_account(client, run, length);
  bool more = length < run->bytes || run_finish(client, run);
  stream->drained = !more;
  client->blocked = more;
  client_written(client, false);
  release_held(stream);
  return has_room(h2) ? 0 : NGHTTP2_ERR_PAUSE;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg) {
  struct h2_connection *connection = arg;
  struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (frame->hd.type == NGHTTP2_RST_STREAM && (!stream || !stream->given_up)) {
    hub_of(connection)->figures.http2_resets++;
    count_reset(connection); /* nghttp2 found it wrong */
  }
  bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
              (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
  if (!stream || !ends)
    return 0;
  stream->ended = true;
  /* The peer of a WebSocket ends it too; what others may still send is of no interest. */
  if (!stream->peer_ended && !(stream->client && stream->is_open))
    give_up(stream, NGHTTP2_NO_ERROR);
  return 0;
}

/* Gathers what nghttp2 has to be sent. `*more`: there may be more than found room. */
static int fill(struct h2_connection *connection, bool *more) {
  struct h2 *h2 = connection->h2;
  const uint8_t *bytes;
  *more = true;
  while (has_room(h2)) {
    connection->inside = true;
    ssize_t n = nghttp2_session_mem_send(connection->session, &bytes);
    connection->inside = false;
    if (n < 0) {
      log_debug("nghttp2 cannot send: %s", nghttp2_strerror((int)n));
      return BELFRY_EPROTO;
    }
    if (n > 0) {
      gather_copy(&h2->gather, bytes, (size_t)n);
    } else if (has_room(h2)) { /* else it has only paused */
      *more = false;
      break;
    }
  }
  return BELFRY_OK;
}

/* Writes what an earlier gathering left. */
static int send_rest(struct h2_connection *connection) {
  struct buf *rest = &connection->rest;
  ssize_t written;
  if (rest->len == 0)
    return BELFRY_OK;
  do
    written = send(connection->io.fd, rest->data, rest->len, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (written < 0 && errno == EINTR);
  if (written < 0)
    return errno == EAGAIN || errno == EWOULDBLOCK ? BELFRY_OK : BELFRY_ECLOSED;
  buf_consume(rest, (size_t)written);
  if (rest->len == 0)
    buf_fini(rest);
  return BELFRY_OK;
}

static void write_now(struct h2_connection *connection) {
  struct h2 *h2 = connection->h2;
  size_t total = 0;
  bool more = true;
  int status = send_rest(connection);
  while (!status && more && connection->rest.len == 0 && total < WRITE_BYTES) {
    status = fill(connection, &more);
    total += h2->gather.bytes;
    if (!status)
      status = gather_send(&h2->gather, connection->io.fd, &connection->rest);
  }
  gather_clear(&h2->gather);
  connection->unfinished = more;
  if (status)
    lose(connection, belfry_strerror(status));
}

/* --- out: what the client asks -----------------------------------------------------------------
 */

static void flush(struct client *client) {
  struct h2_stream *stream = client->stream;
  if (!stream)
    return;
  struct h2_connection *connection = stream->connection;
  stream->drained = false;
  client->blocked = true;
  resume(stream);
  /* A page of the history is there only now; the ring stays. */
  if (!ring_holds(&client->hub->ring, client->cursor) && behind_page(client->hub, client) &&
      !connection->inside && !connection->lost)
    write_now(connection);
}

static bool is_of_connection(const char *name) {
  return strcasecmp(name, "upgrade") == 0 || strcasecmp(name, "connection") == 0;
}

static nghttp2_nv field(const char *name, const char *value) {
  union {
    const char *in;
    uint8_t *out;
  } name_bytes = {name}, value_bytes = {value}; /* nghttp2 copies them */
  return (nghttp2_nv){.name = name_bytes.out,
                      .namelen = strlen(name),
                      .value = value_bytes.out,
                      .valuelen = strlen(value)};
}

static void answer(struct client *client, const struct answer *answer) {
  struct h2_stream *stream = client->stream;
  nghttp2_nv fields[ANSWER_HEADERS_MAX + 2];
  size_t count = 0;
  char status[16], length[32];
  bool has_body = answer->body.data && !answer->head_only;
  snprintf(status, sizeof status, "%d", answer->status);
  fields[count++] = field(":status", status);
  for (size_t i = 0; i < answer->header_count; i++)
    if (!is_of_connection(answer->headers[i].name))
      fields[count++] = field(answer->headers[i].name, answer->headers[i].value);
  if (answer->body.data) {
    snprintf(length, sizeof length, "%zu", answer->body.len);
    fields[count++] = field("content-length", length);
  }
  struct buf *own = has_body ? client_own(client) : NULL;
  if (own)
    buf_put_slice(own, answer->body);
  nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = on_data_wanted};
  bool has_data = answer->stays || has_body;
  stream->is_open = answer->stays;
  if (nghttp2_submit_response(stream->connection->session, stream->id, fields, count,
                              has_data ? &provider : NULL))
    lose(stream->connection, "out of memory");
  write_soon(stream->connection);
}

static void end(struct client *client, bool waits_for_close) {
  struct h2_stream *stream = client->stream;
  if (!stream)
    return;
  stream->complete = true;
  if (waits_for_close)
    return;
  stream->ending = true;
  resume(stream);
}

static void drop(struct client *client) {
  struct h2_stream *stream = client->stream;
  if (!stream)
    return;
  client->stream = NULL;
  stream->client = NULL;
  if (stream->ended) {
    if (!stream->peer_ended)
      give_up(stream, NGHTTP2_NO_ERROR);
  } else if (stream->complete || (stream->peer_ended && !client->partial)) {
    stream->ending = true;
    resume(stream);
  } else {
    give_up(stream, NGHTTP2_CANCEL);
  }
}

static bool peer(const struct client *client, struct address *out) {
  return client->stream && address_of_peer(client->stream->connection->io.fd, out);
}

/* What its window lacks. A peer may wait with opening it until half of it is used up. */
static uint32_t untaken(const struct client *client) {
  const struct h2_stream *stream = client->stream;
  if (!stream)
    return 0;
  nghttp2_session *session = stream->connection->session;
  int64_t whole =
      nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
  int64_t used = whole - nghttp2_session_get_stream_remote_window_size(session, stream->id);
  return used > whole / 2 ? (uint32_t)used : 0;
}

const struct transport h2_transport = {flush, answer, end, drop, peer, untaken, true};

/* --- in: what nghttp2 tells --------------------------------------------------------------------
 */

static void free_head(struct h2_connection *connection) {
  if (connection->head)
    h2_head_fini(connection->head);
  free(connection->head);
  connection->head = NULL;
}

/* It is complete, or it is malformed. */
static void end_head(struct h2_connection *connection) {
  free_head(connection);
  connection->head_since = 0;
}

static int on_head_begun(nghttp2_session *session, const nghttp2_frame *frame, void *arg) {
  struct h2_connection *connection = arg;
  (void)session;
  free_head(connection);
  connection->trailer_bytes = 0;
  connection->head_since = hub_tick(hub_of(connection));
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
    return 0; /* trailers, which say nothing to us */
  connection->head = malloc(sizeof *connection->head);
  if (!connection->head)
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  h2_head_init(connection->head);
  return 0;
}

static int on_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                    void *arg) {
  struct h2_connection *connection = arg;
  size_t *bytes = connection->head ? &connection->head->bytes : &connection->trailer_bytes;
  (void)session;
  (void)frame;
  (void)flags;
  if (connection->head)
    h2_head_add(connection->head, slice_new((const char *)name, name_len),
                slice_new((const char *)value, value_len));
  else
    *bytes += name_len + value_len + H2_HEAD_FIELD_OVERHEAD;
  return *bytes > HEAD_BYTES_LOST ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* nghttp2 would pass over it; a head with such a field is malformed (RFC 9113, 8.1.1). */
static int on_wrong_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                          size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                          void *arg) {
  (void)session, (void)frame, (void)name, (void)name_len, (void)value, (void)value_len;
  (void)flags;
  end_head(arg);
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_wrong_frame(nghttp2_session *session, const nghttp2_frame *frame, int code,
                          void *arg) {
  (void)session, (void)code;
  if (frame->hd.type == NGHTTP2_HEADERS)
    end_head(arg);
  return 0;
}

static void begin_stream(struct h2_connection *connection, int32_t id, bool peer_ended) {
  struct hub *hub = hub_of(connection);
  struct request request;
  const char *error = NULL;
  int64_t start_us = clock_monotonic_us(hub->clock);
  int status = h2_head_finish(connection->head, &request, &error);
  connection->begins = true;
  struct h2_stream *stream = new_stream(connection, id);
  if (!stream || nghttp2_session_set_stream_user_data(connection->session, id, stream)) {
    reset(connection, id, NGHTTP2_REFUSED_STREAM);
    if (stream)
      free_stream(stream);
    return;
  }
  /* All are served in turn, whatever the peer thinks of their importance. */
  const nghttp2_extpri priority = {.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
  if (nghttp2_session_change_extpri_stream_priority(connection->session, id, &priority, 1))
    log_debug("nghttp2 does not take a stream's priority");
  stream->is_websocket = request.protocol.data;
  stream->peer_ended = peer_ended;
  struct client *client = stream->client;
  if (status)
    handshake_refuse(client, &request, status, error);
  else
    handshake_decide(client, &request);
  client_flush(client);
  hub->handshakes_took_us += clock_monotonic_us(hub->clock) - start_us;
}

/* The peer has ended a stream, which a WebSocket does after its close frame, if it is in order. */
static void on_peer_end(nghttp2_session *session, int32_t id) {
  struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
  if (!stream)
    return;
  stream->peer_ended = true;
  if (stream->client && stream->is_websocket && stream->is_open)
    client_drop(stream->client);
}

static void on_peer_reset(struct h2_connection *connection, int32_t id) {
  const struct h2_stream *stream = nghttp2_session_get_stream_user_data(connection->session, id);
  hub_of(connection)->figures.http2_resets++;
  if (!stream || hub_tick(hub_of(connection)) - stream->begun <= RESET_YOUNG_MS / WHEEL_TICK_MS)
    count_reset(connection);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg) {
  struct h2_connection *connection = arg;
  int32_t id = frame->hd.stream_id;
  bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
              (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
  if (frame->hd.type == NGHTTP2_SETTINGS)
    connection->greeted = true;
  else if (frame->hd.type == NGHTTP2_RST_STREAM)
    on_peer_reset(connection, id);
  else if (frame->hd.type == NGHTTP2_HEADERS && connection->head &&
           frame->headers.cat == NGHTTP2_HCAT_REQUEST)
    begin_stream(connection, id, ends);
  if (frame->hd.type == NGHTTP2_HEADERS)
    end_head(connection);
  if (ends)
    on_peer_end(session, id);
  return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *arg) {
  struct h2_connection *connection = arg;
  struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
  (void)flags;
  /* One stream whose bytes wait must not stop the others. */
  if (nghttp2_session_consume_connection(session, len))
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (!stream)
    return 0;
  stream->held += (uint32_t)len;
  /* A body that nobody asked for ends at the stream's window. */
  if (!stream->is_websocket)
    return 0;
  if (stream->client)
    client_take(stream->client, slice_new((const char *)bytes, len));
  release_held(stream);
  write_soon(connection);
  return 0;
}

static int on_stream_closed(nghttp2_session *session, int32_t id, uint32_t code, void *arg) {
  struct h2_connection *connection = arg;
  struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
  (void)code;
  if (stream)
    free_stream(stream);
  if (connection->stopping && connection->stream_count == 0)
    terminate(connection, NGHTTP2_NO_ERROR);
  return 0;
}

static int on_error(nghttp2_session *session, int code, const char *text, size_t len, void *arg) {
  (void)session, (void)code, (void)arg;
  log_debug("HTTP/2: %.*s", (int)len, text);
  return 0;
}

/* --- connections -------------------------------------------------------------------------------
 */

static void free_connection(struct h2_connection *connection) {
  struct h2 *h2 = connection->h2;
  struct ev_loop *loop = h2->hub->loop;
  int fd = connection->io.fd;
  ev_io_stop(loop, &connection->io);
  ev_prepare_stop(loop, &connection->turn_end);
  while (connection->streams)
    free_stream(connection->streams);
  nghttp2_session_del(connection->session);
  free_head(connection);
  buf_fini(&connection->rest);
  fd_close(&fd);
  *connection->link = connection->next;
  if (connection->next)
    connection->next->link = connection->link;
  if (--h2->connection_count == 0)
    ev_timer_stop(loop, &h2->check);
  free(connection);
}

static void watch(struct h2_connection *connection) {
  bool full = nghttp2_session_get_outbound_queue_size(connection->session) > QUEUE_MAX;
  bool writes = connection->rest.len > 0 || connection->unfinished;
  int wanted = (full ? 0 : EV_READ) | (writes ? EV_WRITE : 0);
  if ((connection->io.events & (EV_READ | EV_WRITE)) == wanted)
    return;
  ev_io_stop(hub_of(connection)->loop, &connection->io);
  ev_io_set(&connection->io, connection->io.fd, wanted);
  ev_io_start(hub_of(connection)->loop, &connection->io);
}

/* Everything is said. Bytes of the peer are read until it ends too: to close with some unread would
   lose our last ones. */
static void linger(struct h2_connection *connection) {
  connection->lingering = true;
  connection->linger_until = hub_tick_in(hub_of(connection), LINGER_MS);
  while (connection->streams)
    free_stream(connection->streams);
  shutdown(connection->io.fd, SHUT_WR);
}

/* Before the loop waits again. */
static void on_turn_end(struct ev_loop *loop, ev_prepare *prepare, int events) {
  struct h2_connection *connection = prepare->data;
  (void)events;
  ev_prepare_stop(loop, &connection->turn_end);
  if (!connection->lost && !connection->lingering)
    write_now(connection);
  if (connection->lost) {
    free_connection(connection);
    return;
  }
  if (!connection->lingering && !connection->rest.len &&
      !nghttp2_session_want_read(connection->session) &&
      !nghttp2_session_want_write(connection->session))
    linger(connection);
  watch(connection);
}

static void take(struct h2_connection *connection, struct slice bytes) {
  struct hub *hub = hub_of(connection);
  connection->heard_at = hub_tick(hub);
  connection->pinged = connection->begins = false;
  connection->inside = true;
  ssize_t n = nghttp2_session_mem_recv(connection->session, (const uint8_t *)bytes.data, bytes.len);
  connection->inside = false;
  if (n < 0)
    lose(connection, nghttp2_strerror((int)n));
  write_soon(connection);
}

static void on_readable(struct h2_connection *connection) {
  struct hub *hub = hub_of(connection);
  if (connection->begins && hub->handshakes_took_us >= HANDSHAKES_TURN_US)
    return; /* it is readable in the next turn too */
  ssize_t n = recv(connection->io.fd, hub->input, READ_BYTES, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return;
  hub->figures.received_bytes += n > 0 ? (uint64_t)n : 0;
  if (n <= 0)
    lose(connection, n ? strerror(errno) : "the peer has closed it");
  else if (!connection->lingering)
    take(connection, slice_new(hub->input, (size_t)n));
}

static void on_io(struct ev_loop *loop, ev_io *io, int events) {
  struct h2_connection *connection = io->data;
  (void)loop;
  if (events & EV_READ)
    on_readable(connection);
  if (events & EV_WRITE)
    write_soon(connection);
}

static bool is_past(uint32_t now, uint32_t since, uint32_t ms) {
  return now - since > ms / WHEEL_TICK_MS;
}

static void check_connection(struct h2_connection *connection, uint32_t now) {
  if (connection->lingering) {
    if (now > connection->linger_until)
      lose(connection, "the peer does not close it");
  } else if ((!connection->greeted && is_past(now, connection->begun, GREETING_MS)) ||
             (connection->head_since && is_past(now, connection->head_since, GREETING_MS))) {
    lose(connection, "the peer does not go on");
  } else if (is_past(now, connection->heard_at, LOST_MS)) {
    lose(connection, "the peer is silent");
  } else if (connection->stream_count == 0 && is_past(now, connection->idle_since, IDLE_MS)) {
    terminate(connection, NGHTTP2_NO_ERROR);
  } else if (!connection->pinged && is_past(now, connection->heard_at, SILENT_MS)) {
    connection->pinged = true;
    if (nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, NULL))
      lose(connection, "out of memory");
    write_soon(connection);
  }
}

static void on_check(struct ev_loop *loop, ev_timer *timer, int events) {
  struct h2 *h2 = timer->data;
  uint32_t now = hub_tick(h2->hub);
  (void)loop;
  (void)events;
  for (struct h2_connection *connection = h2->connections; connection;
       connection = connection->next)
    check_connection(connection, now);
}

/* Too many connections without a stream: the one that is idle longest makes room. */
static void shed_idle(struct h2 *h2) {
  struct h2_connection *oldest = NULL;
  uint32_t count = 0;
  for (struct h2_connection *connection = h2->connections; connection;
       connection = connection->next) {
    if (connection->stream_count || connection->lost)
      continue;
    count++;
    if (!oldest || connection->idle_since <= oldest->idle_since)
      oldest = connection;
  }
  if (count > IDLE_MAX)
    lose(oldest, "too many are idle");
}

/* --- beginning and end -------------------------------------------------------------------------
 */

static int make_callbacks(struct h2 *h2) {
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *option;
  if (nghttp2_session_callbacks_new(&h2->callbacks) || nghttp2_option_new(&h2->option))
    return BELFRY_ENOMEM;
  callbacks = h2->callbacks;
  nghttp2_session_callbacks_set_send_data_callback(callbacks, on_data_to_be_sent);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_head_begun);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_field);
  nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_wrong_field);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_wrong_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
  nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
  option = h2->option;
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
#ifdef HAVE_NGHTTP2_OPTION_SET_STREAM_RESET_RATE_LIMIT
  nghttp2_option_set_stream_reset_rate_limit(option, RESETS_BURST, RESETS_PER_SECOND);
#endif
  return BELFRY_OK;
}

static void free_h2(struct h2 *h2) {
  if (!h2)
    return;
  nghttp2_session_callbacks_del(h2->callbacks);
  nghttp2_option_del(h2->option);
  free(h2);
}

static struct h2 *get_h2(struct hub *hub) {
  if (hub->h2)
    return hub->h2;
  struct h2 *h2 = calloc(1, sizeof *h2);
  if (!h2 || make_callbacks(h2)) {
    free_h2(h2);
    return NULL;
  }
  h2->hub = hub;
  ev_timer_init(&h2->check, on_check, CHECK_SECONDS, CHECK_SECONDS);
  h2->check.data = h2;
  hub->h2 = h2;
  return h2;
}

static int make_session(struct h2_connection *connection) {
  static const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}, /* never to be withdrawn */
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, REQUEST_HEAD_MAX_BYTES},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  struct h2 *h2 = connection->h2;
  if (nghttp2_session_server_new2(&connection->session, h2->callbacks, connection, h2->option))
    return BELFRY_ENOMEM;
  if (nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings,
                              sizeof settings / sizeof *settings))
    return BELFRY_ENOMEM;
  return BELFRY_OK;
}

void h2_start(struct hub *hub, int fd, struct slice bytes) {
  struct h2 *h2 = get_h2(hub);
  struct h2_connection *connection = h2 ? calloc(1, sizeof *connection) : NULL;
  if (connection)
    connection->h2 = h2;
  if (!connection || make_session(connection)) {
    if (connection)
      nghttp2_session_del(connection->session);
    free(connection);
    fd_close(&fd);
    return;
  }
  ev_io_init(&connection->io, on_io, fd, EV_READ);
  connection->io.data = connection;
  ev_prepare_init(&connection->turn_end, on_turn_end);
  connection->turn_end.data = connection;
  buf_init(&connection->rest, 0);
  connection->begun = connection->heard_at = connection->idle_since = connection->resets_since =
      hub_tick(hub);
  connection->next = h2->connections;
  if (connection->next)
    connection->next->link = &connection->next;
  connection->link = &h2->connections;
  h2->connections = connection;
  if (h2->connection_count++ == 0)
    ev_timer_again(hub->loop, &h2->check);
  if (h2->connection_count > IDLE_MAX)
    shed_idle(h2);
  ev_io_start(hub->loop, &connection->io);
  take(connection, bytes);
}

void h2_write(struct hub *hub) {
  for (struct h2_connection *connection = hub->h2 ? hub->h2->connections : NULL; connection;
       connection = connection->next)
    if (ev_is_active(&connection->turn_end) && !connection->lost && !connection->lingering)
      write_now(connection);
}

void h2_stop(struct hub *hub) {
  for (struct h2_connection *connection = hub->h2 ? hub->h2->connections : NULL; connection;
       connection = connection->next) {
    connection->stopping = true;
    if (connection->stream_count == 0)
      terminate(connection, NGHTTP2_NO_ERROR);
    else if (nghttp2_submit_shutdown_notice(connection->session))
      lose(connection, "out of memory");
    write_soon(connection);
  }
}

uint32_t h2_connection_count(const struct hub *hub) {
  return hub->h2 ? hub->h2->connection_count : 0;
}

void h2_fini(struct hub *hub) {
  while (h2_connection_count(hub) > 0)
    free_connection(hub->h2->connections);
  free_h2(hub->h2);
  hub->h2 = NULL;
}
