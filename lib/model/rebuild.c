#include "model/rebuild.h"

#include "history/query.h"
#include "history/writer.h"
#include "model/event_type.h"

#include <inttypes.h>

#define PAGE_EVENTS 10000

static const enum sql_statement emptying[] = {
#define PROJECTION(type, statement)
#define PROJECTED(statement) statement,
#include "model/projections.def"
#undef PROJECTED
#undef PROJECTION
};

struct rebuild {
  struct history_writer *writer;
  struct rebuild_counts *counts;
  struct belfry_error *error;
};

/* Whether it is only that the event's data does not fit. */
static bool is_unfit(int status) {
  return status == BELFRY_EINVAL || status == BELFRY_ECONFLICT || status == BELFRY_ETOOBIG;
}

static int on_event(void *arg, const struct event *event) {
  struct rebuild *rebuild = arg;
  enum sql_statement statements[EVENT_PROJECTIONS_MAX];
  size_t count = event_type_projections(event->type, statements);
  rebuild->counts->events++;
  for (size_t i = 0; i < count; i++) {
    struct belfry_error why = {0};
    int status = history_writer_project(rebuild->writer, statements[i], event, &why);
    if (status && !is_unfit(status))
      return belfry_error_set(rebuild->error, status, "%s", why.text);
    rebuild->counts->unfit += status != BELFRY_OK;
  }
  return BELFRY_OK;
}

static int project_all(struct rebuild *rebuild, struct history *history) {
  struct event_query query = {.limit = PAGE_EVENTS};
  struct event_page page = {.more = true};
  int status = BELFRY_OK;
  while (!status && page.more) {
    status = history_events(history, &query, on_event, rebuild, &page, rebuild->error);
    query.after = page.scanned;
    if (!status && page.damaged)
      status = belfry_error_set(rebuild->error, BELFRY_ECORRUPT,
                                "not all events can be read; check-history --full --repair first");
  }
  return status;
}

static int rebuild_all(struct rebuild *rebuild, struct history *history) {
  const struct event none = {0};
  int status = history_writer_begin_group(rebuild->writer, rebuild->error);
  if (status)
    return status;
  for (size_t i = 0; i < sizeof emptying / sizeof *emptying && !status; i++)
    status = history_writer_project(rebuild->writer, emptying[i], &none, rebuild->error);
  if (!status)
    status = project_all(rebuild, history);
  if (!status)
    return history_writer_commit_group(rebuild->writer, rebuild->error);
  history_writer_abandon_group(rebuild->writer);
  return status;
}

/* Totals hold what was retired too, and cannot be made of what is left. */
static int check_whole(struct history *history, struct belfry_error *error) {
  struct history_position position;
  int status = history_position(history, &position, error);
  return status || position.oldest <= 1 || position.head == 0
             ? status
             : belfry_error_set(error, BELFRY_ECONFLICT,
                                "the events up to %" PRId64
                                " are gone by retention or deletion, and "
                                "are in the totals that are there; these are left as they are",
                                position.oldest - 1);
}

int rebuild_projections(const char *dir, struct rebuild_counts *out, struct belfry_error *error) {
  const struct history_writer_options options = {.max_series = INT64_C(10000000)};
  struct rebuild rebuild = {.counts = out, .error = error};
  struct history *history = NULL;
  *out = (struct rebuild_counts){0};
  int status = history_writer_open(dir, &options, &rebuild.writer, error);
  if (status)
    return status;
  status = history_open(dir, &history, error);
  if (!status)
    status = check_whole(history, error);
  if (!status)
    status = rebuild_all(&rebuild, history);
  history_close(history);
  history_writer_close(rebuild.writer);
  return status;
}
