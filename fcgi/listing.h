/*
 * Lists of events, as /api/events and /api/logs give them: a page with a cursor, what happened near
 * one event, or an export that is streamed however long it is. The two differ in which events they
 * are about and in how one looks.
 *
 * A whole export, and only a whole one, ends in CR LF; no other line does. Were it cut anywhere (a
 * worker that dies, a client that was too slow), the web server might still end its answer
 * properly.
 */
#ifndef BELFRY_FCGI_LISTING_H
#define BELFRY_FCGI_LISTING_H

#include "base/buf.h"
#include "fcgi/request.h"
#include "fcgi/response.h"
#include "fcgi/worker.h"
#include "history/query.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stdint.h>

/* The query parameters of all lists. They stand first in a list's table, in this order. */
enum {
  LISTING_FROM,
  LISTING_TO,
  LISTING_Q,
  LISTING_SEVERITY,
  LISTING_MIN_SEVERITY,
  LISTING_SOURCE,
  LISTING_AFTER,
  LISTING_BEFORE,
  LISTING_ORDER,
  LISTING_LIMIT,
  LISTING_CURSOR,
  LISTING_AROUND,
  LISTING_WINDOW,
  LISTING_FORMAT,
  LISTING_PARAMS
};

#define LISTING_WINDOW_MAX_MS INT64_C(31536000000) /* a year */

/* Which events: the rows that a count of them (a histogram) has too. */
#define LISTING_FILTER_FIELDS                                                                      \
  [LISTING_FROM] = {"from", FIELD_TIME, .summary = "timestamp at or after it"},                    \
  [LISTING_TO] = {"to", FIELD_TIME, .summary = "timestamp before it"},                             \
  [LISTING_Q] = {"q", FIELD_TEXT, .max = 1024,                                                     \
                 .summary = "words, \"phrases\", begin* and -exclusions in the data's values"},    \
  [LISTING_SEVERITY] = {"severity", FIELD_TEXT, .max = 128, .summary = "names, comma list"},       \
  [LISTING_MIN_SEVERITY] = {"min_severity", FIELD_TEXT, .max = 16, .summary = "a name"},           \
  [LISTING_SOURCE] = {"source", FIELD_TEXT, .max = 2048, .summary = "globs, comma list"},          \
  [LISTING_AFTER] = {"after", FIELD_INTEGER, .max = INT64_MAX - 1, .summary = "ids above it"},     \
  [LISTING_BEFORE] = {"before", FIELD_INTEGER, .max = INT64_MAX, .summary = "ids below it"}

#define LISTING_FIELDS                                                                             \
  LISTING_FILTER_FIELDS,                                                                           \
      [LISTING_ORDER] = {"order", FIELD_CHOICE, .choices = "asc|desc",                             \
                         .summary = "desc by default"},                                            \
      [LISTING_LIMIT] = {"limit", FIELD_INTEGER, .min = 1, .max = INT64_MAX,                       \
                         .summary = "at most 1000, 100 by default; exports: any, all by default"}, \
      [LISTING_CURSOR] = {"cursor", FIELD_TEXT, .max = 96,                                         \
                          .summary = "next_cursor of the page before"},                            \
      [LISTING_AROUND] = {"around", FIELD_INTEGER, .min = 1, .max = INT64_MAX - 1,                 \
                          .summary = "an id: what happened just before and after it"},             \
      [LISTING_WINDOW] = {"window", FIELD_DURATION, .min = 1, .max = LISTING_WINDOW_MAX_MS,        \
                          .summary = "with around: only so much earlier or later"},                \
      [LISTING_FORMAT] = {"format", FIELD_CHOICE, .choices = "json|csv|ndjson",                    \
                          .summary = "csv and ndjson are streamed exports"}

/* What an event looks like in a list. */
struct listing_view {
  const char *plural;  /* "events": the list's name in JSON, and in the name of an export */
  const char *columns; /* the first row of CSV */
  void (*put_json)(struct buf *out, const struct event *event); /* on one line */
  void (*put_row)(struct buf *out, const struct event *event);  /* without the end of the row */
  bool (*shows)(const struct event *event); /* whether it is one of these at all */
};

/*
 * Reads the parameters that say which events are wanted: all of LISTING_FILTER_FIELDS, and `types`
 * (globs, NULL data for any). Returns: 0, or BELFRY_EINVAL with `problem`.
 */
int listing_filter(const struct request *request, struct slice types, struct event_query *query,
                   struct model_problem *problem) BELFRY_MUST_CHECK;

/* Narrows a query to what lies beyond the request's cursor. Returns: as listing_filter. */
int listing_apply_cursor(struct slice cursor, const char epoch[HISTORY_EPOCH_BYTES],
                         struct event_query *query,
                         struct model_problem *problem) BELFRY_MUST_CHECK;

/* Puts `"next_cursor":...,"partial":...` of what was looked at; `more` is whether there may be any
 * beyond. */
void listing_put_end(struct buf *out, const char epoch[HISTORY_EPOCH_BYTES],
                     const struct event_query *query, bool more, bool partial);

/* Answers a request for a list of what `query` says, by its parameters. */
void listing_answer(struct worker *worker, const struct request *request, struct response *response,
                    const struct listing_view *view, const struct event_query *query);

#endif
