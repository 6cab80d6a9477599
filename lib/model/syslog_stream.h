/*
 * Cuts what comes over a TCP connection of syslog into messages: with the number of their bytes
 * before them (RFC 6587, 3.4.1), or with a line end behind them (3.4.2), each as it comes. No I/O.
 */
#ifndef BELFRY_MODEL_SYSLOG_STREAM_H
#define BELFRY_MODEL_SYSLOG_STREAM_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct syslog_stream {
  size_t max;      /* bytes of a message; what is longer is cut */
  struct buf data; /* owned: what has come and is not yet taken */
  size_t taken;    /* of it, by messages that were given */
  size_t skip;     /* bytes that still belong to a message that was cut */
  bool skip_line;  /* likewise: up to the end of the line */
  bool final;      /* nothing follows: the last line may have no end */
};

void syslog_stream_init(struct syslog_stream *stream, size_t max);
void syslog_stream_fini(struct syslog_stream *stream);

/* Adds what has come. A failure is left in `data`. Ask for all messages before the next call, so
 * that it stays bounded: to `max` and what came last. */
void syslog_stream_put(struct syslog_stream *stream, struct slice bytes);

/* Returns: false when there is no further message yet; `*message` is borrowed until the next
 * syslog_stream_put(). */
bool syslog_stream_next(struct syslog_stream *stream, struct slice *message, bool *cut);

#endif
