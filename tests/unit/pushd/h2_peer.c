#include "h2_peer.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define PATIENCE_MS       30000
#define CONNECTION_WINDOW (1 << 30)

static struct h2_peer_stream *find(struct h2_peer *peer, int32_t id) {
  for (size_t i = 0; i < peer->count; i++)
    if (peer->streams[i].id == id)
      return &peer->streams[i];
  return NULL;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg) {
  struct h2_peer_stream *stream = find(arg, frame->hd.stream_id);
  (void)session;
  (void)flags;
  (void)value_len;
  if (stream && slice_is(slice_new((const char *)name, name_len), ":status"))
    stream->status = atoi((const char *)value);
  return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *arg) {
  struct h2_peer_stream *stream = find(arg, id);
  (void)flags;
  nghttp2_session_consume_connection(session, len);
  if (!stream)
    return 0;
  buf_put(&stream->body, bytes, len);
  stream->bytes += len;
  if (stream->stalled)
    stream->held += len;
  else
    nghttp2_session_consume_stream(session, id, len);
  return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg) {
  struct h2_peer *peer = arg;
  struct h2_peer_stream *stream = find(peer, frame->hd.stream_id);
  (void)session;
  if (frame->hd.type == NGHTTP2_GOAWAY) {
    peer->goaway = true;
    peer->goaway_code = frame->goaway.error_code;
  }
  if (stream && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
    stream->ended = true;
  return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg) {
  struct h2_peer_stream *stream = find(arg, id);
  (void)session;
  if (stream) {
    stream->closed = true;
    stream->code = code;
  }
  return 0;
}

void h2_peer_connect(struct h2_peer *peer, const char *path, uint32_t window) {
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *option;
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window}};
  memset(peer, 0, sizeof *peer);
  peer->read_bytes = 65536;
  assert_int_equal(fd_unix_connect(path, &peer->fd, NULL), 0);
  assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
  assert_int_equal(nghttp2_option_new(&option), 0);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_option_set_no_auto_window_update(option, 1);
  assert_int_equal(nghttp2_session_client_new2(&peer->session, callbacks, peer, option), 0);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  assert_int_equal(nghttp2_submit_settings(peer->session, 0, settings, 1), 0);
  assert_int_equal(nghttp2_session_set_local_window_size(peer->session, 0, 0, CONNECTION_WINDOW),
                   0);
}

void h2_peer_free(struct h2_peer *peer) {
  for (size_t i = 0; i < peer->count; i++)
    buf_fini(&peer->streams[i].body);
  nghttp2_session_del(peer->session);
  fd_close(&peer->fd);
}

static nghttp2_nv field(const char *name, const char *value) {
  union {
    const char *in;
    uint8_t *out;
  } name_bytes = {name}, value_bytes = {value};
  return (nghttp2_nv){name_bytes.out, value_bytes.out, strlen(name), strlen(value), 0};
}

static ssize_t on_nothing(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t length,
                          uint32_t *flags, nghttp2_data_source *source, void *arg) {
  (void)session, (void)id, (void)bytes, (void)length, (void)flags, (void)source, (void)arg;
  return NGHTTP2_ERR_DEFERRED;
}

size_t h2_peer_open(struct h2_peer *peer, const char *target, const char *header) {
  char path[256], name[64] = "", value[20000] = "";
  bool websocket = strncmp(target, "/ws", 3) == 0;
  snprintf(path, sizeof path, "%s", target);
  const char *colon = strchr(header, ':');
  if (colon) {
    snprintf(name, sizeof name, "%.*s", (int)(colon - header), header);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(colon + 2, "\r"), colon + 2);
  }
  nghttp2_nv fields[7];
  size_t count = 0;
  fields[count++] = field(":method", websocket ? "CONNECT" : "GET");
  if (websocket)
    fields[count++] = field(":protocol", "websocket");
  fields[count++] = field(":scheme", "http");
  fields[count++] = field(":path", path);
  fields[count++] = field(":authority", "localhost");
  if (websocket)
    fields[count++] = field("sec-websocket-version", "13");
  if (colon)
    fields[count++] = field(name, value);
  const nghttp2_data_provider provider = {.read_callback = on_nothing};
  assert_true(peer->count < H2_PEER_STREAMS_MAX);
  struct h2_peer_stream *stream = &peer->streams[peer->count];
  buf_init(&stream->body, 0);
  stream->id = nghttp2_submit_request(peer->session, NULL, fields, count,
                                      websocket ? &provider : NULL, NULL);
  assert_true(stream->id > 0);
  return peer->count++;
}

static void write_all(struct h2_peer *peer) {
  const uint8_t *bytes;
  ssize_t n;
  while (!peer->over && (n = nghttp2_session_mem_send(peer->session, &bytes)) > 0)
    for (ssize_t at = 0; at < n && !peer->over;) {
      ssize_t written = send(peer->fd, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
      if (written > 0)
        at += written;
      else if (errno != EAGAIN || fd_wait(peer->fd, POLLOUT, PATIENCE_MS))
        peer->over = true;
    }
}

bool h2_peer_pump(struct h2_peer *peer, int timeout_ms) {
  static uint8_t bytes[65536];
  write_all(peer);
  if (fd_wait(peer->fd, POLLIN, timeout_ms) != BELFRY_OK)
    return false;
  ssize_t n = recv(peer->fd, bytes, peer->read_bytes, 0);
  if (n <= 0) {
    peer->over = true;
    return false;
  }
  assert_int_equal(nghttp2_session_mem_recv(peer->session, bytes, (size_t)n), n);
  write_all(peer);
  return true;
}

void h2_peer_until(struct h2_peer *peer, bool (*done)(struct h2_peer *peer, void *arg), void *arg,
                   const char *what) {
  int64_t deadline_ms = clock_monotonic_ms(&clock_system) + PATIENCE_MS;
  while (!done(peer, arg)) {
    if (peer->over)
      fail_msg("the connection was closed before %s", what);
    if (clock_monotonic_ms(&clock_system) > deadline_ms)
      fail_msg("not in time: %s", what);
    h2_peer_pump(peer, 20);
  }
}

void h2_peer_go_on(struct h2_peer *peer, size_t number) {
  struct h2_peer_stream *stream = &peer->streams[number];
  stream->stalled = false;
  nghttp2_session_consume_stream(peer->session, stream->id, stream->held);
  stream->held = 0;
}

void h2_peer_reset(struct h2_peer *peer, size_t number) {
  nghttp2_submit_rst_stream(peer->session, 0, peer->streams[number].id, NGHTTP2_CANCEL);
}
