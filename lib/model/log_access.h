/*
 * Lines of a web server's access log, as nginx ("combined") and Apache ("common", "combined") write
 * them: ADDRESS - USER [TIME] "REQUEST" STATUS BYTES "REFERER" "USER AGENT" and perhaps a time
 * taken.
 */
#ifndef BELFRY_MODEL_LOG_ACCESS_H
#define BELFRY_MODEL_LOG_ACCESS_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct log_access {
  struct slice address, method, path, user_agent; /* borrowed from the line; NULL data: absent */
  int64_t status;
  int64_t bytes;      /* -1: not said */
  double duration_ms; /* negative: not said */
  int64_t timestamp_ms;
};

/* Returns: false when the line is none. */
bool log_access_parse(struct slice line, struct log_access *out);

#endif
