/*
 * A worker of the pool: one process, one thread, one request at a time. What handlers need from it.
 */
#ifndef BELFRY_FCGI_WORKER_H
#define BELFRY_FCGI_WORKER_H

#include "auth/jwt.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/ulid.h"
#include "conf/conf.h"
#include "fcgi/request.h"
#include "fcgi/response.h"
#include "fcgi/shared.h"
#include "fcgi/state_answer.h"
#include "history/append.h"
#include "history/query.h"
#include "model/mask.h"

#include <stdint.h>

struct worker {
  const struct conf *conf;
  const struct clock *clock;
  struct shared *shared;
  struct shared_slot *slot;
  struct history *history; /* owned; NULL while it cannot be opened: use worker_history() */
  struct history_client *client;
  struct history_batch batch; /* for handlers; empty at the start of a request */
  struct ulid_maker ulids;
  struct buf body, inflated; /* of the current request */
  struct state_answers answers;
  struct mask *mask;  /* owned: of secrets in log lines */
  struct buf masked;  /* the data of a log line without them */
  struct buf openapi; /* the document; empty until somebody asks for it */
  struct auth_cache credential;
  struct auth_jwt *jwt; /* owned; NULL: no JWT is taken */
  int password_wait_s;  /* this request's: too many were wrong; how long to wait; 0: not so */
  bool password_busy;   /* likewise: too many are being checked at this moment */
  uint64_t version;     /* of the history, as this request found it first; 0: not asked yet */
  int64_t looked_ms;    /* monotonic: when it looked for changed settings */
  bool history_suspect; /* a read has failed: open it anew before the next one */
};

/* Runs a worker on `listener` until SIGTERM, or until it has answered its share of requests.
 * Returns: the process's exit status. */
int worker_run(const struct conf *conf, struct shared *shared, struct shared_slot *slot,
               int listener);

/* What a worker needs without a listening socket. Returns: 0 or BELFRY_ENOMEM; free with
 * worker_fini() in both cases. */
int worker_init(struct worker *worker, const struct conf *conf, struct shared *shared,
                struct shared_slot *slot) BELFRY_MUST_CHECK;
void worker_fini(struct worker *worker);

/* Opens the history if it is not open. Returns: borrowed; NULL with `error` set. */
struct history *worker_history(struct worker *worker, struct belfry_error *error);

/* The history's version, asked once a request: what was committed before the request came is in it.
 * Returns: 0 when it cannot be told. */
uint64_t worker_version(struct worker *worker, struct history *history);

/* Fills request->identity. Returns: as auth_identify. */
int worker_identify(struct worker *worker, struct request *request,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* What is left of the request's time, at least 1 ms. */
int worker_time_left_ms(const struct worker *worker, const struct request *request);

/*
 * Appends worker->batch with what is left of the request's time. Returns: 0; else the answer is
 * already made (409, 413, 503...), unless the status is BELFRY_ECONFLICT and `on_conflict` is true.
 */
int worker_append(struct worker *worker, const struct request *request, struct response *response,
                  bool leave_conflict, struct history_receipt *receipt) BELFRY_MUST_CHECK;

/* Puts a log line into worker->batch, its secrets masked. Returns: 0 or BELFRY_ENOMEM. */
int worker_put_line(struct worker *worker, const struct event *event) BELFRY_MUST_CHECK;

/* Puts an event, log lines masked, into worker->batch, unless `status` says that it could not be
 * read. Returns: `status`, or BELFRY_ETOOBIG when there are as many `what` ("events") already as
 * one request may have. */
int worker_take_event(struct worker *worker, int status, const struct event *event,
                      const char *what, struct model_problem *problem) BELFRY_MUST_CHECK;

/* Appends the events of worker->batch and makes the answer: 201 with what was accepted, or why not.
 */
void worker_append_events(struct worker *worker, const struct request *request,
                          struct response *response);

/* Whose event it is when it says nothing: the key's. Returns: borrowed from the request. */
struct slice worker_default_source(const struct request *request);

/*
 * For a request that may take long (an export, a check that is waited for): whether there is room
 * for one more. Good until the request is answered. Returns: false when the answer is made: 503.
 */
bool worker_long_begin(struct worker *worker, const struct request *request,
                       struct response *response);

/* Puts an event of a system type into worker->batch. `event_id` gets its id. */
void worker_batch_event(struct worker *worker, const struct request *request, const char *type,
                        struct slice source, struct slice data, char event_id[ULID_BYTES]);

/* The same for an `audit` with `data`, about what request->identity did. */
void worker_batch_audit(struct worker *worker, const struct request *request, struct slice data);

/* Makes the answer to a read that has failed, and sees to it that the history is opened anew. */
void worker_read_problem(struct worker *worker, const struct request *request,
                         struct response *response, int status, const struct belfry_error *error);

/* A read has failed when the answer had begun: says so in the log, and sees to it that the history
 * is opened anew. */
void worker_read_broke(struct worker *worker, const struct request *request, int status,
                       const struct belfry_error *error);

/* Makes the answer to a body that was refused with `status` (event_parse, sample_parse,
 * fields_parse_object, body_records_start). */
void worker_input_problem(const struct request *request, struct response *response, int status,
                          const char *before, const struct model_problem *problem);

#endif
