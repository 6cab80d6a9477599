#include "ws/deflate.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

/*
 * Measured on JSON events. What a message costs is mostly its Huffman trees (6 to 9 us up to 320
 * bytes, at every level); above level 6 and above 4 KiB of window hardly a byte is won (a batch of
 * 20: 0.224 of its size with 4 KiB as with 32 KiB, of 60: 0.187 and 0.184), and a smaller window
 * is one that more clients can be given. The hash, which every reset clears, is 32 KiB at level 7.
 */
#define LEVEL        6
#define MEMORY_LEVEL 7

/* A window as large as a client may use. */
#define INFLATE_WINDOW_BITS  15
#define INFLATE_WINDOW_BYTES (1 << INFLATE_WINDOW_BITS)

#define PIECE_BYTES          4096 /* of a message that is inflated, at a time */
/* Of a message; clients make one, or one for each fragment. Each costs a copy of the window, so
   that a message of nothing else would take far longer to be inflated than to be sent. */
#define FINAL_BLOCKS_MAX 64
/* What inflate() leaves in data_type (zlib.h): an end of a block was the last, no bits are left. */
#define BETWEEN_BLOCKS 128

#define FLUSH_BYTES    16 /* deflateBound() knows nothing of what a flush adds */

/* The end of what a flush writes: left out on the wire, put back before inflating. */
static const char tail[] = {0x00, 0x00, (char)0xff, (char)0xff};

/* zlib's next_in is not const unless asked; it never writes there. */
static void set_input(z_stream *stream, struct slice input) {
  union {
    const char *ours;
    Bytef *zlib;
  } start = {input.len ? input.data : ""};
  stream->next_in = start.zlib;
  stream->avail_in = (uInt)input.len;
}

struct ws_deflater {
  z_stream stream;
};

struct ws_deflater *ws_deflater_new(void) {
  struct ws_deflater *deflater = calloc(1, sizeof *deflater);
  if (deflater && deflateInit2(&deflater->stream, LEVEL, Z_DEFLATED, -WS_DEFLATE_WINDOW_BITS,
                               MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
    free(deflater);
    return NULL;
  }
  return deflater;
}

void ws_deflater_free(struct ws_deflater *deflater) {
  if (deflater)
    deflateEnd(&deflater->stream);
  free(deflater);
}

int ws_deflate(struct ws_deflater *deflater, struct slice message, struct buf *out) {
  z_stream *stream = &deflater->stream;
  if (message.len > UINT32_MAX / 2)
    return BELFRY_ETOOBIG;
  deflateReset(stream);
  set_input(stream, message);
  uLong room_bytes = deflateBound(stream, message.len) + FLUSH_BYTES;
  char *room = buf_reserve(out, room_bytes);
  if (!room)
    return buf_status(out);
  stream->next_out = (Bytef *)room;
  stream->avail_out = (uInt)room_bytes;
  int result = deflate(stream, Z_SYNC_FLUSH);
  assert(result == Z_OK && stream->avail_out > 0); /* there was room for everything */
  buf_commit(out, room_bytes - stream->avail_out - sizeof tail);
  return BELFRY_OK;
}

struct ws_inflater {
  z_stream stream;
  struct buf message;
  unsigned final_blocks; /* so far */
};

struct ws_inflater *ws_inflater_new(void) {
  struct ws_inflater *inflater = calloc(1, sizeof *inflater);
  if (inflater && inflateInit2(&inflater->stream, -INFLATE_WINDOW_BITS) != Z_OK) {
    free(inflater);
    return NULL;
  }
  if (inflater)
    buf_init(&inflater->message, 0);
  return inflater;
}

void ws_inflater_free(struct ws_inflater *inflater) {
  if (!inflater)
    return;
  inflateEnd(&inflater->stream);
  buf_fini(&inflater->message);
  free(inflater);
}

/* Inflates until the input or a final block (`*final`) ends. */
static int inflate_some(struct ws_inflater *inflater, size_t max_bytes, bool *final) {
  z_stream *stream = &inflater->stream;
  struct buf *message = &inflater->message;
  do {
    /* One byte above the bound tells a message that is too big from one that just fits. */
    size_t left = max_bytes - message->len + 1;
    uInt room_bytes = left < PIECE_BYTES ? (uInt)left : PIECE_BYTES;
    char *room = buf_reserve(message, room_bytes);
    if (!room)
      return buf_status(message);
    stream->next_out = (Bytef *)room;
    stream->avail_out = room_bytes;
    int result = inflate(stream, Z_SYNC_FLUSH);
    buf_commit(message, room_bytes - stream->avail_out);
    if (message->len > max_bytes)
      return BELFRY_ETOOBIG;
    if (result == Z_MEM_ERROR)
      return BELFRY_ENOMEM;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      return BELFRY_EINVAL;
    *final = result == Z_STREAM_END;
  } while (stream->avail_out == 0 && !*final);
  return BELFRY_OK;
}

/* Behind a final block others may follow (RFC 7692, 7.2.3.4), which may look back over it. */
static int go_on(struct ws_inflater *inflater) {
  const struct buf *message = &inflater->message;
  if (++inflater->final_blocks > FINAL_BLOCKS_MAX)
    return BELFRY_EINVAL;
  size_t len = message->len < INFLATE_WINDOW_BYTES ? message->len : INFLATE_WINDOW_BYTES;
  inflateReset(&inflater->stream);
  if (len == 0)
    return BELFRY_OK;
  const char *start = message->data + message->len - len;
  int result = inflateSetDictionary(&inflater->stream, (const Bytef *)start, (uInt)len);
  return result == Z_OK ? BELFRY_OK : BELFRY_ENOMEM;
}

/* Takes the whole piece. `*final` says whether it ends with a final block. */
static int inflate_piece(struct ws_inflater *inflater, struct slice piece, size_t max_bytes,
                         bool *final) {
  int status = BELFRY_OK;
  *final = false;
  set_input(&inflater->stream, piece);
  while (!status && inflater->stream.avail_in) {
    if (*final)
      status = go_on(inflater);
    if (!status)
      status = inflate_some(inflater, max_bytes, final);
  }
  return status;
}

int ws_inflate(struct ws_inflater *inflater, struct slice payload, size_t max_bytes,
               struct slice *message) {
  buf_clear(&inflater->message);
  *message = slice_new("", 0);
  /* Not what 7.2.3.6 asks for, but what zlib gives to those who flush nothing twice. */
  if (payload.len == 0)
    return BELFRY_OK;
  if (payload.len > UINT32_MAX / 2)
    return BELFRY_ETOOBIG;
  bool final;
  inflater->final_blocks = 0;
  inflateReset(&inflater->stream);
  int status = inflate_piece(inflater, payload, max_bytes, &final);
  /* A final block says itself that it is complete. It should have been followed by the first byte
     of an empty one (7.2.3.4); without that there is nothing which the tail could complete. */
  if (!status && !final) {
    status = inflate_piece(inflater, slice_new(tail, sizeof tail), max_bytes, &final);
    if (!status && (final || inflater->stream.data_type != BETWEEN_BLOCKS))
      status = BELFRY_EINVAL;
  }
  if (!status)
    *message =
        slice_new(inflater->message.data ? inflater->message.data : "", inflater->message.len);
  return status;
}
