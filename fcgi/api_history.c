/* GET /api/history: a metric over time, in buckets; or, without one, health snapshots of the past.
 */
#include "fcgi/api.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "fcgi/csv.h"
#include "fcgi/health_rules.h"
#include "fcgi/step.h"
#include "model/aggregate.h"
#include "model/sample_json.h"

#include <math.h>

#define POINTS_MAX       10000 /* of a series */
#define BUCKETS_MAX      50000 /* over all series of an answer */
#define DEFAULT_RANGE_MS 3600000
#define DEFAULT_POINTS   300
#define LABEL_PREFIX     "label."

enum {
  QUERY_METRIC,
  QUERY_FROM,
  QUERY_TO,
  QUERY_STEP,
  QUERY_POINTS,
  QUERY_AGG,
  QUERY_BY,
  QUERY_FORMAT,
  QUERY_LIMIT
};

#define DEFAULT_SNAPSHOTS 50

const struct field api_history_query[] = {
    [QUERY_METRIC] = {"metric", FIELD_TEXT, .max = 128,
                      .summary = "the metric's name, such as host_cpu_percent (GET /api/metrics "
                                 "lists them); label.NAME=VALUE chooses among its series. Without "
                                 "it, health snapshots are given"},
    [QUERY_FROM] = {"from", FIELD_TIME, .summary = "an hour before `to` by default"},
    [QUERY_TO] = {"to", FIELD_TIME, .summary = "now by default"},
    [QUERY_STEP] = {"step", FIELD_DURATION, .min = 1, .max = INT64_C(31536000000),
                    .summary = "width of a bucket; chosen from `points` by default"},
    [QUERY_POINTS] = {"points", FIELD_INTEGER, .min = 1, .max = POINTS_MAX,
                      .summary = "about how many buckets, 300 by default; asked for without `agg` "
                                 "it gives avg,min,max, so that no spike is lost"},
    [QUERY_AGG] = {"agg", FIELD_TEXT, .max = 192,
                   .summary = "avg (the default), min, max, sum, count, last, rate (per second, of "
                              "a counter), p50, p95, p99.9 ...: a comma list"},
    [QUERY_BY] = {"by", FIELD_TEXT, .max = 512,
                  .summary = "names of labels, a comma list: series with the same values of these "
                             "come as one; * for all as one"},
    [QUERY_FORMAT] = {"format", FIELD_CHOICE, .choices = "json|csv"},
    [QUERY_LIMIT] = {"limit", FIELD_INTEGER, .min = 1, .max = HEALTH_PAST_MAX,
                     .summary =
                         "of health snapshots only: how many, 50 by default; those before `to`, "
                         "newest first"},
    {0},
};

/* What a request asks for, checked. */
struct history_request {
  struct sample_query query;
  struct label_match labels[SAMPLE_LABELS_MAX];
  struct slice by[SAMPLE_LABELS_MAX];
  struct aggregate_list agg;
  bool csv;
};

static int take_by(struct slice list, struct history_request *out, struct model_problem *problem) {
  struct slice name;
  out->query.by = out->by;
  while (!slice_is(list, "*") && slice_split(&list, ',', &name)) {
    if (slice_trim(name).len == 0 || out->query.by_count == SAMPLE_LABELS_MAX)
      return model_problem_set(problem, BELFRY_EINVAL, "by",
                               "must be a comma list of names of labels, at most %d of them",
                               SAMPLE_LABELS_MAX);
    out->by[out->query.by_count++] = slice_trim(name);
  }
  return BELFRY_OK;
}

static int take_labels(const struct request *request, struct history_request *out,
                       struct model_problem *problem) {
  for (size_t i = 0; i < request->query_count; i++) {
    struct slice name = request->query[i].name;
    size_t prefix = sizeof LABEL_PREFIX - 1;
    if (!slice_starts_with(name, LABEL_PREFIX))
      continue;
    if (out->query.label_count == SAMPLE_LABELS_MAX || name.len == prefix)
      return model_problem_set(problem, BELFRY_EINVAL, "label",
                               "must be followed by a label's name; there can be %d of them",
                               SAMPLE_LABELS_MAX);
    out->labels[out->query.label_count++] = (struct label_match){
        slice_new(name.data + prefix, name.len - prefix), request->query[i].value};
  }
  out->query.labels = out->labels;
  return BELFRY_OK;
}

static int parse_request(const struct request *request, struct history_request *out,
                         struct model_problem *problem) {
  const struct field_value *params = request->params;
  struct sample_query *query = &out->query;
  query->metric = params[QUERY_METRIC].text;
  if (!metric_name_valid(query->metric))
    return model_problem_set(problem, BELFRY_EINVAL, "metric",
                             "must be a metric's name: a-z 0-9 _, not beginning with a digit");
  if (params[QUERY_LIMIT].set)
    return model_problem_set(problem, BELFRY_EINVAL, "limit",
                             "goes with health snapshots only, that is without `metric`; `points` "
                             "or `step` says how many buckets there are");
  query->to_ms = params[QUERY_TO].set ? params[QUERY_TO].number : request->now_ms + 1;
  query->from_ms = params[QUERY_FROM].set            ? params[QUERY_FROM].number
                   : query->to_ms > DEFAULT_RANGE_MS ? query->to_ms - DEFAULT_RANGE_MS
                                                     : 0;
  if (query->from_ms >= query->to_ms)
    return model_problem_set(problem, BELFRY_EINVAL, "from", "must be before `to`");
  int64_t range_ms = query->to_ms - query->from_ms;
  query->step_ms = params[QUERY_STEP].set ? params[QUERY_STEP].number
                                          : step_nice_ms(range_ms, params[QUERY_POINTS].set
                                                                       ? params[QUERY_POINTS].number
                                                                       : DEFAULT_POINTS);
  if (range_ms / query->step_ms > POINTS_MAX)
    return model_problem_set(problem, BELFRY_EINVAL, "step",
                             "makes %lld buckets of this range; at most %d are given: take a wider "
                             "step or a shorter range",
                             (long long)(range_ms / query->step_ms), POINTS_MAX);
  query->max_buckets = BUCKETS_MAX;
  out->csv = params[QUERY_FORMAT].set && params[QUERY_FORMAT].number == 1;
  struct slice agg = params[QUERY_AGG].set      ? params[QUERY_AGG].text
                     : params[QUERY_POINTS].set ? slice_of("avg,min,max")
                                                : slice_of("avg");
  int status = aggregate_parse(agg, &out->agg, problem);
  query->increases = out->agg.increases;
  query->quantiles = out->agg.quantiles;
  if (!status && params[QUERY_BY].set)
    status = take_by(params[QUERY_BY].text, out, problem);
  return status ? status : take_labels(request, out, problem);
}

static void put_figure(struct buf *out, const struct aggregate *agg,
                       const struct sample_bucket *bucket) {
  double value = agg->of(bucket, agg->quantile);
  buf_put_char(out, ',');
  (agg->computed ? json_put_measure : json_put_number)(out, value);
}

struct series_text {
  struct buf *out;
  const struct history_request *asked;
  struct buf labels; /* of the series that is open */
  bool open;
};

static int on_bucket(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct series_text *text = arg;
  if (!text->open || !slice_equal(buf_slice(&text->labels), labels)) {
    buf_put_text(text->out, text->open ? "]},{\"labels\":" : "{\"labels\":");
    buf_put_slice(text->out, labels);
    buf_put_text(text->out, ",\"points\":[");
    buf_clear(&text->labels);
    buf_put_slice(&text->labels, labels);
    text->open = true;
  } else {
    buf_put_char(text->out, ',');
  }
  buf_put_char(text->out, '[');
  json_put_integer(text->out, bucket->start_ms);
  for (size_t i = 0; i < text->asked->agg.count; i++)
    put_figure(text->out, &text->asked->agg.items[i], bucket);
  buf_put_char(text->out, ']');
  return buf_status(&text->labels);
}

static int on_csv_bucket(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct series_text *text = arg;
  char when[TIMESTAMP_BYTES];
  timestamp_format(bucket->start_ms, when);
  buf_printf(text->out, "%s,", when);
  csv_put_text(text->out, labels);
  for (size_t i = 0; i < text->asked->agg.count; i++) {
    const struct aggregate *agg = &text->asked->agg.items[i];
    if (isnan(agg->of(bucket, agg->quantile)))
      buf_put_char(text->out, ','); /* an empty cell */
    else
      put_figure(text->out, agg, bucket);
  }
  buf_put_char(text->out, '\n');
  return buf_status(text->out);
}

static void put_csv_head(struct buf *out, const struct history_request *asked) {
  buf_put_text(out, "timestamp,labels");
  for (size_t i = 0; i < asked->agg.count; i++)
    buf_printf(out, ",%s", asked->agg.items[i].name);
  buf_put_char(out, '\n');
}

static void put_head(struct buf *out, const struct history_request *asked) {
  const struct sample_query *query = &asked->query;
  char from[TIMESTAMP_BYTES], to[TIMESTAMP_BYTES];
  timestamp_format(query->from_ms, from);
  timestamp_format(query->to_ms, to);
  buf_put_text(out, "{\"metric\":");
  json_put_string(out, query->metric);
  buf_put_text(out, ",\"unit\":");
  json_put_string(out, slice_of(metric_unit(query->metric)));
  buf_printf(out, ",\"from\":\"%s\",\"to\":\"%s\",\"step\":", from, to);
  json_put_number(out, (double)query->step_ms / 1000);
  buf_put_text(out, ",\"agg\":[");
  for (size_t i = 0; i < asked->agg.count; i++)
    buf_printf(out, "%s\"%s\"", i ? "," : "", asked->agg.items[i].name);
  buf_put_text(out, "],\"series\":[");
}

static const char *resolution_name(int64_t resolution_ms) {
  return resolution_ms == 0 ? "raw" : resolution_ms < 3600000 ? "1m" : "1h";
}

static void put_tail(struct series_text *text, const struct sample_page *page) {
  buf_printf(text->out, "%s],\"resolution\":\"%s\"", text->open ? "]}" : "",
             resolution_name(page->resolution_ms));
  if (page->partial) {
    char when[TIMESTAMP_BYTES];
    timestamp_format(page->complete_to_ms, when);
    buf_printf(text->out, ",\"partial\":true,\"complete_to\":\"%s\"", when);
  }
  if (page->damaged)
    buf_put_text(text->out,
                 page->partial ? ",\"damaged\":true" : ",\"partial\":true,\"damaged\":true");
  buf_put_char(text->out, '}');
}

/* What the body of CSV has no place for. */
static void put_csv_headers(struct response *response, const struct sample_page *page) {
  if (page->damaged)
    response_header(response, "Belfry-Damaged", "true");
  response_header(response, "Belfry-Resolution", "%s", resolution_name(page->resolution_ms));
  if (page->partial) {
    char when[TIMESTAMP_BYTES];
    timestamp_format(page->complete_to_ms, when);
    response_header(response, "Belfry-Complete-To", "%s", when);
  }
}

static void refuse_too_many(const struct request *request, struct response *response,
                            const struct belfry_error *error) {
  struct model_problem problem = {0};
  (void)model_problem_set(&problem, BELFRY_EINVAL, "step", "makes too much of an answer: %s",
                          error->text);
  response_input_problem(response, request, 400, "", &problem);
}

/* --- health snapshots --------------------------------------------------------------------------
 */

/* Returns: what is of no use without a metric; NULL: nothing that was asked for. */
static const char *needs_metric(const struct field_value *params) {
  static const int needing[] = {QUERY_FROM, QUERY_STEP, QUERY_POINTS,
                                QUERY_AGG,  QUERY_BY,   QUERY_FORMAT};
  for (size_t i = 0; i < sizeof needing / sizeof *needing; i++)
    if (params[needing[i]].set)
      return api_history_query[needing[i]].name;
  return NULL;
}

static void answer_snapshots(struct worker *worker, const struct request *request,
                             struct response *response) {
  const struct field_value *params = request->params;
  const struct health_rules rules = health_rules_of(worker->conf);
  struct model_problem problem = {0};
  struct belfry_error error = {0};
  struct state_text text;
  const char *needing = needs_metric(params);
  if (needing) {
    (void)model_problem_set(&problem, BELFRY_EINVAL, needing,
                            "goes with a metric only; health snapshots take `to` and `limit`");
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  int64_t to_ms = params[QUERY_TO].set ? params[QUERY_TO].number : request->now_ms;
  int64_t limit = params[QUERY_LIMIT].set ? params[QUERY_LIMIT].number : DEFAULT_SNAPSHOTS;
  struct history *history = worker_history(worker, &error);
  state_text_init(&text, response_json(response, 200));
  int status = history ? health_put_past(history, &rules, to_ms, limit, &text, &error) : error.code;
  if (status == BELFRY_ETOOBIG) {
    (void)model_problem_set(&problem, BELFRY_EINVAL, "limit", "makes too much of an answer: %s",
                            error.text);
    response_input_problem(response, request, 400, "", &problem);
  } else if (status) {
    worker_read_problem(worker, request, response, status, &error);
  }
}

void api_history_get(struct worker *worker, const struct request *request,
                     struct response *response) {
  if (!request->params[QUERY_METRIC].set) {
    answer_snapshots(worker, request, response);
    return;
  }
  struct history_request asked = {0};
  struct model_problem problem = {0};
  struct belfry_error error = {0};
  struct sample_page page = {0};
  if (parse_request(request, &asked, &problem)) {
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  asked.query.budget_ms = worker_time_left_ms(worker, request) / 2;
  struct history *history = worker_history(worker, &error);
  struct series_text text = {.out = response_json(response, 200), .asked = &asked};
  buf_init(&text.labels, 0);
  if (asked.csv)
    put_csv_head(text.out, &asked);
  else
    put_head(text.out, &asked);
  int status = history
                   ? history_samples(history, &asked.query, asked.csv ? on_csv_bucket : on_bucket,
                                     &text, &page, &error)
                   : error.code;
  buf_fini(&text.labels);
  if (status == BELFRY_ETOOBIG) {
    refuse_too_many(request, response, &error);
  } else if (status) {
    worker_read_problem(worker, request, response, status, &error);
  } else if (asked.csv) {
    response->content_type = CSV_CONTENT_TYPE;
    put_csv_headers(response, &page);
  } else {
    put_tail(&text, &page);
  }
}
