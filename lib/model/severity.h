/*
 * How grave an event is. The history stores the number, everything outside says the name.
 */
#ifndef BELFRY_MODEL_SEVERITY_H
#define BELFRY_MODEL_SEVERITY_H

#include "base/error.h"
#include "base/slice.h"

enum severity {
  SEVERITY_DEBUG = 0,
  SEVERITY_INFO = 1,
  SEVERITY_SUCCESS = 2,
  SEVERITY_WARNING = 3,
  SEVERITY_ERROR = 4,
  SEVERITY_CRITICAL = 5,
  SEVERITY_COUNT
};

/* Returns: a static name, "unknown" for a number that is none. */
const char *severity_name(int severity);

/* Takes the names and what logs call them (warn, err, fatal, trace, notice ...), in any case.
   Returns: 0, or BELFRY_EINVAL. */
int severity_parse(struct slice name, enum severity *out) BELFRY_MUST_CHECK;

#endif
