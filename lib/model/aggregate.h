/*
 * What the samples of a bucket come to: avg, max, p95 ...
 */
#ifndef BELFRY_MODEL_AGGREGATE_H
#define BELFRY_MODEL_AGGREGATE_H

#include "base/error.h"
#include "base/slice.h"
#include "history/query.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stddef.h>

#define AGGREGATES_MAX       24
#define AGGREGATE_NAME_BYTES 12

struct aggregate {
  char name[AGGREGATE_NAME_BYTES]; /* as it is asked for */
  double (*of)(const struct sample_bucket *bucket, double quantile);
  double quantile; /* 0 to 1 */
  bool computed;   /* it is none of the samples: its last digits are rounding */
};

struct aggregate_list {
  struct aggregate items[AGGREGATES_MAX];
  size_t count;
  bool increases, quantiles; /* some of them need these of the query */
};

/* Reads `avg,max,p99.9`. Returns: 0 or BELFRY_EINVAL. */
int aggregate_parse(struct slice text, struct aggregate_list *out,
                    struct model_problem *problem) BELFRY_MUST_CHECK;

#endif
