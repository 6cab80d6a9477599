/*
 * A growing run of bytes. Writing past the limit or out of memory marks it as failed and drops what
 * did not fit, so that a writer may put many things and ask once at the end.
 */
#ifndef BELFRY_BASE_BUF_H
#define BELFRY_BASE_BUF_H

#include "base/error.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
  char *data;   /* owned; always one byte longer than len, that byte is NUL (NULL while nothing was
                   put) */
  size_t len;   /* bytes in use */
  size_t cap;   /* bytes allocated */
  size_t limit; /* most bytes that may be in use */
  int status;   /* 0, or BELFRY_ETOOBIG or BELFRY_ENOMEM once something did not fit */
};

#define BUF_LIMIT_DEFAULT ((size_t)1 << 30)

/* Takes: nothing. `limit` 0 means BUF_LIMIT_DEFAULT. */
void buf_init(struct buf *buf, size_t limit);
void buf_fini(struct buf *buf);

/* Empties it and forgets a failure; keeps the memory. */
void buf_clear(struct buf *buf);

void buf_put(struct buf *buf, const void *bytes, size_t len);
void buf_put_slice(struct buf *buf, struct slice text);
void buf_put_text(struct buf *buf, const char *text);
void buf_put_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) BELFRY_PRINTF(2, 3);

/* Keeps a text in a buffer that may yet move: the slice holds its place, of which buf_settle()
 * makes an address when all are there. */
struct slice buf_keep(struct buf *buf, struct slice text);
void buf_settle(const struct buf *buf, struct slice *text);

/* Makes room for `len` more bytes. Returns: borrowed until the next call, or NULL (the buffer has
 * then failed). */
char *buf_reserve(struct buf *buf, size_t len);

/* Says that `len` bytes of what buf_reserve gave are now in use. */
void buf_commit(struct buf *buf, size_t len);

/* Takes `len` bytes off the front. */
void buf_consume(struct buf *buf, size_t len);

/* Returns: 0, or BELFRY_ETOOBIG or BELFRY_ENOMEM when something did not fit. */
static inline int buf_status(const struct buf *buf) {
  return buf->status;
}

static inline struct slice buf_slice(const struct buf *buf) {
  return slice_new(buf->data, buf->len);
}

#endif
