/*
 * Pieces of many streams on their way into one sendmsg(2) of the connection that they share: shared
 * frames are referred to, what is small and nobody else's is copied. What the socket does not take
 * is kept by the connection; it is never more than one gathering.
 */
#ifndef BELFRY_PUSHD_GATHER_H
#define BELFRY_PUSHD_GATHER_H

#include "base/buf.h"
#include "base/error.h"
#include "pushd/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#define GATHER_PIECES_MAX 1024 /* IOV_MAX of Linux */
#define GATHER_COPY_BYTES 65536
#define GATHER_BYTES_MAX  65536 /* enough for one; the last piece may reach beyond */

/* Zero it before the first use. */
struct gather {
  struct iovec iov[GATHER_PIECES_MAX];
  struct frame *frames[GATHER_PIECES_MAX]; /* one reference each */
  int iov_count, frame_count;
  size_t bytes;
  size_t copied;
  char copies[GATHER_COPY_BYTES];
};

/* Whether `pieces` more of which `copy_bytes` are copied find room, and it is not enough yet. */
bool gather_has_room(const struct gather *gather, int pieces, size_t copy_bytes);

/* Adds a copy of the bytes. There must be room. */
void gather_copy(struct gather *gather, const void *data, size_t len);

/* Adds bytes of a frame, and holds the frame until they are sent. There must be room. */
void gather_frame(struct gather *gather, struct frame *frame, void *data, size_t len);

/*
 * Writes everything to the socket, puts what it does not take into `rest`, which must be empty, and
 * is empty then itself. Returns: 0; BELFRY_ECLOSED when the socket is lost; BELFRY_ENOMEM.
 */
int gather_send(struct gather *gather, int fd, struct buf *rest) BELFRY_MUST_CHECK;

void gather_clear(struct gather *gather);

#endif
