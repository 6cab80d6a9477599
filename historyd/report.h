/*
 * What historyd tells about itself, once a second (the row `belfry-historyd` of daemon).
 */
#ifndef BELFRY_HISTORYD_REPORT_H
#define BELFRY_HISTORYD_REPORT_H

#include "base/error.h"
#include "historyd/appender.h"
#include "historyd/keeper.h"

#include <stdint.h>

struct report {
  int64_t started_ms;
  int64_t commit_us_max; /* longest group since the last report, from its begin to its commit */
  int64_t connections;
  struct keeper *keeper; /* borrowed; NULL: none */
};

/* Commits the report. A full disk or the like is no error: there will be another report. Returns:
 * 0, or what ends the daemon. */
int report_commit(struct report *report, struct appender *appender,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
