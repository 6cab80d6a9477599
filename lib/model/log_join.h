/*
 * Which lines of a log belong together: stack traces of Java, Python, Go and Node, indented lines,
 * or what a pattern of the user's says. Looks at one line after the other; knows nothing of files.
 */
#ifndef BELFRY_MODEL_LOG_JOIN_H
#define BELFRY_MODEL_LOG_JOIN_H

#include "base/slice.h"
#include "model/log_format.h"

#include <stdbool.h>
#include <stddef.h>

#define LOG_JOIN_LINES_MAX 500                /* that are joined; what follows begins anew */
#define LOG_JOIN_BYTES_MAX ((size_t)64 << 10) /* likewise */

enum log_join_mode {
  LOG_JOIN_OFF,   /* each line stands alone */
  LOG_JOIN_AUTO,  /* traces, and lines that are indented */
  LOG_JOIN_START, /* all lines until the next that matches the pattern */
};

/* The lines at hand. */
struct log_join {
  enum log_join_mode mode;
  const struct log_pattern *start; /* borrowed: of LOG_JOIN_START */
  enum { LOG_JOIN_TEXT, LOG_JOIN_PYTHON, LOG_JOIN_PYTHON_END, LOG_JOIN_GO } kind;
  struct slice first; /* borrowed from who gave it, while further lines are given */
  size_t lines, bytes;
  bool indented; /* the last line was */
};

/* The line, which stays where it is while others are given, is the first. */
void log_join_begin(struct log_join *join, struct slice line);

/* Whether the line, which may be empty, goes on with those before it; then it has been counted
 * among them. An empty one counts for good only when one that is not follows. */
bool log_join_takes(struct log_join *join, struct slice line);

/* Whether further lines are worth waiting for. */
bool log_join_is_open(const struct log_join *join);

#endif
