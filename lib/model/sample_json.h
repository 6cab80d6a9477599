/*
 * Samples as JSON says them, and what the names of metrics mean.
 */
#ifndef BELFRY_MODEL_SAMPLE_JSON_H
#define BELFRY_MODEL_SAMPLE_JSON_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "history/event.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLE_LABELS_MAX            16
#define SAMPLE_LABEL_VALUE_BYTES_MAX 256

struct label {
  struct slice key, value; /* decoded */
};

/* Puts labels in their canonical form: a JSON object with sorted keys and no blanks. Sorts the
 * array. */
void labels_put_json(struct buf *out, struct label *labels, size_t count);

struct sample_parsed {
  struct sample sample;
  struct buf scratch; /* owned, as above */
};

void sample_parsed_init(struct sample_parsed *parsed);
void sample_parsed_fini(struct sample_parsed *parsed);

/* Reads one sample object: `metric`, `value`, `labels` (an object of strings), `timestamp`. Errors
 * as event_parse. */
int sample_parse(struct slice text, bool checked, int64_t now_ms, struct sample_parsed *out,
                 struct model_problem *problem) BELFRY_MUST_CHECK;

bool metric_name_valid(struct slice name);

/* Returns: the unit that a metric's name ends with: "percent", "ms", "bytes", "bytes_per_second",
 * "seconds", ""... */
const char *metric_unit(struct slice name);

#endif
