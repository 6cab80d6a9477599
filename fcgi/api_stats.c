/* GET /stats: totals and what is so now. The text is kept for as long as nothing is committed. */
#include "fcgi/api.h"

#include "model/state.h"

#define SNAPSHOT_AGE_MAX_MS 1000 /* it holds uptimes */

static int refresh(struct worker *worker, const struct request *request, struct history *history,
                   struct belfry_error *error) {
  struct stats_snapshot *stats = &worker->stats;
  uint64_t version = worker_version(worker, history);
  int64_t now_ms = clock_monotonic_ms(worker->clock);
  if (version && version == stats->version && now_ms - stats->made_ms < SNAPSHOT_AGE_MAX_MS)
    return BELFRY_OK;
  buf_clear(&stats->text);
  stats->version = 0;
  int status = state_put(history, STATE_STATS | STATE_PUSH, request->now_ms, &stats->text,
                         &stats->fingerprint, error);
  if (!status)
    status = buf_status(&stats->text);
  if (status)
    return status;
  stats->version = version;
  stats->made_ms = now_ms;
  return BELFRY_OK;
}

void api_stats(struct worker *worker, const struct request *request, struct response *response) {
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  int status = history ? refresh(worker, request, history, &error) : error.code;
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (!response_etag(response, request, worker->stats.fingerprint))
    buf_put_slice(response_json(response, 200), buf_slice(&worker->stats.text));
}
