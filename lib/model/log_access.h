/*
 * Lines of a web server's access log, as nginx ("combined") and Apache ("common", "combined") write
 * them: ADDRESS - USER [TIME] "REQUEST" STATUS BYTES "REFERER" "USER AGENT" and perhaps a time
 * taken.
 */
#ifndef BELFRY_MODEL_LOG_ACCESS_H
#define BELFRY_MODEL_LOG_ACCESS_H

#include "base/slice.h"
#include "model/severity.h"

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

/* A request that failed is graver than one that did not. */
enum severity log_access_severity(const struct log_access *access);

/* "20/Nov/2026:10:30:00 +0000" Returns: false when it is none. */
bool log_access_time(struct slice text, int64_t *out_ms);

#endif
