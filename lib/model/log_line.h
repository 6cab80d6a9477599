/*
 * What a line of a log file says: when, how grave, and its parts, for the common formats of web
 * servers and of programs. Knows nothing of files.
 */
#ifndef BELFRY_MODEL_LOG_LINE_H
#define BELFRY_MODEL_LOG_LINE_H

#include "base/buf.h"
#include "base/slice.h"
#include "model/log_format.h"
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

/* The level that stands at the start of a line. Returns: SEVERITY_INFO when none does. */
enum severity log_line_severity(struct slice text);

/* The same text with NULs replaced and the values of token=, key=, secret= and password= after `?`,
 * `&` or `;` hidden. */
void log_line_mask(struct slice text, struct buf *out);

/* How the lines of one file are read. */
struct log_reader;

/* Takes: `read` NULL for what a line looks like; `pattern` for the format `pattern`, else NULL.
 * Returns: 0; BELFRY_EINVAL for a pattern that is none, or BELFRY_ENOMEM; `*out` owned, free with
 * log_reader_free(). */
int log_reader_new(log_format_fn read, const char *pattern, struct log_reader **out,
                   struct belfry_error *error) BELFRY_MUST_CHECK;
void log_reader_free(struct log_reader *reader);

/* As log_line_read(), of a line or of several that belong together, of which the first is in the
 * format. One that is not is read as plain text, and counted. */
void log_reader_read(struct log_reader *reader, struct slice text, bool truncated, int64_t now_ms,
                     struct buf *data, struct log_line *out);

/* How many were not in the format. */
int64_t log_reader_misfits(const struct log_reader *reader);

#endif
