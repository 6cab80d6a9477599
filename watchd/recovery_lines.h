/*
 * Lines out of the bytes that a command writes, cut anywhere.
 */
#ifndef BELFRY_WATCHD_RECOVERY_LINES_H
#define BELFRY_WATCHD_RECOVERY_LINES_H

#include "base/buf.h"
#include "base/slice.h"

#define RECOVERY_LINE_BYTES_MAX 4000 /* a longer one is cut into several */

struct recovery_lines {
  char text[RECOVERY_LINE_BYTES_MAX]; /* of the line that has begun */
  size_t len;
};

/* Takes: `line` without its end, borrowed until it returns; never empty. */
typedef void (*recovery_line_fn)(void *arg, struct slice line);

void recovery_lines_take(struct recovery_lines *lines, struct slice bytes, recovery_line_fn on_line,
                         void *arg);

/* Nothing more comes: what has begun is a line too. */
void recovery_lines_end(struct recovery_lines *lines, recovery_line_fn on_line, void *arg);

#endif
