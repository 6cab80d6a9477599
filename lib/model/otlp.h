/*
 * OpenTelemetry's requests as JSON says them (OTLP/HTTP with `application/json`,
 * https://opentelemetry.io/docs/specs/otlp/), made into events and samples. No I/O: what comes of a
 * request goes to a sink.
 *
 * A record that cannot be taken is counted, with the first one's reason, and the rest goes on. What
 * a request gives is the same each time that it comes: event ids follow from its text, so that
 * sending it again stores nothing twice.
 *
 *   logs     events of type `log`, or of the type that `eventName` names
 *   metrics  samples; sums of deltas are flagged as increments
 *   traces   events of type `span`; `gen_ai.*` attributes also give agent_execution_started,
 *            agent_execution_completed, agent_activity and session_update; samples of durations and
 *            tokens
 */
#ifndef BELFRY_MODEL_OTLP_H
#define BELFRY_MODEL_OTLP_H

#include "base/error.h"
#include "base/slice.h"
#include "history/event.h"
#include "model/problem.h"

#include <stddef.h>
#include <stdint.h>

/* Deepest nesting that is parsed. An attribute's list of lists takes four levels for each. */
#define OTLP_DEPTH_MAX 64

enum otlp_signal { OTLP_LOGS, OTLP_METRICS, OTLP_TRACES };

struct otlp_options {
  int64_t now_ms;              /* the time of what has none */
  struct slice default_source; /* of a resource without `service.name`; borrowed */
  size_t max_data_bytes;       /* of one event's data */
};

/* Takes what comes out; its texts are borrowed until it returns. Another status than 0 ends the
 * parsing with it. `flags`: of enum history_sample_flags. */
struct otlp_sink {
  int (*event)(void *arg, const struct event *event);
  int (*sample)(void *arg, const struct sample *sample, unsigned flags);
  void *arg;
};

struct otlp_result {
  uint64_t rejected;          /* log records, data points or spans */
  struct model_problem first; /* why, of the first; its pointer is into the request */
};

/*
 * Reads a request. Returns: 0, also when records were rejected; BELFRY_EINVAL when it is not JSON
 * or no such request; BELFRY_ENOMEM; or what the sink returned.
 */
int otlp_parse(enum otlp_signal signal, struct slice body, const struct otlp_options *options,
               const struct otlp_sink *sink, struct otlp_result *result,
               struct model_problem *problem) BELFRY_MUST_CHECK;

/* What the signal's records are called in its partialSuccess: "LogRecords", "DataPoints", "Spans".
 */
const char *otlp_records_name(enum otlp_signal signal);

#endif
