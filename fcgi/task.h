/*
 * Tasks: what belfry-watchd is asked to do, from a worker's side. The handler puts a row; watchd
 * finishes it; a handler that wants the result looks until then, or until its time is over.
 */
#ifndef BELFRY_FCGI_TASK_H
#define BELFRY_FCGI_TASK_H

#include "base/ulid.h"
#include "fcgi/request.h"
#include "fcgi/response.h"
#include "fcgi/worker.h"

#include <stdbool.h>
#include <stdint.h>

enum task_state { TASK_ASKED, TASK_DONE, TASK_FAILED, TASK_REFUSED };

struct task_result {
  enum task_state state;
  char message[256]; /* why it was not done */
};

/* Whether there is a belfry-watchd that would do it; else the answer says that there is none. */
bool task_can_be_done(struct worker *worker, const struct request *request,
                      struct response *response, struct history *history);

/* Puts a task. Takes: `kind` of watchd/task_kinds.def; `service` empty for none; `details` a JSON
 * object. Returns: 0 with its id; else the answer says what was wrong. */
int task_put(struct worker *worker, const struct request *request, struct response *response,
             const char *kind, struct slice service, struct slice details,
             char task_id[static ULID_BYTES]) BELFRY_MUST_CHECK;

/* Waits for its end, at most `wait_ms` and until shortly before the request's own deadline.
 * Returns: 0, with the state TASK_ASKED when it goes on; or an error of reading the history. */
int task_wait(struct worker *worker, const struct request *request, struct history *history,
              const char *task_id, int64_t wait_ms, struct task_result *out,
              struct belfry_error *error) BELFRY_MUST_CHECK;

/* Answers 202 with the task, which goes on. */
void task_answer_asked(struct response *response, const char *task_id);

#endif
