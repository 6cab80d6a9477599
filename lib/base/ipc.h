/*
 * Frames on a stream socket between Belfry's own programs: a 12-byte header (wire.h) and a payload.
 *
 *     u32 length of the payload, u16 verb, u16 status, u32 tag
 *
 * A request carries a tag of the client's choice and status 0; its answer carries the same verb and
 * tag, and status 0 or a negated enum belfry_err with a text for a person as the payload.
 */
#ifndef BELFRY_BASE_IPC_H
#define BELFRY_BASE_IPC_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdint.h>

#define IPC_HEADER_BYTES 12

struct ipc_frame {
  uint16_t verb;
  int status; /* 0 or a negative enum belfry_err */
  uint32_t tag;
  struct slice payload; /* borrowed from the buffer it was taken from */
};

/* Appends one whole frame. */
void ipc_put_frame(struct buf *out, uint16_t verb, int status, uint32_t tag, struct slice payload);

/*
 * Starts a frame whose payload is put into `out` afterwards. Returns: the mark that ipc_end_frame()
 * wants.
 */
size_t ipc_begin_frame(struct buf *out, uint16_t verb, int status, uint32_t tag);
void ipc_end_frame(struct buf *out, size_t mark);

/*
 * Reads the frame at `*at` bytes into `in`, and moves `*at` behind it.
 * Returns: 0; BELFRY_EMORE when it is not there as a whole yet; BELFRY_ETOOBIG when its payload is
 * over `max_payload`.
 */
int ipc_take_frame(const struct buf *in, size_t *at, size_t max_payload,
                   struct ipc_frame *frame) BELFRY_MUST_CHECK;

#endif
