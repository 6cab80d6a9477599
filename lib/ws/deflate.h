/*
 * permessage-deflate (RFC 7692) without context takeover: every message is compressed by itself, so
 * that one compressed message serves all clients, and one compressor and one decompressor serve all
 * connections. No I/O; the RSV1 bit is ws/frame.h's and ws/receiver.h's.
 */
#ifndef BELFRY_WS_DEFLATE_H
#define BELFRY_WS_DEFLATE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stddef.h>

/*
 * What is answered to a client's Sec-WebSocket-Extensions (several headers joined by commas).
 * The first offer that can be met is taken. One that asks for a smaller window than our shared
 * messages are made with, or for something unknown, doubled or malformed, is declined, and so is
 * everything in a header that does not follow the grammar (RFC 6455, 9.1).
 * Returns: static text, the answer's header value; NULL: no extension.
 */
const char *ws_deflate_accept(struct slice offers);

/* Our messages reach back at most 2 to the power of this, in bytes. */
#define WS_DEFLATE_WINDOW_BITS 12

struct ws_deflater;

/* Returns: owned, free with ws_deflater_free(); NULL when out of memory. */
struct ws_deflater *ws_deflater_new(void);
void ws_deflater_free(struct ws_deflater *deflater);

/*
 * Appends `message` to `out` as the payload of a compressed message, without the four bytes that
 * RFC 7692, 7.2.1 leaves out. Returns: 0, or BELFRY_ENOMEM or BELFRY_ETOOBIG of `out`.
 */
int ws_deflate(struct ws_deflater *deflater, struct slice message,
               struct buf *out) BELFRY_MUST_CHECK;

struct ws_inflater;

/* Returns: owned, free with ws_inflater_free(); NULL when out of memory. */
struct ws_inflater *ws_inflater_new(void);
void ws_inflater_free(struct ws_inflater *inflater);

/*
 * The message that a payload holds. Returns: 0 with `*message`, borrowed from the inflater until
 * its next use; BELFRY_ETOOBIG when it is larger than `max_bytes` (no more than that is ever made
 * of it); BELFRY_EINVAL when the payload is not DEFLATE or ends within a block; BELFRY_ENOMEM.
 */
int ws_inflate(struct ws_inflater *inflater, struct slice payload, size_t max_bytes,
               struct slice *message) BELFRY_MUST_CHECK;

#endif
