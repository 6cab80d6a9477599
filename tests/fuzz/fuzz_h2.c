/* pushd/h2: any bytes of a peer that speaks HTTP/2, behind the preface and (bit 7 of the first
 * byte) a SETTINGS frame. The low bits of the first byte say how the bytes are cut, the second how
 * fast the peer reads. Whatever comes, what is answered are well-formed frames, none on a stream
 * after its end, and nothing is left when the peer has gone. */
#include "pushd/h2.h"

#include "base/fd.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/property.h"
#include "tests/fuzz/push_peer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_MAX     65536
#define FRAME_MAX     16384
#define FRAME_HEAD    9
#define STREAMS_SEEN  256 /* streams above are not looked at */
#define TURNS_TO_END  1000
#define TYPE_DATA     0
#define TYPE_HEADERS  1
#define TYPE_RST      3
#define TYPE_SETTINGS 4
#define TYPE_WINDOW   8
#define FLAG_END      1

struct seen {
  bool begun, ended, reset;
};

static bool is_of_stream(uint8_t type) {
  return type == TYPE_DATA || type == TYPE_HEADERS || type == TYPE_RST;
}

/* Takes whole frames off the front of `out`. */
static void check_frames(struct buf *out, struct seen *streams, size_t *count) {
  while (out->len >= FRAME_HEAD) {
    const uint8_t *head = (const uint8_t *)out->data;
    size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    uint8_t type = head[3], flags = head[4];
    uint32_t id =
        (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
    PROPERTY(len <= FRAME_MAX, "a frame is not longer than every peer must take");
    if (out->len < FRAME_HEAD + len)
      return;
    PROPERTY(++*count > 1 || type == TYPE_SETTINGS, "SETTINGS come first");
    PROPERTY(type <= TYPE_WINDOW + 1 && type != 5, "a frame is of a known type");
    PROPERTY(!is_of_stream(type) || id % 2 == 1, "it is of a stream of the peer's");
    if (id && id < STREAMS_SEEN && is_of_stream(type)) {
      struct seen *stream = &streams[id];
      PROPERTY(!stream->reset, "nothing follows a reset");
      PROPERTY(!stream->ended || type == TYPE_RST, "nothing but a reset follows the end");
      PROPERTY(type != TYPE_HEADERS || !stream->begun, "a request is answered once");
      PROPERTY(type != TYPE_DATA || stream->begun, "the answer begins with its head");
      PROPERTY(type != TYPE_DATA || len > 0 || (flags & FLAG_END), "no frame says nothing");
      stream->begun |= type == TYPE_HEADERS;
      stream->ended |= type != TYPE_RST && (flags & FLAG_END);
      stream->reset |= type == TYPE_RST;
    }
    buf_consume(out, FRAME_HEAD + len);
  }
}

static void read_some(int fd, struct buf *out, size_t most) {
  char *room = buf_reserve(out, most);
  PROPERTY(room, "memory");
  ssize_t n = recv(fd, room, most, MSG_DONTWAIT);
  if (n > 0)
    buf_commit(out, (size_t)n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
  struct hub *hub = push_peer_hub();
  struct seen streams[STREAMS_SEEN] = {0};
  struct buf first, out;
  int fds[2];
  if (size < 2 || size > INPUT_MAX)
    return 0;
  size_t cut = (data[0] & 0x7f) ? (size_t)(data[0] & 0x7f) * 8 : SIZE_MAX;
  size_t most = data[1] ? (size_t)data[1] * 16 : FRAME_MAX * 4;
  struct slice rest = slice_new((const char *)data + 2, size - 2);
  PROPERTY(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), "a socket");
  buf_init(&first, 0);
  buf_init(&out, 0);
  buf_put_text(&first, H2_PREFACE);
  if (data[0] & 0x80)
    buf_put(&first, settings, sizeof settings);
  h2_start(hub, fds[0], buf_slice(&first));
  size_t count = 0;
  while (rest.len > 0 && h2_connection_count(hub) > 0) {
    ssize_t n = send(fds[1], rest.data, rest.len < cut ? rest.len : cut, MSG_NOSIGNAL);
    if (n > 0) {
      rest.data += n;
      rest.len -= (size_t)n;
    }
    ev_run(hub->loop, EVRUN_NOWAIT);
    read_some(fds[1], &out, most);
    check_frames(&out, streams, &count);
  }
  for (size_t before = SIZE_MAX; out.len != before;) {
    before = out.len;
    ev_run(hub->loop, EVRUN_NOWAIT);
    read_some(fds[1], &out, most);
    check_frames(&out, streams, &count);
  }
  close(fds[1]);
  for (int i = 0; i < TURNS_TO_END && !(h2_connection_count(hub) == 0 && hub->client_count == 0);
       i++)
    ev_run(hub->loop, EVRUN_NOWAIT);
  ev_run(hub->loop, EVRUN_NOWAIT);
  PROPERTY(h2_connection_count(hub) == 0, "the connection has ended with its peer");
  PROPERTY(hub->client_count == 0 && hub_open_count(hub) == 0 && hub->handshake_count == 0,
           "its clients have too");
  buf_fini(&first);
  buf_fini(&out);
  return 0;
}
