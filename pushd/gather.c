#include "pushd/gather.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

bool gather_has_room(const struct gather *gather, int pieces, size_t copy_bytes) {
  return gather->bytes < GATHER_BYTES_MAX && gather->iov_count + pieces <= GATHER_PIECES_MAX &&
         gather->frame_count + pieces <= GATHER_PIECES_MAX &&
         gather->copied + copy_bytes <= GATHER_COPY_BYTES;
}

static void add(struct gather *gather, void *data, size_t len) {
  struct iovec *last = gather->iov_count ? &gather->iov[gather->iov_count - 1] : NULL;
  gather->bytes += len;
  if (last && (char *)last->iov_base + last->iov_len == (char *)data) {
    last->iov_len += len;
    return;
  }
  assert(gather->iov_count < GATHER_PIECES_MAX);
  gather->iov[gather->iov_count++] = (struct iovec){data, len};
}

void gather_copy(struct gather *gather, const void *data, size_t len) {
  char *copy = gather->copies + gather->copied;
  assert(gather->copied + len <= GATHER_COPY_BYTES);
  memcpy(copy, data, len);
  gather->copied += len;
  add(gather, copy, len);
}

void gather_frame(struct gather *gather, struct frame *frame, void *data, size_t len) {
  assert(gather->frame_count < GATHER_PIECES_MAX);
  gather->frames[gather->frame_count++] = frame_ref(frame);
  add(gather, data, len);
}

void gather_clear(struct gather *gather) {
  for (int i = 0; i < gather->frame_count; i++)
    frame_unref(gather->frames[i]);
  gather->iov_count = gather->frame_count = 0;
  gather->bytes = gather->copied = 0;
}

static void keep_rest(const struct gather *gather, size_t written, struct buf *rest) {
  for (int i = 0; i < gather->iov_count; i++) {
    const struct iovec *piece = &gather->iov[i];
    size_t skipped = written < piece->iov_len ? written : piece->iov_len;
    buf_put(rest, (const char *)piece->iov_base + skipped, piece->iov_len - skipped);
    written -= skipped;
  }
}

int gather_send(struct gather *gather, int fd, struct buf *rest) {
  struct msghdr message = {.msg_iov = gather->iov, .msg_iovlen = (size_t)gather->iov_count};
  ssize_t written = 0;
  int status = BELFRY_OK;
  if (gather->bytes > 0)
    do
      written = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (written < 0 && errno == EINTR);
  if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    status = BELFRY_ECLOSED;
  } else if (written < 0 || (size_t)written < gather->bytes) {
    keep_rest(gather, written < 0 ? 0 : (size_t)written, rest);
    status = buf_status(rest);
  }
  gather_clear(gather);
  return status;
}
