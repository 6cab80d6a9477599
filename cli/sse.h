/*
 * Server-Sent Events: bytes in, messages out (the WHATWG HTML standard, section 9.2.6). Does no
 * I/O.
 */
#ifndef BELFRY_CLI_SSE_H
#define BELFRY_CLI_SSE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SSE_MESSAGE_BYTES_MAX ((size_t)16 << 20)
#define SSE_ID_BYTES          128

/* Called for each message. `name` is empty for an unnamed one. Both are borrowed until it returns.
 */
typedef void (*sse_message_fn)(void *arg, struct slice name, struct slice data);

struct sse {
  sse_message_fn on_message;
  void *arg;
  char last_id[SSE_ID_BYTES]; /* for Last-Event-ID; "" when none came */
  int64_t retry_ms;           /* what the server asked for; -1 when it did not */
  struct buf line, name, data;
  char next_id[SSE_ID_BYTES];
  bool has_data;
  bool after_cr; /* a CR ended the last line: an LF right behind it belongs to it */
  bool started;  /* behind a byte order mark */
};

void sse_init(struct sse *sse, sse_message_fn on_message, void *arg);
void sse_fini(struct sse *sse);

/* A new connection: forgets what was not complete, keeps last_id and retry_ms. */
void sse_restart(struct sse *sse);

/* Takes any run of the stream's bytes. Returns: 0, or BELFRY_ETOOBIG or BELFRY_ENOMEM. */
int sse_feed(struct sse *sse, struct slice bytes) BELFRY_MUST_CHECK;

#endif
