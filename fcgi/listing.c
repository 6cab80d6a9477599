#include "fcgi/listing.h"

#include "base/log.h"
#include "base/timestamp.h"
#include "fcgi/csv.h"
#include "fcgi/cursor.h"
#include "model/filter_parse.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE_EVENTS_MAX     1000
#define PAGE_EVENTS_DEFAULT 100
/* A page ends when it holds so much, even if more events were asked for. */
#define PAGE_BYTES_ENOUGH ((size_t)4 << 20)

/* An export is read in pieces, each in a read transaction of its own that is over before the piece
   is written: a slow client does not keep the write-ahead log from starting over. */
#define PIECE_BYTES     ((size_t)262144)
#define PIECE_EVENTS    4000
#define PIECE_BUDGET_MS 200
#define SIGN_OF_LIFE_MS 1000

enum { ORDER_ASC, ORDER_DESC };
enum { FORMAT_JSON, FORMAT_CSV, FORMAT_NDJSON };

/* A list being read. What is left of it lies between query.after and query.before. */
struct listing {
  const struct listing_view *view;
  struct event_query query;
  int64_t centre; /* id of the event that is in the list whatever the filter says; 0: none */
  int64_t left;   /* most events that may still be given */
  bool done;      /* nothing is left between the bounds */
  bool partial;   /* the budget ran out */
  bool damaged;   /* something of it cannot be read any more */
  bool cut;       /* it ran out while the neighbourhood was looked for: that may be larger */
  char epoch[HISTORY_EPOCH_BYTES];
};

/* --- which events --- */

int listing_filter(const struct request *request, struct slice types, struct event_query *query,
                   struct model_problem *problem) {
  const struct field_value *params = request->params;
  const struct event_filter_texts texts = {
      .event = types,
      .severity = params[LISTING_SEVERITY].text,
      .min_severity = params[LISTING_MIN_SEVERITY].text,
      .source = params[LISTING_SOURCE].text,
      .from = params[LISTING_FROM].text,
      .to = params[LISTING_TO].text,
      .q = params[LISTING_Q].text,
  };
  query->after = params[LISTING_AFTER].number;
  query->before = params[LISTING_BEFORE].number;
  return event_filter_parse(&texts, request->now_ms, &query->filter, problem);
}

static char cursor_letter(const struct event_query *query) {
  return query->newest_first ? 'd' : 'a';
}

int listing_apply_cursor(struct slice cursor, const char epoch[HISTORY_EPOCH_BYTES],
                         struct event_query *query, struct model_problem *problem) {
  int64_t place;
  if (!cursor.data)
    return BELFRY_OK;
  if (cursor_parse(cursor, epoch, cursor_letter(query), &place))
    return model_problem_set(problem, BELFRY_EINVAL, "cursor",
                             "is none of this list and order, or of a history that is no more; "
                             "begin again without it");
  if (query->newest_first && (query->before == 0 || place < query->before))
    query->before = place;
  else if (!query->newest_first && place > query->after)
    query->after = place;
  return BELFRY_OK;
}

void listing_put_end(struct buf *out, const char epoch[HISTORY_EPOCH_BYTES],
                     const struct event_query *query, bool more, bool partial) {
  buf_put_text(out, "\"next_cursor\":");
  if (more) {
    char cursor[CURSOR_BYTES];
    cursor_format(epoch, cursor_letter(query), query->newest_first ? query->before : query->after,
                  cursor);
    buf_printf(out, "\"%s\"", cursor);
  } else {
    buf_put_text(out, "null");
  }
  buf_printf(out, ",\"partial\":%s", partial ? "true" : "false");
}

static int parse_listing(const struct request *request, struct listing *listing,
                         struct model_problem *problem) {
  const struct field_value *params = request->params;
  bool paged = params[LISTING_FORMAT].number == FORMAT_JSON;
  listing->query.newest_first =
      !params[LISTING_ORDER].set || params[LISTING_ORDER].number == ORDER_DESC;
  listing->left = params[LISTING_LIMIT].set             ? params[LISTING_LIMIT].number
                  : paged || params[LISTING_AROUND].set ? PAGE_EVENTS_DEFAULT
                                                        : INT64_MAX;
  if (listing->left > PAGE_EVENTS_MAX && (paged || params[LISTING_AROUND].set))
    return model_problem_set(problem, BELFRY_EINVAL, "limit",
                             "must be a whole number from 1 to %d; only an export (format=csv or "
                             "ndjson) without `around` may give more",
                             PAGE_EVENTS_MAX);
  if (params[LISTING_WINDOW].set && !params[LISTING_AROUND].set)
    return model_problem_set(problem, BELFRY_EINVAL, "window",
                             "goes with around=ID: how much earlier or later than that event");
  return BELFRY_OK;
}

/* --- reading --- */

/* Takes the next piece of the list: up to the event that is in it in any case, that event, or the
   rest. */
static void next_part(const struct listing *listing, struct event_query *part) {
  int64_t centre = listing->centre;
  *part = listing->query;
  bool within = centre > part->after && (part->before == 0 || centre < part->before);
  if (!within)
    return;
  if (part->newest_first ? centre + 1 == part->before : centre - 1 == part->after) {
    part->filter = (struct event_filter){0};
    part->after = centre - 1;
    part->before = centre + 1;
  } else if (part->newest_first) {
    part->after = centre;
  } else {
    part->before = centre;
  }
}

static bool is_over(const struct event_query *query) {
  return query->before > 0 && query->before - 1 <= query->after;
}

/* Moves the bounds to what is left when the list was looked at up to `scanned`, or all of `part`
   was. */
static void advance(struct listing *listing, const struct event_query *part,
                    const struct event_page *page) {
  struct event_query *query = &listing->query;
  if (query->newest_first)
    query->before = page->more ? page->scanned : part->after + 1;
  else if (page->more)
    query->after = page->scanned;
  else if (part->before == 0)
    listing->done = true;
  else
    query->after = part->before - 1;
  listing->done = listing->done || is_over(query);
  listing->partial = page->partial;
  listing->damaged = listing->damaged || page->damaged;
  listing->left -= page->count;
}

/* Not an error: what was asked for is larger than what goes out at once. */
#define PIECE_FULL 1

/* Reads one part, at most `most` events, for at most `budget_ms`. Returns: 0 or an error;
   listing->done tells whether that was all. */
static int read_part(struct history *history, struct listing *listing, int64_t most,
                     int64_t budget_ms, event_fn on_event, void *arg, struct belfry_error *error) {
  struct event_query part;
  struct event_page page = {0};
  next_part(listing, &part);
  part.limit = (uint32_t)(listing->left < most ? listing->left : most);
  part.budget_ms = budget_ms;
  int status = history_events(history, &part, on_event, arg, &page, error);
  if (status != BELFRY_OK && status != PIECE_FULL)
    return status;
  page.more = page.more || status == PIECE_FULL;
  advance(listing, &part, &page);
  return BELFRY_OK;
}

/* --- what happened near an event --- */

static int on_neighbour(void *arg, const struct event *event) {
  int64_t *last_id = arg;
  *last_id = event->id;
  return 0;
}

struct centre {
  const struct listing_view *view;
  int64_t timestamp_ms;
  bool found, shown;
};

static int on_centre(void *arg, const struct event *event) {
  struct centre *centre = arg;
  centre->found = true;
  centre->shown = centre->view->shows(event);
  centre->timestamp_ms = event->timestamp_ms;
  return 0;
}

/* Finds the id up to which, in one direction, the neighbours of `id` are: `count` of them, or what
   there is. */
static int find_edge(struct history *history, const struct event_query *query, int64_t id,
                     bool before, uint32_t count, int64_t budget_ms, int64_t *edge, bool *cut,
                     struct belfry_error *error) {
  struct event_query side = *query;
  int64_t last_id = id;
  struct event_page page = {0};
  side.newest_first = before;
  side.brief = true;
  side.limit = count;
  side.budget_ms = budget_ms;
  if (before)
    side.before = query->before && query->before < id ? query->before : id;
  else
    side.after = query->after > id ? query->after : id;
  int status =
      count ? history_events(history, &side, on_neighbour, &last_id, &page, error) : BELFRY_OK;
  if (status || (count && !page.more))
    return status; /* all of them: the bound that the request has stays */
  int64_t reached = page.partial ? page.scanned : last_id;
  *cut = *cut || page.partial;
  if (reached > 0)
    *edge = before ? reached - 1 : reached + 1;
  return BELFRY_OK;
}

/* Bounds the list to the neighbourhood. Returns: BELFRY_ENOENT when there is no such event. */
static int look_around(struct worker *worker, const struct request *request,
                       struct history *history, struct listing *listing,
                       struct belfry_error *error) {
  const struct field_value *params = request->params;
  int64_t id = params[LISTING_AROUND].number;
  struct event_query *query = &listing->query;
  struct event_query itself = {.after = id - 1, .before = id + 1, .limit = 1};
  struct centre centre = {.view = listing->view};
  int64_t budget_ms = worker_time_left_ms(worker, request) / 6;
  int status = history_events(history, &itself, on_centre, &centre, NULL, error);
  if (!status && !centre.found)
    status = BELFRY_ENOENT;
  if (status)
    return status;
  listing->centre = centre.shown ? id : 0;
  if (params[LISTING_WINDOW].set) {
    int64_t window_ms = params[LISTING_WINDOW].number;
    int64_t from_ms = centre.timestamp_ms - window_ms, to_ms = centre.timestamp_ms + window_ms + 1;
    struct event_filter *filter = &query->filter;
    if (!filter->from_ms || from_ms > filter->from_ms)
      filter->from_ms = from_ms;
    if (!filter->to_ms || to_ms < filter->to_ms)
      filter->to_ms = to_ms;
  }
  uint32_t after = (uint32_t)(listing->left - 1) / 2,
           before = (uint32_t)(listing->left - 1) - after;
  int64_t low = query->after, high = query->before;
  status = find_edge(history, query, id, true, before, budget_ms, &low, &listing->cut, error);
  if (!status)
    status = find_edge(history, query, id, false, after, budget_ms, &high, &listing->cut, error);
  query->after = low;
  query->before = high;
  return status;
}

/* --- a page --- */

struct page_text {
  struct buf *out;
  const struct listing_view *view;
  uint32_t count;
};

static int on_page_event(void *arg, const struct event *event) {
  struct page_text *page = arg;
  if (page->count++ > 0)
    buf_put_char(page->out, ',');
  page->view->put_json(page->out, event);
  return page->out->len >= PAGE_BYTES_ENOUGH ? PIECE_FULL : 0;
}

static void answer_page(struct worker *worker, const struct request *request,
                        struct response *response, struct history *history,
                        struct listing *listing) {
  struct belfry_error error = {0};
  int64_t until_ms = clock_monotonic_ms(worker->clock) + worker_time_left_ms(worker, request) / 2;
  struct buf *out = response_json(response, 200);
  struct page_text text = {.out = out, .view = listing->view};
  buf_printf(out, "{\"%s\":[", listing->view->plural);
  int status = BELFRY_OK;
  while (!status && !listing->done && listing->left > 0 && !listing->partial &&
         out->len < PAGE_BYTES_ENOUGH) {
    int64_t left_ms = until_ms - clock_monotonic_ms(worker->clock);
    status = read_part(history, listing, PAGE_EVENTS_MAX, left_ms < 1 ? 1 : left_ms, on_page_event,
                       &text, &error);
  }
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  buf_put_text(out, "],");
  if (request->params[LISTING_AROUND].set)
    buf_printf(out, "\"around\":%" PRId64 ",", request->params[LISTING_AROUND].number);
  listing_put_end(out, listing->epoch, &listing->query, !listing->done,
                  listing->partial || listing->cut || listing->damaged);
  buf_put_char(out, '}');
}

/* --- an export --- */

struct export {
  struct buf *out;
  const struct listing_view *view;
  bool csv;
  uint64_t lines; /* put so far, the first row of CSV too */
};

/* The end of a line comes with the next one; the last line's tells that it is the last. */
static int on_export_event(void *arg, const struct event *event) {
  struct export *export = arg;
  if (export->lines++ > 0)
    buf_put_char(export->out, '\n');
  (export->csv ? export->view->put_row : export->view->put_json)(export->out, event);
  return export->out->len >= PIECE_BYTES ? PIECE_FULL : 0;
}

static void begin_export(const struct request *request, struct response *response,
                         const struct listing_view *view, bool csv) {
  char name[TIMESTAMP_BYTES], *into = name;
  timestamp_format(request->now_ms, name);
  for (const char *at = name; *at; at++) /* 2026-11-20T10:30:00.000Z: no colons in a file's name */
    if (*at != ':' && *at != '.')
      *into++ = *at;
  *into = '\0';
  response->status = 200;
  response->content_type = csv ? CSV_CONTENT_TYPE : "application/x-ndjson";
  buf_clear(&response->body);
  response_header(response, "Content-Disposition", "attachment; filename=\"belfry-%s-%s.%s\"",
                  view->plural, name, csv ? "csv" : "ndjson");
  response_header(response, "X-Accel-Buffering", "no"); /* nginx must not gather it in a file */
}

static int send_pieces(struct worker *worker, const struct request *request,
                       struct response *response, struct history *history, struct listing *listing,
                       struct export *export, struct belfry_error *error) {
  int64_t sent_ms = clock_monotonic_ms(worker->clock);
  while (!listing->done && listing->left > 0) {
    int status =
        read_part(history, listing, PIECE_EVENTS, PIECE_BUDGET_MS, on_export_event, export, error);
    int64_t now_ms = clock_monotonic_ms(worker->clock);
    bool due = response->body.len >= PIECE_BYTES || now_ms - sent_ms >= SIGN_OF_LIFE_MS;
    if (!status && due) {
      status = response_flush(response, request);
      sent_ms = now_ms;
    }
    if (status)
      return status;
  }
  return BELFRY_OK;
}

static void answer_export(struct worker *worker, const struct request *request,
                          struct response *response, struct history *history,
                          struct listing *listing, int64_t head) {
  struct belfry_error error = {0};
  struct export export = {.out = &response->body, .view = listing->view};
  export.csv = request->params[LISTING_FORMAT].number == FORMAT_CSV;
  begin_export(request, response, listing->view, export.csv);
  if (request->method == HTTP_HEAD) {
    response->open_ended = true;
    return;
  }
  /* What comes while it runs is not in it, or it might never end. */
  if (listing->query.before == 0 || listing->query.before > head + 1)
    listing->query.before = head + 1;
  listing->done = is_over(&listing->query);
  if (export.csv) {
    buf_put_text(export.out, listing->view->columns);
    export.lines = 1;
  }
  int status = send_pieces(worker, request, response, history, listing, &export, &error);
  if (status && response->begun) {
    response->broken = true;
    worker_read_broke(worker, request, status, &error);
  } else if (status) {
    buf_clear(&response->headers);
    worker_read_problem(worker, request, response, status, &error);
  } else if (listing->damaged) {
    log_warning("request %s: an export is not whole: part of the history is damaged", request->id);
  } else {
    buf_put_text(export.out, "\r\n");
  }
}

/* --- */

void listing_answer(struct worker *worker, const struct request *request, struct response *response,
                    const struct listing_view *view, const struct event_query *query) {
  const struct field_value *params = request->params;
  struct listing listing = {.view = view, .query = *query};
  struct model_problem problem = {0};
  struct belfry_error error = {0};
  struct history_position position;
  if (parse_listing(request, &listing, &problem)) {
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  bool exported = params[LISTING_FORMAT].number != FORMAT_JSON;
  if (exported && !worker_long_begin(worker, request, response))
    return;
  struct history *history = worker_history(worker, &error);
  int status = history ? history_position(history, &position, &error) : error.code;
  if (!status && params[LISTING_AROUND].set)
    status = look_around(worker, request, history, &listing, &error);
  if (status == BELFRY_ENOENT) {
    response_problem(response, request, 404, "around: there is no event %" PRId64,
                     params[LISTING_AROUND].number);
    return;
  }
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  memcpy(listing.epoch, position.epoch, sizeof listing.epoch);
  if (listing_apply_cursor(params[LISTING_CURSOR].text, position.epoch, &listing.query, &problem)) {
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  listing.done = is_over(&listing.query);
  if (exported)
    answer_export(worker, request, response, history, &listing, position.head);
  else
    answer_page(worker, request, response, history, &listing);
}
