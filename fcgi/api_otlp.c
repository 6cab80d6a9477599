/*
 * /v1/logs, /v1/metrics, /v1/traces: what OpenTelemetry sends. A record that cannot be taken is
 * told in `partialSuccess`, the others are stored. A request that makes more records than one batch
 * holds is stored in several; one that ends in between is sent again by its client, and stores the
 * rest.
 */
#include "fcgi/api.h"

#include "base/json.h"
#include "model/otlp.h"

#include <inttypes.h>
#include <stdio.h>

/* A batch is sent when it is as long, so that it never comes to its limit. */
#define BATCH_BYTES ((size_t)16 << 20)

struct intake {
  struct worker *worker;
  const struct request *request;
  struct response *response;
  uint64_t left_out; /* samples for which there are too many series */
  bool answered;     /* the history has refused something, and the answer says so */
};

static int append(struct intake *intake) {
  struct history_receipt receipt = {0};
  struct worker *worker = intake->worker;
  if (history_batch_count(&worker->batch) == 0)
    return BELFRY_OK;
  int status = worker_append(worker, intake->request, intake->response, false, &receipt);
  intake->answered = status != BELFRY_OK;
  intake->left_out += receipt.left_out;
  history_batch_clear(&worker->batch);
  return status;
}

static int make_room(struct intake *intake) {
  const struct history_batch *batch = &intake->worker->batch;
  bool full = history_batch_count(batch) >= intake->worker->conf->history_max_batch_events ||
              batch->records.len >= BATCH_BYTES;
  return full ? append(intake) : BELFRY_OK;
}

static int on_event(void *arg, const struct event *event) {
  struct intake *intake = arg;
  int status = make_room(intake);
  if (!status)
    history_batch_event(&intake->worker->batch, event);
  return status;
}

static int on_line(void *arg, const struct event *event) {
  struct intake *intake = arg;
  int status = make_room(intake);
  return status ? status : worker_put_line(intake->worker, event);
}

static int on_sample(void *arg, const struct sample *sample, unsigned flags) {
  struct intake *intake = arg;
  int status = make_room(intake);
  if (!status)
    history_batch_sample_with(&intake->worker->batch, sample, flags);
  return status;
}

/* 64-bit integers are texts in this JSON. */
static void put_partial(struct buf *out, enum otlp_signal signal, uint64_t rejected,
                        const char *why) {
  buf_printf(out, "{\"partialSuccess\":{\"rejected%s\":\"%" PRIu64 "\",\"errorMessage\":",
             otlp_records_name(signal), rejected);
  json_put_string(out, slice_of(why));
  buf_put_text(out, "}}");
}

static void put_answer(struct response *response, enum otlp_signal signal,
                       const struct otlp_result *result, uint64_t left_out) {
  struct buf *out = response_json(response, 200);
  char why[sizeof result->first.pointer + sizeof result->first.detail + 200];
  uint64_t rejected = result->rejected;
  if (signal != OTLP_METRICS)
    left_out = 0; /* what spans give beside themselves */
  if (rejected > 0)
    snprintf(why, sizeof why, "%s: %s%s", result->first.pointer, result->first.detail,
             rejected > 1 ? "; this is the first of them" : "");
  else
    snprintf(why, sizeof why,
             "%" PRIu64 " samples would have made new series: there are as many as "
             "history.max_series and history.max_series_per_source allow",
             left_out);
  if (rejected + left_out > 0)
    put_partial(out, signal, rejected + left_out, why);
  else
    buf_put_text(out, "{}");
}

static void answer(enum otlp_signal signal, struct worker *worker, const struct request *request,
                   struct response *response) {
  struct intake intake = {.worker = worker, .request = request, .response = response};
  const struct otlp_sink sink = {signal == OTLP_LOGS ? on_line : on_event, on_sample, &intake};
  const struct otlp_options options = {
      .now_ms = request->now_ms,
      .default_source = worker_default_source(request),
      .max_data_bytes = (size_t)worker->conf->fcgi_max_event_bytes,
  };
  struct otlp_result result;
  struct model_problem problem = {0};
  int status = otlp_parse(signal, request->body, &options, &sink, &result, &problem);
  if (!status)
    status = append(&intake);
  if (intake.answered)
    return;
  if (status)
    worker_input_problem(request, response, status, "", &problem);
  else
    put_answer(response, signal, &result, intake.left_out);
}

void api_otlp_logs(struct worker *worker, const struct request *request,
                   struct response *response) {
  answer(OTLP_LOGS, worker, request, response);
}

void api_otlp_metrics(struct worker *worker, const struct request *request,
                      struct response *response) {
  answer(OTLP_METRICS, worker, request, response);
}

void api_otlp_traces(struct worker *worker, const struct request *request,
                     struct response *response) {
  answer(OTLP_TRACES, worker, request, response);
}
