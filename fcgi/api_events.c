/* /api/events: takes events in, and lists them. */
#include "fcgi/api.h"

#include "base/timestamp.h"
#include "fcgi/body.h"
#include "fcgi/csv.h"
#include "fcgi/listing.h"
#include "model/cloudevent.h"
#include "model/event_json.h"
#include "model/severity.h"

#include <inttypes.h>

/* --- POST --- */

/* Puts every event of the body into the batch. Returns: whether all of them are in order. */
static bool take_events(struct worker *worker, const struct request *request,
                        struct event_parsed *parsed, struct response *response) {
  struct body_records records;
  struct model_problem problem = {0};
  struct slice text;
  int status =
      body_records_start(&records, request->body, request->body_type == BODY_TYPE_NDJSON, &problem);
  const struct event_parse_options options = {
      .now_ms = request->now_ms,
      .default_source = worker_default_source(request),
      .max_data_bytes = (size_t)worker->conf->fcgi_max_event_bytes,
      .checked = request->body_type == BODY_TYPE_JSON,
      .ulids = &worker->ulids,
  };
  while (!status && body_records_next(&records, &text)) {
    status = event_parse(text, &options, parsed, &problem);
    status = worker_take_event(worker, status, &parsed->event, "events", &problem);
  }
  if (!status && history_batch_count(&worker->batch) == 0)
    status = model_problem_set(&problem, BELFRY_ECONFLICT, "", "there is no event in the body");
  if (status)
    worker_input_problem(request, response, status, records.where, &problem);
  return status == BELFRY_OK;
}

/* One event, or an array of them: which, says the content type. */
static int take_structured(struct worker *worker, const struct request *request,
                           const struct event_parse_options *options,
                           struct cloudevent_parsed *parsed, struct body_records *records,
                           struct model_problem *problem) {
  bool batch = request->body_type == BODY_TYPE_CLOUDEVENTS;
  struct slice text;
  int status = body_records_start(records, request->body, false, problem);
  if (!status && records->single == batch)
    status = model_problem_set(problem, BELFRY_ECONFLICT, "", "must be %s",
                               batch ? "an array, as application/cloudevents-batch+json is"
                                     : "an object, as application/cloudevents+json is");
  while (!status && body_records_next(records, &text)) {
    status = cloudevent_parse(text, options, parsed, problem);
    status = worker_take_event(worker, status, &parsed->event.event, "events", problem);
  }
  return status;
}

/* The attributes are headers, the body is the data. */
static int take_binary(struct worker *worker, const struct request *request,
                       const struct event_parse_options *options, struct cloudevent_parsed *parsed,
                       struct model_problem *problem) {
  if (request->cloudevent_count > CLOUDEVENT_HEADERS_MAX)
    return model_problem_set(problem, BELFRY_ECONFLICT, "",
                             "there are %zu headers that begin with ce-; at most %d are taken",
                             request->cloudevent_count, CLOUDEVENT_HEADERS_MAX);
  int status =
      cloudevent_parse_binary(request->cloudevent, request->cloudevent_count, request->content_type,
                              request->body, options, parsed, problem);
  return worker_take_event(worker, status, &parsed->event.event, "events", problem);
}

static void post_cloudevents(struct worker *worker, const struct request *request,
                             struct response *response) {
  struct cloudevent_parsed parsed;
  struct body_records records = {0};
  struct model_problem problem = {0};
  const struct event_parse_options options = {
      .now_ms = request->now_ms,
      .max_data_bytes = (size_t)worker->conf->fcgi_max_event_bytes,
  };
  cloudevent_parsed_init(&parsed);
  int status = request->body_type == BODY_TYPE_CLOUDEVENT_BINARY
                   ? take_binary(worker, request, &options, &parsed, &problem)
                   : take_structured(worker, request, &options, &parsed, &records, &problem);
  cloudevent_parsed_fini(&parsed);
  if (status)
    worker_input_problem(request, response, status, records.where, &problem);
  else
    worker_append_events(worker, request, response);
}

void api_events_post(struct worker *worker, const struct request *request,
                     struct response *response) {
  if (request->body_type >= BODY_TYPE_CLOUDEVENT) {
    post_cloudevents(worker, request, response);
    return;
  }
  struct event_parsed parsed;
  event_parsed_init(&parsed);
  bool taken = take_events(worker, request, &parsed, response);
  event_parsed_fini(&parsed);
  if (taken)
    worker_append_events(worker, request, response);
}

/* --- GET --- */

enum { QUERY_EVENT = LISTING_PARAMS };

const struct field api_events_query[] = {
    LISTING_FIELDS,
    [QUERY_EVENT] = {"event", FIELD_TEXT, .max = 2048, .summary = "types: globs, comma list"},
    {0},
};

static void put_time(struct buf *out, int64_t ms) {
  char text[TIMESTAMP_BYTES];
  timestamp_format(ms, text);
  buf_put_text(out, text);
}

static void put_row(struct buf *out, const struct event *event) {
  buf_printf(out, "%" PRId64 ",", event->id);
  put_time(out, event->timestamp_ms);
  buf_put_char(out, ',');
  put_time(out, event->received_ms);
  buf_put_char(out, ',');
  csv_put_text(out, event->type);
  buf_printf(out, ",%s,", severity_name(event->severity));
  csv_put_text(out, event->source);
  buf_put_char(out, ',');
  csv_put_text(out, event->event_id);
  buf_put_char(out, ',');
  csv_put_text(out, event->data);
}

static bool shows(const struct event *event) {
  (void)event;
  return true;
}

static const struct listing_view view = {
    .plural = "events",
    .columns = "id,timestamp,received,event,severity,source,event_id,data",
    .put_json = event_put_json,
    .put_row = put_row,
    .shows = shows,
};

void api_events_list(struct worker *worker, const struct request *request,
                     struct response *response) {
  struct event_query query = {0};
  struct model_problem problem = {0};
  if (listing_filter(request, request->params[QUERY_EVENT].text, &query, &problem))
    response_input_problem(response, request, 400, "", &problem);
  else
    listing_answer(worker, request, response, &view, &query);
}

static int on_event(void *arg, const struct event *event) {
  event_put_json(arg, event);
  return 0;
}

void api_events_get(struct worker *worker, const struct request *request,
                    struct response *response) {
  long long id;
  struct belfry_error error = {0};
  if (!slice_to_int64(request->args[0], &id) || id < 1 || id == INT64_MAX) {
    response_problem(response, request, 404, "an event's id is a whole number from 1");
    return;
  }
  const struct event_query query = {.after = id - 1, .before = id + 1, .limit = 1};
  struct history *history = worker_history(worker, &error);
  struct buf *out = response_json(response, 200);
  struct event_page page = {0};
  int status = history ? history_events(history, &query, on_event, out, &page, &error) : error.code;
  if (!status && out->len == 0 && page.damaged)
    status = belfry_error_set(&error, BELFRY_ECORRUPT, "event %lld would be in a damaged part", id);
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (out->len == 0)
    response_problem(response, request, 404, "there is no event %lld", id);
}
