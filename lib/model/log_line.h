/*
 * What a line of a log file says: when, how grave, and its parts, for the common formats of web
 * servers and of programs. Knows nothing of files.
 */
#ifndef BELFRY_MODEL_LOG_LINE_H
#define BELFRY_MODEL_LOG_LINE_H

#include "base/buf.h"
#include "base/slice.h"
#include "model/severity.h"

#include <stdbool.h>
#include <stdint.h>

struct log_line {
  enum severity severity; /* SEVERITY_INFO when the line does not say */
  int64_t timestamp_ms;   /* `now_ms` when the line does not say, or says what cannot be */
};

/*
 * Reads one line and puts the data of its `log` event, {"message":...,"attributes":{...}}, into
 * `data`, which is emptied first. Secrets in URLs are masked; bytes that are not UTF-8 and NULs
 * become U+FFFD. A failure is left in `data` (buf_status).
 */
void log_line_read(struct slice text, bool truncated, int64_t now_ms, struct buf *data,
                   struct log_line *out);

/* The same text with NULs replaced and the values of token=, key=, secret= and password= after `?`,
 * `&` or `;` hidden. */
void log_line_mask(struct slice text, struct buf *out);

#endif
