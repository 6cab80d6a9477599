/*
 * The time at the start of a log line. A time without an offset is this host's local time.
 */
#ifndef BELFRY_MODEL_LOG_TIME_H
#define BELFRY_MODEL_LOG_TIME_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Understands, also within a first bracket:
 *
 *     2026-11-20T10:30:00.123+01:00   2026-11-20 10:30:00,123   2026/11/20 10:30:00 (nginx)
 *     Fri Nov 20 10:30:00.123456 2026 (Apache)
 *     Nov 20 10:30:00 (syslog: the last such day until `now_ms`)
 *
 * Returns: false when there is none.
 */
bool log_time_find(struct slice line, int64_t now_ms, int64_t *out_ms);

/* "Jan" to "Dec" at `at`. Returns: 0 to 11, or -1. */
int log_time_month(const char *at);

/* `digits` decimal digits at `at`; blanks in front count as 0. Returns: the number, or -1. */
int log_time_number(const char *at, int digits);

#endif
