/* /api/metrics: takes samples in, and lists what is measured. */
#include "fcgi/api.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "fcgi/body.h"
#include "fcgi/cursor.h"
#include "model/sample_json.h"

#include <inttypes.h>

static bool take_samples(struct worker *worker, const struct request *request,
                         struct sample_parsed *parsed, struct response *response) {
  struct body_records records;
  struct model_problem problem = {0};
  struct slice text;
  int status =
      body_records_start(&records, request->body, request->body_type == BODY_TYPE_NDJSON, &problem);
  while (!status && body_records_next(&records, &text)) {
    if (history_batch_count(&worker->batch) >= worker->conf->history_max_batch_events)
      status = model_problem_set(&problem, BELFRY_ETOOBIG, "",
                                 "is over the limit of %" PRId64 " samples in one request",
                                 worker->conf->history_max_batch_events);
    else
      status = sample_parse(text, request->body_type == BODY_TYPE_JSON, request->now_ms, parsed,
                            &problem);
    if (!status)
      history_batch_sample(&worker->batch, &parsed->sample);
  }
  if (!status && history_batch_count(&worker->batch) == 0)
    status = model_problem_set(&problem, BELFRY_ECONFLICT, "", "there is no sample in the body");
  if (status)
    worker_input_problem(request, response, status, records.where, &problem);
  return status == BELFRY_OK;
}

void api_metrics_post(struct worker *worker, const struct request *request,
                      struct response *response) {
  struct sample_parsed parsed;
  struct history_receipt receipt;
  sample_parsed_init(&parsed);
  bool taken = take_samples(worker, request, &parsed, response);
  sample_parsed_fini(&parsed);
  uint32_t count = worker->batch.sample_count;
  if (taken && !worker_append(worker, request, response, false, &receipt))
    buf_printf(response_json(response, 201), "{\"accepted\":%u}", count);
}

enum { QUERY_METRIC, QUERY_LIMIT, QUERY_CURSOR };

const struct field api_metrics_query[] = {
    [QUERY_METRIC] = {"metric", FIELD_TEXT, .max = 128, .summary = "this one only"},
    [QUERY_LIMIT] = {"limit", FIELD_INTEGER, .min = 1, .max = 1000,
                     .summary = "series, 100 by default"},
    [QUERY_CURSOR] = {"cursor", FIELD_TEXT, .max = 96, .summary = "next_cursor of the page before"},
    {0},
};

struct metrics_text {
  struct buf *out;
  char metric[129]; /* whose object is open; "" for none */
  int64_t limit, given;
  int64_t last_id; /* of the last series that was given */
  bool more;
};

static void close_metric(struct metrics_text *text) {
  if (text->metric[0])
    buf_put_text(text->out, "]}");
}

static void open_metric(struct metrics_text *text, struct slice metric) {
  close_metric(text);
  buf_put_text(text->out, text->metric[0] ? ",{\"metric\":" : "{\"metric\":");
  json_put_string(text->out, metric);
  buf_put_text(text->out, ",\"unit\":");
  json_put_string(text->out, slice_of(metric_unit(metric)));
  buf_put_text(text->out, ",\"series\":[");
  size_t len = metric.len < sizeof text->metric ? metric.len : sizeof text->metric - 1;
  memcpy(text->metric, metric.data, len);
  text->metric[len] = '\0';
}

/* Columns: id, metric, labels, count, last_ts, last_value. One row more than asked tells that there
   is another page. */
static int on_series(void *arg, const struct history_value *values, size_t count) {
  struct metrics_text *text = arg;
  if (count != 6)
    return BELFRY_ECORRUPT;
  if (text->given == text->limit) {
    text->more = true;
    return 0;
  }
  if (!text->metric[0] || !slice_is(values[1].text, text->metric))
    open_metric(text, values[1].text);
  else
    buf_put_char(text->out, ',');
  char when[TIMESTAMP_BYTES];
  timestamp_format(values[4].integer, when);
  buf_put_text(text->out, "{\"labels\":");
  buf_put_slice(text->out, values[2].text);
  buf_printf(text->out, ",\"count\":%lld,\"last\":", (long long)values[3].integer);
  json_put_number(text->out,
                  values[5].kind == HISTORY_INTEGER ? (double)values[5].integer : values[5].real);
  buf_printf(text->out, ",\"last_timestamp\":\"%s\"}", when);
  text->last_id = values[0].integer;
  text->given++;
  return 0;
}

void api_metrics_list(struct worker *worker, const struct request *request,
                      struct response *response) {
  const struct field_value *params = request->params;
  struct metrics_text text = {.limit = params[QUERY_LIMIT].set ? params[QUERY_LIMIT].number : 100};
  struct belfry_error error = {0};
  struct history_position position;
  int64_t after = 0;
  struct history *history = worker_history(worker, &error);
  int status = history ? history_position(history, &position, &error) : error.code;
  if (!status && params[QUERY_CURSOR].set &&
      cursor_parse(params[QUERY_CURSOR].text, position.epoch, 'm', &after)) {
    struct model_problem problem = {
        "cursor", "is none of this list, or of a history that is no more; begin again without it"};
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  text.out = response_json(response, 200);
  buf_put_text(text.out, "{\"metrics\":[");
  const struct history_value values[] = {
      params[QUERY_METRIC].set ? HISTORY_VALUE_TEXT("metric", params[QUERY_METRIC].text)
                               : HISTORY_VALUE_NULL("metric"),
      HISTORY_VALUE_INTEGER("after", after),
      HISTORY_VALUE_INTEGER("limit", text.limit + 1),
  };
  if (!status)
    status = history_read(history, SQL_SERIES_PAGE, values, 3, on_series, &text, &error);
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  close_metric(&text);
  if (text.more) {
    char cursor[CURSOR_BYTES];
    cursor_format(position.epoch, 'm', text.last_id, cursor);
    buf_printf(text.out, "],\"next_cursor\":\"%s\"}", cursor);
  } else {
    buf_put_text(text.out, "],\"next_cursor\":null}");
  }
}
