/*
 * Cuts what was read of a log file into lines. No I/O.
 */
#ifndef BELFRY_MODEL_LINE_SPLIT_H
#define BELFRY_MODEL_LINE_SPLIT_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define LINE_BYTES_MAX ((size_t)64 << 10) /* what is longer is cut */

struct line_split {
  struct slice rest; /* bytes not yet looked at; borrowed */
  size_t consumed;   /* bytes that need not be read again */
  bool in_line; /* the bytes at `rest` go on with a line that was cut before: they are skipped */
  bool final;   /* nothing will follow: the last line is taken although it has no end */
};

struct line {
  struct slice text; /* without its end (LF or CRLF) and without NULs at its start; may be empty */
  bool truncated;    /* the line was longer than LINE_BYTES_MAX */
};

/* `byte_before`: the byte before `bytes` in the file, or '\n' at its start. */
void line_split_start(struct line_split *split, struct slice bytes, char byte_before, bool final);

/* Returns: false when there is no further line; `split->consumed` then says how far it got. */
bool line_split_next(struct line_split *split, struct line *line);

#endif
