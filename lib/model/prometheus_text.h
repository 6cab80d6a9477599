/*
 * The text that Prometheus' targets give: its own format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) and OpenMetrics 1.0
 * (https://openmetrics.io). A line is NAME{LABEL="VALUE",...} NUMBER [TIMESTAMP]; what begins with
 * # is for people, or of no use here (types, help, exemplars).
 */
#ifndef BELFRY_MODEL_PROMETHEUS_TEXT_H
#define BELFRY_MODEL_PROMETHEUS_TEXT_H

#include "base/buf.h"
#include "model/sample_json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A walk over a text's samples, from prometheus_text_start() to prometheus_text_fini(). */
struct prometheus_text {
  struct slice rest; /* of the text; borrowed */
  bool openmetrics;  /* timestamps are seconds, not milliseconds */
  size_t line;       /* of the last sample, from 1 */
  size_t bad;        /* lines that make no sense */
  size_t first_bad;  /* the first of them; 0: none */
  struct buf scratch;
};

struct prometheus_sample {
  char metric[129]; /* as Belfry writes it: lower case, `_` for `:` */
  struct label labels[SAMPLE_LABELS_MAX];
  size_t label_count;
  double value;         /* may be NaN or infinite */
  int64_t timestamp_ms; /* 0: it says none */
};

/* Takes: `body` is borrowed until the end. */
void prometheus_text_start(struct prometheus_text *text, struct slice body, bool openmetrics);

/* Gives the next sample; what makes no sense is counted and passed over. The sample's texts are
 * good until the next call. Returns: false at the end, or out of memory. */
bool prometheus_text_next(struct prometheus_text *text, struct prometheus_sample *out);
void prometheus_text_fini(struct prometheus_text *text);

#endif
