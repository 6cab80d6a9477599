#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t limit) {
  *buf = (struct buf){.limit = limit ? limit : BUF_LIMIT_DEFAULT};
}

void buf_fini(struct buf *buf) {
  free(buf->data);
  *buf = (struct buf){.limit = buf->limit};
}

void buf_clear(struct buf *buf) {
  buf->len = 0;
  buf->status = BELFRY_OK;
  if (buf->data)
    buf->data[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t len) {
  if (buf->status)
    return NULL;
  if (len > buf->limit || buf->len > buf->limit - len) {
    buf->status = BELFRY_ETOOBIG;
    return NULL;
  }
  size_t needed = buf->len + len + 1;
  if (needed > buf->cap) {
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap < needed)
      cap *= 2;
    char *data = realloc(buf->data, cap);
    if (!data) {
      buf->status = BELFRY_ENOMEM;
      return NULL;
    }
    buf->data = data;
    buf->cap = cap;
  }
  return buf->data + buf->len;
}

void buf_commit(struct buf *buf, size_t len) {
  buf->len += len;
  buf->data[buf->len] = '\0';
}

void buf_put(struct buf *buf, const void *bytes, size_t len) {
  char *room = buf_reserve(buf, len);
  if (!room)
    return;
  if (len)
    memcpy(room, bytes, len);
  buf_commit(buf, len);
}

void buf_put_slice(struct buf *buf, struct slice text) {
  buf_put(buf, text.data, text.len);
}

struct slice buf_keep(struct buf *buf, struct slice text) {
  size_t at = buf->len;
  buf_put_slice(buf, text);
  return slice_new((const char *)(uintptr_t)at, text.len);
}

void buf_settle(const struct buf *buf, struct slice *text) {
  text->data = buf->data + (uintptr_t)text->data;
}

void buf_put_text(struct buf *buf, const char *text) {
  buf_put(buf, text, strlen(text));
}

void buf_put_char(struct buf *buf, char c) {
  buf_put(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *room = len < 0 ? NULL : buf_reserve(buf, (size_t)len);
  if (room) {
    vsnprintf(room, (size_t)len + 1, format, again);
    buf_commit(buf, (size_t)len);
  }
  va_end(again);
}

void buf_consume(struct buf *buf, size_t len) {
  if (len == 0)
    return;
  buf->len -= len;
  memmove(buf->data, buf->data + len, buf->len + 1);
}
