/* GET /api/health: the health snapshot. */
#include "fcgi/api.h"

#include "fcgi/health_rules.h"
#include "fcgi/state_answer.h"

static int put(struct worker *worker, const struct request *request, struct history *history,
               struct state_text *text, struct belfry_error *error) {
  const struct health_rules rules = health_rules_of(worker->conf);
  return health_put(history, &rules, request->now_ms, text, error);
}

void api_health_now(struct worker *worker, const struct request *request,
                    struct response *response) {
  state_answer(worker, request, response, put, NULL);
}
