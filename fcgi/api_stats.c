/* GET /stats: totals and what is so now. */
#include "fcgi/api.h"

#include "fcgi/state_answer.h"

static int put_stats(struct worker *worker, const struct request *request, struct history *history,
                     struct state_text *text, struct belfry_error *error) {
  const struct state_now now = state_now_of(worker, request);
  return state_put(history, STATE_STATS | STATE_PUSH, &now, text, error);
}

void api_stats(struct worker *worker, const struct request *request, struct response *response) {
  state_answer(worker, request, response, put_stats, NULL);
}
