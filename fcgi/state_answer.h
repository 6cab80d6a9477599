/*
 * Answers about what is so now. Each worker keeps the last ones that were asked for, by path and
 * query, and gives them again while nothing was committed to the history since, for a second at
 * most (they hold clocks).
 */
#ifndef BELFRY_FCGI_STATE_ANSWER_H
#define BELFRY_FCGI_STATE_ANSWER_H

#include "base/buf.h"
#include "base/error.h"
#include "fcgi/request.h"
#include "fcgi/response.h"
#include "history/query.h"
#include "model/state.h"
#include "model/state_text.h"

#include <stdint.h>

struct worker;

#define STATE_ANSWERS_MAX 8

/* One answer that is kept. */
struct state_answer {
  struct buf key;   /* path, a NUL, query */
  struct buf text;  /* owned, JSON */
  uint64_t version; /* of the history; 0: none */
  uint64_t fingerprint;
  int64_t made_ms; /* monotonic */
};

struct state_answers {
  struct state_answer kept[STATE_ANSWERS_MAX];
};

void state_answers_init(struct state_answers *answers);
void state_answers_fini(struct state_answers *answers);

/* Forgets all, because the history was opened anew. */
void state_answers_forget(struct state_answers *answers);

/*
 * Puts the answer's JSON. It must depend on nothing but path, query, time and history: not on who
 * is asking. Returns: 0; BELFRY_ENOENT for a resource that is not there; BELFRY_EINVAL for a cursor
 * that is none; or why it failed.
 */
typedef int (*state_answer_fn)(struct worker *worker, const struct request *request,
                               struct history *history, struct state_text *text,
                               struct belfry_error *error);

/*
 * Answers with what `make` puts, or what it put before; with an ETag, and 304 where the client has
 * it already. `missing` is what a 404 says; NULL where there can be none.
 */
void state_answer(struct worker *worker, const struct request *request, struct response *response,
                  state_answer_fn make, const char *missing);

/* The moment of the request, for lib/model. */
struct state_now state_now_of(const struct worker *worker, const struct request *request);

#endif
