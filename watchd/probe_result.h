/*
 * What one check of a service found.
 */
#ifndef BELFRY_WATCHD_PROBE_RESULT_H
#define BELFRY_WATCHD_PROBE_RESULT_H

#include <stdbool.h>

enum probe_outcome {
  PROBE_SUCCESS,
  PROBE_FAILURE, /* the service did not do what was asked */
  PROBE_FAULT,   /* we could not ask: no descriptors, no network of our own, held up ... */
};

struct probe_result {
  enum probe_outcome outcome;
  double latency_ms; /* until the answer; negative when there was none */
  char message[240]; /* one line for a person: "HTTP 200", "connection refused" */
};

#endif
