/* /api/events: takes events in, and lists them. */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/body.h"
#include "fcgi/cursor.h"
#include "model/event_json.h"
#include "model/filter_parse.h"

#include <inttypes.h>
#include <stdio.h>

/* A page ends when it holds so much, even if more events were asked for. */
#define PAGE_BYTES_ENOUGH ((size_t)4 << 20)

/* --- POST --- */

/* Whose event it is when it says nothing: the key's. */
static struct slice default_source(const struct request *request) {
  return request->identity.name[0] ? slice_of(request->identity.name) : slice_of("unknown");
}

/* Puts every event of the body into the batch. Returns: whether all of them are in order. */
static bool take_events(struct worker *worker, const struct request *request,
                        struct event_parsed *parsed, struct response *response) {
  struct body_records records;
  struct model_problem problem = {0};
  struct slice text;
  int status = body_records_start(&records, request->body, request->body_ndjson, &problem);
  const struct event_parse_options options = {
      .now_ms = request->now_ms,
      .default_source = default_source(request),
      .max_data_bytes = (size_t)worker->conf->fcgi_max_event_bytes,
      .checked = !request->body_ndjson,
      .ulids = &worker->ulids,
  };
  while (!status && body_records_next(&records, &text)) {
    if (history_batch_count(&worker->batch) >= worker->conf->history_max_batch_events)
      status = model_problem_set(&problem, BELFRY_ETOOBIG, "",
                                 "is over the limit of %" PRId64 " events in one request",
                                 worker->conf->history_max_batch_events);
    else
      status = event_parse(text, &options, parsed, &problem);
    if (!status)
      history_batch_event(&worker->batch, &parsed->event);
  }
  if (!status && history_batch_count(&worker->batch) == 0)
    status = model_problem_set(&problem, BELFRY_ECONFLICT, "", "there is no event in the body");
  if (status)
    worker_input_problem(request, response, status, records.where, &problem);
  return status == BELFRY_OK;
}

static void put_id(struct buf *out, const char *key, int64_t id) {
  if (id)
    buf_printf(out, ",\"%s\":%lld", key, (long long)id);
  else
    buf_printf(out, ",\"%s\":null", key);
}

void api_events_post(struct worker *worker, const struct request *request,
                     struct response *response) {
  struct event_parsed parsed;
  struct history_receipt receipt;
  event_parsed_init(&parsed);
  bool taken = take_events(worker, request, &parsed, response);
  event_parsed_fini(&parsed);
  if (!taken || worker_append(worker, request, response, false, &receipt))
    return;
  struct buf *out = response_json(response, 201);
  buf_printf(out, "{\"accepted\":%u,\"duplicates\":%u", receipt.accepted, receipt.duplicates);
  put_id(out, "first_id", receipt.first_id);
  put_id(out, "last_id", receipt.last_id);
  buf_put_char(out, '}');
}

/* --- GET --- */

enum {
  QUERY_EVENT,
  QUERY_SEVERITY,
  QUERY_MIN_SEVERITY,
  QUERY_SOURCE,
  QUERY_FROM,
  QUERY_TO,
  QUERY_Q,
  QUERY_AFTER,
  QUERY_BEFORE,
  QUERY_ORDER,
  QUERY_LIMIT,
  QUERY_CURSOR,
};

enum { ORDER_ASC, ORDER_DESC };

const struct field api_events_query[] = {
    [QUERY_EVENT] = {"event", FIELD_TEXT, .max = 2048, .summary = "types: globs, comma list"},
    [QUERY_SEVERITY] = {"severity", FIELD_TEXT, .max = 128, .summary = "names, comma list"},
    [QUERY_MIN_SEVERITY] = {"min_severity", FIELD_TEXT, .max = 16, .summary = "a name"},
    [QUERY_SOURCE] = {"source", FIELD_TEXT, .max = 2048, .summary = "globs, comma list"},
    [QUERY_FROM] = {"from", FIELD_TIME, .summary = "timestamp at or after it"},
    [QUERY_TO] = {"to", FIELD_TIME, .summary = "timestamp before it"},
    [QUERY_Q] = {"q", FIELD_TEXT, .max = 1024, .summary = "words that the data must hold"},
    [QUERY_AFTER] = {"after", FIELD_INTEGER, .max = INT64_MAX, .summary = "ids above it"},
    [QUERY_BEFORE] = {"before", FIELD_INTEGER, .max = INT64_MAX, .summary = "ids below it"},
    [QUERY_ORDER] = {"order", FIELD_CHOICE, .choices = "asc|desc", .summary = "desc by default"},
    [QUERY_LIMIT] = {"limit", FIELD_INTEGER, .min = 1, .max = 1000, .summary = "100 by default"},
    [QUERY_CURSOR] = {"cursor", FIELD_TEXT, .max = 96, .summary = "next_cursor of the page before"},
    {0},
};

static int parse_filter(const struct request *request, struct event_filter *filter,
                        struct model_problem *problem) {
  const struct field_value *params = request->params;
  const struct event_filter_texts texts = {
      .event = params[QUERY_EVENT].text,
      .severity = params[QUERY_SEVERITY].text,
      .min_severity = params[QUERY_MIN_SEVERITY].text,
      .source = params[QUERY_SOURCE].text,
      .from = params[QUERY_FROM].text,
      .to = params[QUERY_TO].text,
      .q = params[QUERY_Q].text,
  };
  return event_filter_parse(&texts, request->now_ms, filter, problem);
}

/* Narrows the query to what lies beyond the cursor. */
static int apply_cursor(const struct request *request, const struct history_position *position,
                        struct event_query *query, struct model_problem *problem) {
  int64_t place;
  if (!request->params[QUERY_CURSOR].set)
    return BELFRY_OK;
  if (cursor_parse(request->params[QUERY_CURSOR].text, position->epoch,
                   query->newest_first ? 'd' : 'a', &place))
    return model_problem_set(problem, BELFRY_EINVAL, "cursor",
                             "is none of this list and order, or of a history that is no more; "
                             "begin again without it");
  if (query->newest_first && (query->before == 0 || place < query->before))
    query->before = place;
  else if (!query->newest_first && place > query->after)
    query->after = place;
  return BELFRY_OK;
}

struct page_text {
  struct buf *out;
  uint32_t count;
  int64_t last_id;
};

/* Not an error: the page is full before its count is. */
#define PAGE_FULL 1

static int on_event(void *arg, const struct event *event) {
  struct page_text *page = arg;
  if (page->count++ > 0)
    buf_put_char(page->out, ',');
  event_put_json(page->out, event);
  page->last_id = event->id;
  return page->out->len >= PAGE_BYTES_ENOUGH ? PAGE_FULL : 0;
}

static int read_page(struct history *history, const struct event_query *query, struct buf *out,
                     struct event_page *page, struct belfry_error *error) {
  struct page_text text = {.out = out};
  int status = history_events(history, query, on_event, &text, page, error);
  if (status == PAGE_FULL) {
    *page = (struct event_page){.count = text.count, .scanned = text.last_id, .more = true};
    status = BELFRY_OK;
  }
  return status;
}

void api_events_list(struct worker *worker, const struct request *request,
                     struct response *response) {
  const struct field_value *params = request->params;
  struct event_query query = {
      .after = params[QUERY_AFTER].number,
      .before = params[QUERY_BEFORE].number,
      .newest_first = !params[QUERY_ORDER].set || params[QUERY_ORDER].number == ORDER_DESC,
      .limit = params[QUERY_LIMIT].set ? (uint32_t)params[QUERY_LIMIT].number : 100,
      .budget_ms = worker_time_left_ms(worker, request) / 2,
  };
  struct model_problem problem = {0};
  struct belfry_error error = {0};
  struct history_position position;
  struct event_page page = {0};
  if (parse_filter(request, &query.filter, &problem)) {
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  struct history *history = worker_history(worker, &error);
  int status = history ? history_position(history, &position, &error) : error.code;
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  if (apply_cursor(request, &position, &query, &problem)) {
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  struct buf *out = response_json(response, 200);
  buf_put_text(out, "{\"events\":[");
  status = read_page(history, &query, out, &page, &error);
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  buf_put_text(out, "],\"next_cursor\":");
  if (page.more) {
    char cursor[CURSOR_BYTES];
    cursor_format(position.epoch, query.newest_first ? 'd' : 'a', page.scanned, cursor);
    buf_printf(out, "\"%s\"", cursor);
  } else {
    buf_put_text(out, "null");
  }
  buf_put_text(out, page.partial ? ",\"partial\":true}" : "}");
}

void api_events_get(struct worker *worker, const struct request *request,
                    struct response *response) {
  long long id;
  struct belfry_error error = {0};
  struct page_text text = {.out = &response->body};
  if (!slice_to_int64(request->args[0], &id) || id < 1 || id == INT64_MAX) {
    response_problem(response, request, 404, "an event's id is a whole number from 1");
    return;
  }
  const struct event_query query = {.after = id - 1, .before = id + 1, .limit = 1};
  struct history *history = worker_history(worker, &error);
  text.out = response_json(response, 200);
  int status =
      history ? history_events(history, &query, on_event, &text, NULL, &error) : error.code;
  if (status < 0)
    worker_read_problem(worker, request, response, status, &error);
  else if (text.count == 0)
    response_problem(response, request, 404, "there is no event %lld", id);
}
