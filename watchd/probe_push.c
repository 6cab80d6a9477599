/*
 * The probe `push`: a source that has to be heard of: its events, or samples of one of its metrics.
 * What was said so long ago is looked for in the history, where it is whichever way it came.
 */
#include "watchd/probe_now.h"

#include "base/clock.h"
#include "watchd/reader.h"

#include <stdio.h>

#define BUDGET_MS 200 /* the loop waits meanwhile */

struct newest {
  int64_t timestamp_ms; /* 0: there is none */
};

static int on_event(void *arg, const struct event *event) {
  ((struct newest *)arg)->timestamp_ms = event->timestamp_ms;
  return 0;
}

static int on_newest(void *arg, const struct history_value *values, size_t count) {
  if (count > 0 && values[0].kind == HISTORY_INTEGER)
    ((struct newest *)arg)->timestamp_ms = values[0].integer;
  return 0;
}

static int find_event(struct history *history, const struct conf_service *service, int64_t from_ms,
                      struct newest *newest, struct belfry_error *error) {
  struct event_page page = {0};
  struct event_query query = {
      .filter = {.sources = {slice_of(service->source)}, .source_count = 1, .from_ms = from_ms},
      .newest_first = true,
      .limit = 1,
      .budget_ms = BUDGET_MS};
  int status = history_events(history, &query, on_event, newest, &page, error);
  if (!status && page.count == 0 && page.partial)
    return belfry_error_set(error, BELFRY_ETIMEDOUT, "the history could not be searched in time");
  return status;
}

static int find_sample(struct history *history, const struct conf_service *service,
                       struct newest *newest, struct belfry_error *error) {
  const struct history_value params[] = {HISTORY_VALUE_TEXT("metric", slice_of(service->metric)),
                                         HISTORY_VALUE_TEXT("source", slice_of(service->source))};
  return history_read(history, SQL_SERIES_NEWEST, params, 2, on_newest, newest, error);
}

int probe_push_start(const struct probe_tools *tools, const struct probe_target *target,
                     probe_done_fn on_done, void *arg, struct probe **out,
                     struct belfry_error *error) {
  const struct conf_service *service = target->service;
  struct probe_result result = {.outcome = PROBE_SUCCESS, .latency_ms = -1};
  struct newest newest = {0};
  int64_t now_ms = clock_realtime_ms(&clock_system);
  int64_t within_ms = service->within_ms ? service->within_ms : 2 * target->interval_ms;
  struct history *history = reader_history(tools->reader, error);
  if (!history)
    return error->code;
  int status = service->metric ? find_sample(history, service, &newest, error)
                               : find_event(history, service, now_ms - within_ms, &newest, error);
  if (status) {
    reader_lost(tools->reader);
    return status;
  }
  double age_s = (double)(now_ms - newest.timestamp_ms) / 1000;
  if (newest.timestamp_ms < now_ms - within_ms)
    result.outcome = PROBE_FAILURE;
  if (newest.timestamp_ms == 0)
    snprintf(result.message, sizeof result.message, "nothing of %.80s within %.0f s",
             service->source, (double)within_ms / 1000);
  else
    snprintf(result.message, sizeof result.message, "heard of %.0f s ago", age_s < 0 ? 0 : age_s);
  if (newest.timestamp_ms != 0)
    probe_result_add(&result, "service_heard_seconds", NULL, NULL, age_s < 0 ? 0 : age_s);
  return probe_now_start(tools, &result, on_done, arg, out, error);
}
