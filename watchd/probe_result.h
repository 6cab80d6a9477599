/*
 * What one check of a service found.
 */
#ifndef BELFRY_WATCHD_PROBE_RESULT_H
#define BELFRY_WATCHD_PROBE_RESULT_H

#include <stdbool.h>
#include <stddef.h>

enum probe_outcome {
  PROBE_SUCCESS,
  PROBE_DEGRADED, /* it did, but not as well as it should: the message says what */
  PROBE_FAILURE,  /* the service did not do what was asked */
  PROBE_FAULT,    /* we could not ask: no descriptors, no network of our own, held up ... */
};

#define PROBE_FIGURES_MAX 16

/* A figure that a check gives beside its outcome; it becomes a sample. */
struct probe_figure {
  char metric[64];
  const char *label_key; /* a literal; NULL: there is no label but `service` */
  char label[64];
  double value;
};

struct probe_result {
  enum probe_outcome outcome;
  double latency_ms; /* until the answer; negative when there was none */
  char message[240]; /* one line for a person: "HTTP 200", "connection refused" */
  struct probe_figure figures[PROBE_FIGURES_MAX];
  size_t figure_count;
};

/* Adds a figure, if there is room. Takes: `label_key` NULL for none. */
void probe_result_add(struct probe_result *result, const char *metric, const char *label_key,
                      const char *label, double value);

#endif
