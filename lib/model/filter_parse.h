/*
 * Which events somebody wants, as query strings and subscribe commands say it.
 */
#ifndef BELFRY_MODEL_FILTER_PARSE_H
#define BELFRY_MODEL_FILTER_PARSE_H

#include "base/error.h"
#include "base/slice.h"
#include "history/filter.h"
#include "model/problem.h"

#include <stdint.h>

/* The parameters by which events are chosen, as they come from a query string or a subscribe
   command; an absent one has NULL data. Decoded, not checked. */
struct event_filter_texts {
  struct slice event;        /* globs, comma list */
  struct slice severity;     /* names, comma list */
  struct slice min_severity; /* a name */
  struct slice source;       /* globs, comma list */
  struct slice from, to;     /* times, also relative */
  struct slice q;            /* words */
};

/* Returns: 0, or BELFRY_EINVAL with `problem` (its pointer is the parameter's name). Texts stay
 * borrowed. */
int event_filter_parse(const struct event_filter_texts *texts, int64_t now_ms,
                       struct event_filter *out, struct model_problem *problem) BELFRY_MUST_CHECK;

#endif
