/* /api/metrics: takes samples in, and lists what is measured. */
#include "fcgi/api.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "fcgi/body.h"
#include "fcgi/cursor.h"
#include "model/sample_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

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

#define WINDOW_MS      3600000                         /* that the statistics are of */
#define WINDOW_STEP_MS (INT64_C(400) * 366 * 86400000) /* all of it is one bucket */
#define WINDOW_COST_MS 300 /* how long they may take; series beyond it are listed without */

/* A series of the page. */
struct listed {
  size_t metric, metric_len, labels, labels_len; /* where its texts are */
  int64_t id, count, last_ts;
  double last_value;
  struct sample_bucket window; /* count 0: nothing was measured */
  bool known;
};

struct listing_page {
  struct listed *series; /* owned; as many as may be on a page, and one more */
  size_t count;
  struct buf texts; /* owned */
  size_t at;        /* the first that the next bucket may be of */
};

static struct slice metric_of(const struct listing_page *page, const struct listed *series) {
  return slice_new(page->texts.data + series->metric, series->metric_len);
}

static struct slice labels_of(const struct listing_page *page, const struct listed *series) {
  return slice_new(page->texts.data + series->labels, series->labels_len);
}

/* Columns: id, metric, labels, count, last_ts, last_value. */
static int on_series(void *arg, const struct history_value *values, size_t count) {
  struct listing_page *page = arg;
  if (count != 6)
    return BELFRY_ECORRUPT;
  struct listed *series = &page->series[page->count++];
  *series = (struct listed){.metric = page->texts.len,
                            .metric_len = values[1].text.len,
                            .labels = page->texts.len + values[1].text.len,
                            .labels_len = values[2].text.len,
                            .id = values[0].integer,
                            .count = values[3].integer,
                            .last_ts = values[4].integer,
                            .last_value = values[5].real};
  buf_put_slice(&page->texts, values[1].text);
  buf_put_slice(&page->texts, values[2].text);
  return buf_status(&page->texts);
}

/* Series of a metric come in the order in which they are listed. */
static int on_window(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct listing_page *page = arg;
  for (size_t i = page->at; i < page->count; i++)
    if (slice_equal(labels_of(page, &page->series[i]), labels)) {
      page->series[i].window = *bucket;
      page->at = i + 1;
      break;
    }
  return BELFRY_OK;
}

/* What the series of the page were in the last hour, metric by metric. What takes too long is left
 * out: the list itself is what was asked for. */
static void read_windows(struct history *history, int64_t now_ms, struct listing_page *page) {
  int64_t end_ms = clock_monotonic_ms(&clock_system) + WINDOW_COST_MS;
  for (size_t first = 0, end; first < page->count; first = end) {
    struct slice metric = metric_of(page, &page->series[first]);
    struct belfry_error ignored = {0};
    struct sample_page read;
    int64_t left_ms = end_ms - clock_monotonic_ms(&clock_system);
    for (end = first;
         end < page->count && slice_equal(metric, metric_of(page, &page->series[end]));)
      end++;
    if (left_ms <= 0)
      return;
    const struct sample_query query = {.metric = metric,
                                       .from_ms = now_ms - WINDOW_MS,
                                       .to_ms = now_ms + 1,
                                       .step_ms = WINDOW_STEP_MS,
                                       .budget_ms = left_ms,
                                       .max_buckets = UINT32_MAX};
    page->at = first;
    bool known =
        !history_samples(history, &query, on_window, page, &read, &ignored) && !read.partial;
    for (size_t i = first; i < end; i++)
      page->series[i].known = known;
  }
}

static void put_window(struct buf *out, const struct listed *series) {
  const struct sample_bucket *window = &series->window;
  buf_printf(out, ",\"statistics\":{\"count\":%lld", (long long)window->count);
  const struct {
    const char *name;
    double value;
  } figures[] = {{"min", window->min},
                 {"max", window->max},
                 {"avg", window->sum / (double)window->count},
                 {"last", window->last}};
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
    buf_printf(out, ",\"%s\":", figures[i].name);
    json_put_number(out, window->count ? figures[i].value : NAN);
  }
  buf_put_char(out, '}');
}

static void put_series(struct buf *out, const struct listing_page *page,
                       const struct listed *series) {
  char when[TIMESTAMP_BYTES];
  timestamp_format(series->last_ts, when);
  buf_put_text(out, "{\"labels\":");
  buf_put_slice(out, labels_of(page, series));
  buf_printf(out, ",\"count\":%lld,\"last\":", (long long)series->count);
  json_put_number(out, series->last_value);
  buf_printf(out, ",\"last_timestamp\":\"%s\"", when);
  if (series->known)
    put_window(out, series);
  buf_put_char(out, '}');
}

static void put_page(struct buf *out, const struct listing_page *page, size_t count) {
  buf_printf(out, "{\"window_seconds\":%d,\"metrics\":[", WINDOW_MS / 1000);
  for (size_t i = 0; i < count; i++) {
    struct slice metric = metric_of(page, &page->series[i]);
    bool first = i == 0 || !slice_equal(metric, metric_of(page, &page->series[i - 1]));
    if (first) {
      buf_put_text(out, i ? "]},{\"metric\":" : "{\"metric\":");
      json_put_string(out, metric);
      buf_put_text(out, ",\"unit\":");
      json_put_string(out, slice_of(metric_unit(metric)));
      buf_put_text(out, ",\"series\":[");
    } else {
      buf_put_char(out, ',');
    }
    put_series(out, page, &page->series[i]);
  }
  buf_put_text(out, count ? "]}]" : "]");
}

static int read_page(struct history *history, const struct request *request, int64_t after,
                     int64_t limit, struct listing_page *page, struct belfry_error *error) {
  const struct field_value *params = request->params;
  const struct history_value values[] = {
      params[QUERY_METRIC].set ? HISTORY_VALUE_TEXT("metric", params[QUERY_METRIC].text)
                               : HISTORY_VALUE_NULL("metric"),
      HISTORY_VALUE_INTEGER("after", after),
      HISTORY_VALUE_INTEGER("limit", limit + 1), /* one more tells that there is another page */
  };
  page->series = calloc((size_t)limit + 1, sizeof *page->series);
  if (!page->series)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while listing metrics");
  int status = history_read(history, SQL_SERIES_PAGE, values, 3, on_series, page, error);
  if (!status)
    read_windows(history, request->now_ms, page);
  return status;
}

void api_metrics_list(struct worker *worker, const struct request *request,
                      struct response *response) {
  const struct field_value *params = request->params;
  struct listing_page page = {0};
  struct belfry_error error = {0};
  struct history_position position;
  int64_t after = 0, limit = params[QUERY_LIMIT].set ? params[QUERY_LIMIT].number : 100;
  struct history *history = worker_history(worker, &error);
  int status = history ? history_position(history, &position, &error) : error.code;
  if (!status && params[QUERY_CURSOR].set &&
      cursor_parse(params[QUERY_CURSOR].text, position.epoch, 'm', &after)) {
    struct model_problem problem = {
        "cursor", "is none of this list, or of a history that is no more; begin again without it"};
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  buf_init(&page.texts, 0);
  if (!status)
    status = read_page(history, request, after, limit, &page, &error);
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
  } else {
    bool more = page.count > (size_t)limit;
    size_t count = more ? (size_t)limit : page.count;
    struct buf *out = response_json(response, 200);
    put_page(out, &page, count);
    if (more) {
      char cursor[CURSOR_BYTES];
      cursor_format(position.epoch, 'm', page.series[count - 1].id, cursor);
      buf_printf(out, ",\"next_cursor\":\"%s\"}", cursor);
    } else {
      buf_put_text(out, ",\"next_cursor\":null}");
    }
  }
  free(page.series);
  buf_fini(&page.texts);
}
