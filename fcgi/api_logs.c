/* /api/logs: log lines, which are events of type `log`: takes them in, lists and counts them. */
#include "fcgi/api.h"

#include "base/timestamp.h"
#include "fcgi/body.h"
#include "fcgi/csv.h"
#include "fcgi/listing.h"
#include "fcgi/step.h"
#include "model/log_json.h"
#include "model/severity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- POST --- */

enum { POST_SOURCE, POST_LEVEL };

const struct field api_logs_post_query[] = {
    [POST_SOURCE] = {"source", FIELD_TEXT, .min = 1, .max = 128,
                     .summary = "of lines that say none; the key's name by default"},
    [POST_LEVEL] = {"level", FIELD_TEXT, .max = 16, .summary = "of lines that say none; info"},
    {0},
};

/* What lines have that do not say it themselves. */
static int take_defaults(struct worker *worker, const struct request *request,
                         struct event_parse_options *options, int *severity,
                         struct model_problem *problem) {
  const struct field_value *params = request->params;
  enum severity level = SEVERITY_INFO;
  *options = (struct event_parse_options){
      .now_ms = request->now_ms,
      .default_source =
          params[POST_SOURCE].set ? params[POST_SOURCE].text : worker_default_source(request),
      .max_data_bytes = (size_t)worker->conf->fcgi_max_event_bytes,
      .checked = request->body_type == BODY_TYPE_JSON,
      .ulids = &worker->ulids,
  };
  for (size_t i = 0; i < params[POST_SOURCE].text.len; i++)
    if ((unsigned char)params[POST_SOURCE].text.data[i] < 0x20 ||
        params[POST_SOURCE].text.data[i] == 0x7f)
      return model_problem_set(problem, BELFRY_EINVAL, "source",
                               "must be a text without control characters");
  if (params[POST_LEVEL].set && severity_parse(params[POST_LEVEL].text, &level))
    return model_problem_set(problem, BELFRY_EINVAL, "level",
                             "must be debug, info, success, warning, error or critical");
  *severity = level;
  return BELFRY_OK;
}

static int take_records(struct worker *worker, const struct request *request,
                        const struct event_parse_options *options, int severity,
                        struct log_parsed *parsed, struct body_records *records,
                        struct model_problem *problem) {
  struct slice text;
  int status =
      body_records_start(records, request->body, request->body_type == BODY_TYPE_NDJSON, problem);
  while (!status && body_records_next(records, &text)) {
    status = log_parse(text, options, severity, parsed, problem);
    status = worker_take_event(worker, status, &parsed->event.event, "lines", problem);
  }
  return status;
}

/* Every line that holds more than blanks is one; blanks at its end are dropped, those at its
   beginning mean something in a trace. */
static int take_plain(struct worker *worker, const struct request *request,
                      const struct event_parse_options *options, int severity,
                      struct log_parsed *parsed, struct body_records *records,
                      struct model_problem *problem) {
  struct slice rest = request->body, line;
  int status = BELFRY_OK;
  for (uint64_t number = 1; !status && slice_split(&rest, '\n', &line); number++) {
    struct slice text = slice_trim(line);
    if (text.len == 0)
      continue;
    snprintf(records->where, sizeof records->where, "line %" PRIu64, number);
    line.len = (size_t)(text.data + text.len - line.data);
    status = log_parse_plain(line, options, severity, parsed, problem);
    status = worker_take_event(worker, status, &parsed->event.event, "lines", problem);
  }
  if (!status)
    records->where[0] = '\0';
  return status;
}

void api_logs_post(struct worker *worker, const struct request *request,
                   struct response *response) {
  struct event_parse_options options;
  struct model_problem problem = {0};
  struct log_parsed parsed;
  struct body_records records = {0};
  int severity = SEVERITY_INFO;
  if (take_defaults(worker, request, &options, &severity, &problem)) {
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  log_parsed_init(&parsed);
  int status = (request->body_type == BODY_TYPE_TEXT ? take_plain : take_records)(
      worker, request, &options, severity, &parsed, &records, &problem);
  log_parsed_fini(&parsed);
  if (!status && history_batch_count(&worker->batch) == 0)
    status = model_problem_set(&problem, BELFRY_ECONFLICT, "", "there is no log line in the body");
  if (status)
    worker_input_problem(request, response, status, records.where, &problem);
  else
    worker_append_events(worker, request, response);
}

/* --- which lines --- */

/* A single level is the lowest that is wanted; of a list each is wanted by itself. */
static int apply_level(struct slice level, struct event_filter *filter,
                       struct model_problem *problem) {
  struct slice rest = level, piece;
  unsigned wanted = 0, count = 0;
  while (slice_split(&rest, ',', &piece)) {
    enum severity severity;
    piece = slice_trim(piece);
    if (piece.len == 0)
      continue;
    if (severity_parse(piece, &severity))
      return model_problem_set(problem, BELFRY_EINVAL, "level",
                               "'%.*s' is not debug, info, success, warning, error or critical",
                               piece.len > 16 ? 16 : (int)piece.len, piece.data);
    wanted |= 1u << severity;
    count++;
  }
  if (count == 1 && !memchr(level.data, ',', level.len))
    wanted = ~(wanted - 1) & ((1u << SEVERITY_COUNT) - 1);
  if (count == 0)
    return BELFRY_OK;
  if (filter->severities && !(filter->severities & wanted))
    return model_problem_set(problem, BELFRY_EINVAL, "level",
                             "and severity leave nothing that could match");
  filter->severities = filter->severities ? filter->severities & wanted : wanted;
  return BELFRY_OK;
}

static int parse_wanted(const struct request *request, struct slice level,
                        struct event_query *query, struct model_problem *problem) {
  int status = listing_filter(request, slice_of(LOG_EVENT_TYPE), query, problem);
  return status ? status : apply_level(level, &query->filter, problem);
}

#define LEVEL_FIELD                                                                                \
  {                                                                                                \
    "level", FIELD_TEXT, .max = 128,                                                               \
                         .summary = "one: it and graver ones; a comma list: just these"            \
  }

/* --- GET --- */

enum { QUERY_LEVEL = LISTING_PARAMS };

const struct field api_logs_query[] = {LISTING_FIELDS, [QUERY_LEVEL] = LEVEL_FIELD, {0}};

static void put_row(struct buf *out, const struct event *event) {
  char timestamp[TIMESTAMP_BYTES];
  struct buf text;
  timestamp_format(event->timestamp_ms, timestamp);
  buf_printf(out, "%" PRId64 ",%s,%s,", event->id, timestamp, severity_name(event->severity));
  csv_put_text(out, event->source);
  buf_init(&text, 0);
  buf_put_char(out, ',');
  log_put_message(&text, event);
  csv_put_text(out, buf_slice(&text));
  buf_put_char(out, ',');
  if (!buf_status(&text))
    buf_clear(&text);
  log_put_attributes(&text, event);
  csv_put_text(out, buf_slice(&text));
  if (buf_status(&text))
    out->status = buf_status(&text); /* a row that lacks something is none */
  buf_fini(&text);
}

static bool shows(const struct event *event) {
  return slice_is(event->type, LOG_EVENT_TYPE);
}

static const struct listing_view view = {
    .plural = "logs",
    .columns = "id,timestamp,severity,source,message,attributes",
    .put_json = log_put_json,
    .put_row = put_row,
    .shows = shows,
};

void api_logs_list(struct worker *worker, const struct request *request,
                   struct response *response) {
  struct event_query query = {0};
  struct model_problem problem = {0};
  if (parse_wanted(request, request->params[QUERY_LEVEL].text, &query, &problem))
    response_input_problem(response, request, 400, "", &problem);
  else
    listing_answer(worker, request, response, &view, &query);
}

/* --- how many, when --- */

#define BUCKETS_MAX      1000
#define BUCKETS_DEFAULT  60
#define DEFAULT_RANGE_MS INT64_C(86400000)
/* One read transaction is no longer than this. */
#define PIECE_BUDGET_MS 200

enum {
  HISTOGRAM_STEP = LISTING_BEFORE + 1,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_LEVEL,
  HISTOGRAM_CURSOR,
};

const struct field api_logs_histogram_query[] = {
    LISTING_FILTER_FIELDS,
    [HISTOGRAM_STEP] = {"step", FIELD_DURATION, .min = 1000, .max = INT64_C(31536000000),
                        .summary = "width of a bucket; chosen from `buckets` by default"},
    [HISTOGRAM_BUCKETS] = {"buckets", FIELD_INTEGER, .min = 1, .max = BUCKETS_MAX,
                           .summary = "about how many, 60 by default"},
    [HISTOGRAM_LEVEL] = LEVEL_FIELD,
    [HISTOGRAM_CURSOR] = {"cursor", FIELD_TEXT, .max = 96,
                          .summary = "next_cursor of a partial answer: counts the rest"},
    {0},
};

struct histogram {
  struct event_query query;
  int64_t from_ms, to_ms, step_ms, start_ms; /* start_ms: of the first bucket */
  bool damaged;                              /* something cannot be read any more */
  size_t bucket_count;
  uint64_t counts[BUCKETS_MAX + 1][SEVERITY_COUNT];
};

static int parse_histogram(const struct request *request, struct histogram *histogram,
                           struct model_problem *problem) {
  const struct field_value *params = request->params;
  struct event_query *query = &histogram->query;
  int status = parse_wanted(request, params[HISTOGRAM_LEVEL].text, query, problem);
  if (status)
    return status;
  histogram->to_ms = params[LISTING_TO].set ? params[LISTING_TO].number : request->now_ms + 1;
  histogram->from_ms = params[LISTING_FROM].set              ? params[LISTING_FROM].number
                       : histogram->to_ms > DEFAULT_RANGE_MS ? histogram->to_ms - DEFAULT_RANGE_MS
                                                             : 0;
  if (histogram->from_ms >= histogram->to_ms)
    return model_problem_set(problem, BELFRY_EINVAL, "from", "must be before `to`");
  if (params[HISTOGRAM_STEP].set && params[HISTOGRAM_BUCKETS].set)
    return model_problem_set(problem, BELFRY_EINVAL, "buckets",
                             "says what `step` says already: give one of them");
  int64_t range_ms = histogram->to_ms - histogram->from_ms;
  int64_t buckets =
      params[HISTOGRAM_BUCKETS].set ? params[HISTOGRAM_BUCKETS].number : BUCKETS_DEFAULT;
  int64_t step_ms =
      params[HISTOGRAM_STEP].set ? params[HISTOGRAM_STEP].number : step_nice_ms(range_ms, buckets);
  histogram->step_ms = step_ms;
  histogram->start_ms = histogram->from_ms - histogram->from_ms % step_ms;
  int64_t count = (histogram->to_ms - histogram->start_ms + step_ms - 1) / step_ms;
  if (count > BUCKETS_MAX + 1)
    return model_problem_set(problem, BELFRY_EINVAL, "step",
                             "makes %" PRId64 " buckets of this range; at most %d are given: take "
                             "a wider step or a shorter range",
                             count, BUCKETS_MAX);
  histogram->bucket_count = (size_t)count;
  query->filter.from_ms = histogram->from_ms;
  query->filter.to_ms = histogram->to_ms;
  query->newest_first = true;
  query->brief = true;
  return BELFRY_OK;
}

static int on_line(void *arg, const struct event *event) {
  struct histogram *histogram = arg;
  size_t bucket = (size_t)((event->timestamp_ms - histogram->start_ms) / histogram->step_ms);
  histogram->counts[bucket][event->severity]++;
  return 0;
}

/* Counts until everything was seen or the time is over. Returns: 0 or an error; `*more` tells which
   it was. */
static int count_lines(struct worker *worker, const struct request *request,
                       struct history *history, struct histogram *histogram, bool *more,
                       struct belfry_error *error) {
  struct event_query *query = &histogram->query;
  int64_t until_ms = clock_monotonic_ms(worker->clock) + worker_time_left_ms(worker, request) / 2;
  struct event_page page;
  int status;
  query->limit = UINT32_MAX;
  do {
    int64_t left_ms = until_ms - clock_monotonic_ms(worker->clock);
    query->budget_ms = left_ms < PIECE_BUDGET_MS ? left_ms : PIECE_BUDGET_MS;
    if (query->budget_ms < 1)
      query->budget_ms = 1;
    page = (struct event_page){0};
    status = history_events(history, query, on_line, histogram, &page, error);
    *more = page.more && page.scanned > query->after + 1;
    query->before = page.scanned;
    histogram->damaged = histogram->damaged || page.damaged;
  } while (!status && *more && clock_monotonic_ms(worker->clock) < until_ms);
  return status;
}

static void put_counts(struct buf *out, const uint64_t counts[SEVERITY_COUNT]) {
  uint64_t total = 0;
  const char *separator = "";
  for (int i = 0; i < SEVERITY_COUNT; i++)
    total += counts[i];
  buf_printf(out, "\"total\":%" PRIu64 ",\"counts\":{", total);
  for (int i = 0; i < SEVERITY_COUNT; i++) {
    buf_printf(out, "%s\"%s\":%" PRIu64, separator, severity_name(i), counts[i]);
    separator = ",";
  }
  buf_put_char(out, '}');
}

static void put_histogram(struct buf *out, const struct histogram *histogram) {
  char from[TIMESTAMP_BYTES], to[TIMESTAMP_BYTES], start[TIMESTAMP_BYTES];
  uint64_t totals[SEVERITY_COUNT] = {0};
  timestamp_format(histogram->from_ms, from);
  timestamp_format(histogram->to_ms, to);
  buf_printf(out, "{\"from\":\"%s\",\"to\":\"%s\",\"step\":%.10g,\"buckets\":[", from, to,
             (double)histogram->step_ms / 1000);
  for (size_t i = 0; i < histogram->bucket_count; i++) {
    timestamp_format(histogram->start_ms + (int64_t)i * histogram->step_ms, start);
    buf_printf(out, "%s{\"start\":\"%s\",", i ? "," : "", start);
    put_counts(out, histogram->counts[i]);
    buf_put_char(out, '}');
    for (int severity = 0; severity < SEVERITY_COUNT; severity++)
      totals[severity] += histogram->counts[i][severity];
  }
  buf_put_text(out, "],");
  put_counts(out, totals);
  buf_put_char(out, ',');
}

static void answer_histogram(struct worker *worker, const struct request *request,
                             struct response *response, struct histogram *histogram) {
  struct model_problem problem = {0};
  struct belfry_error error = {0};
  struct history_position position;
  bool more = false;
  if (parse_histogram(request, histogram, &problem)) {
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  struct history *history = worker_history(worker, &error);
  int status = history ? history_position(history, &position, &error) : error.code;
  if (!status && listing_apply_cursor(request->params[HISTOGRAM_CURSOR].text, position.epoch,
                                      &histogram->query, &problem)) {
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  if (!status && (histogram->query.before == 0 || histogram->query.before > position.head + 1))
    histogram->query.before = position.head + 1;
  if (!status)
    status = count_lines(worker, request, history, histogram, &more, &error);
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  struct buf *out = response_json(response, 200);
  put_histogram(out, histogram);
  listing_put_end(out, position.epoch, &histogram->query, more, more || histogram->damaged);
  buf_put_char(out, '}');
}

void api_logs_histogram(struct worker *worker, const struct request *request,
                        struct response *response) {
  struct histogram *histogram = calloc(1, sizeof *histogram);
  if (histogram)
    answer_histogram(worker, request, response, histogram);
  else
    response_unavailable(response, request, 1, "out of memory");
  free(histogram);
}
