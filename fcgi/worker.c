#include "fcgi/worker.h"

#include "base/fd.h"
#include "base/log.h"
#include "fcgi/fastcgi.h"
#include "fcgi/password_gate.h"
#include "fcgi/route.h"
#include "model/log_json.h"
#include "settings/masking.h"
#include "settings/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* What a read or write of the connection may take beyond the request's own time. */
#define IO_GRACE_MS 1000

/* Memory that a worker keeps from request to request, for each of its buffers. */
#define KEPT_BYTES ((size_t)1 << 20)

/* How much of a path the log shows. */
#define LOGGED_PATH_BYTES 300

/* How often it looks whether settings were changed. */
#define LOOK_MS 1000

/* When a long request that was refused should come again. */
#define LONG_RETRY_S 5

int worker_init(struct worker *worker, const struct conf *conf, struct shared *shared,
                struct shared_slot *slot) {
  *worker = (struct worker){.conf = conf, .clock = &clock_system, .shared = shared, .slot = slot};
  history_batch_init(&worker->batch, 0);
  buf_init(&worker->body, 0);
  buf_init(&worker->inflated, 0);
  buf_init(&worker->masked, 0);
  buf_init(&worker->openapi, 0);
  state_answers_init(&worker->answers);
  char path[256];
  struct belfry_error error = {0};
  int status = auth_jwt_load(conf, &worker->jwt, &error);
  if (!status)
    status = mask_new(&worker->mask);
  if (!status)
    status = masking_configure(worker->mask, conf, &error);
  if (status) {
    log_error("%s", error.text[0] ? error.text : belfry_strerror(status));
    return status;
  }
  status = conf_run_path(conf, "history.sock", path, sizeof path);
  return status ? status : history_client_new(path, "belfry-fcgi", &worker->client);
}

void worker_fini(struct worker *worker) {
  history_close(worker->history);
  auth_jwt_free(worker->jwt);
  mask_free(worker->mask);
  history_client_free(worker->client);
  history_batch_fini(&worker->batch);
  buf_fini(&worker->body);
  buf_fini(&worker->inflated);
  buf_fini(&worker->masked);
  buf_fini(&worker->openapi);
  state_answers_fini(&worker->answers);
}

struct history *worker_history(struct worker *worker, struct belfry_error *error) {
  if (worker->history_suspect) {
    history_close(worker->history);
    worker->history = NULL;
    worker->history_suspect = false;
    state_answers_forget(&worker->answers);
    worker->credential.version = 0;
    worker->version = 0;
  }
  if (!worker->history) {
    char dir[4096];
    int status = conf_state_path(worker->conf, "history", dir, sizeof dir);
    if (status) {
      (void)belfry_error_set(error, status, "paths.state is too long");
      return NULL;
    }
    if (history_open(dir, &worker->history, error))
      worker->history = NULL;
  }
  return worker->history;
}

uint64_t worker_version(struct worker *worker, struct history *history) {
  if (worker->version == 0)
    worker->version = history_version(history);
  return worker->version;
}

int worker_identify(struct worker *worker, struct request *request, struct belfry_error *error) {
  struct password_gate gate = {worker, request};
  const struct auth_credentials credentials = {.authorization = request->authorization,
                                               .cookie = request->cookie,
                                               .remote_user = request->remote_user,
                                               .remote_role = request->remote_role,
                                               .jwt = worker->jwt,
                                               .password = password_gate_check,
                                               .password_arg = &gate};
  struct belfry_error open_error = {0};
  struct history *history = worker_history(worker, &open_error);
  /* Keys, users and sign-ins change by requests only; events, which come all the time, leave them
   * be. */
  uint64_t version = atomic_load(&worker->shared->mutations) + 1;
  int status =
      auth_identify_cached(&worker->credential, version, clock_monotonic_ms(worker->clock), history,
                           worker->conf, &credentials, request->now_ms, &request->identity, error);
  if (!status)
    auth_used_note(&worker->shared->used, &request->identity, request->now_ms);
  return status;
}

int worker_time_left_ms(const struct worker *worker, const struct request *request) {
  int64_t left = request->deadline_ms - clock_monotonic_ms(worker->clock);
  return left < 1 ? 1 : left > 3600000 ? 3600000 : (int)left;
}

static void append_problem(const struct request *request, struct response *response, int status,
                           const struct belfry_error *error) {
  switch (status) {
  case BELFRY_ECONFLICT:
    response_problem(response, request, 409, "%s", error->text);
    return;
  case BELFRY_ETOOBIG:
    response_problem(response, request, 413, "%s", error->text);
    return;
  case BELFRY_EINVAL:
    response_problem(response, request, 422, "%s", error->text);
    return;
  case BELFRY_EFULL:
    response_unavailable(response, request, 30,
                         "nothing was stored: the disk that holds the history is full");
    return;
  case BELFRY_EBUSY:
  case BELFRY_ECLOSED:
    response_unavailable(response, request, 2,
                         "the history cannot be written now: belfry-historyd does not answer; "
                         "sending the same again is safe where events carry an event_id");
    return;
  case BELFRY_ETIMEDOUT:
    response_unavailable(response, request, 5,
                         "the history did not confirm within the request's time; it may still "
                         "have stored this; sending the same again is safe where events carry an "
                         "event_id");
    return;
  default:
    log_error("request %s: append: %s", request->id, error->text);
    response_problem(response, request, 500, "the history refused this: %s",
                     belfry_strerror(status));
  }
}

int worker_append(struct worker *worker, const struct request *request, struct response *response,
                  bool leave_conflict, struct history_receipt *receipt) {
  struct belfry_error error = {0};
  int status = history_batch_status(&worker->batch);
  if (status)
    (void)belfry_error_set(&error, status, "the request makes more records than one batch holds");
  else
    status = history_client_append(worker->client, &worker->batch,
                                   worker_time_left_ms(worker, request), receipt, &error);
  if (history_batch_mutates(&worker->batch)) /* however it ended: it may be in force all the same */
    atomic_fetch_add(&worker->shared->mutations, 1);
  if (status && !(status == BELFRY_ECONFLICT && leave_conflict))
    append_problem(request, response, status, &error);
  return status;
}

static void put_id(struct buf *out, const char *key, int64_t id) {
  if (id)
    buf_printf(out, ",\"%s\":%" PRId64, key, id);
  else
    buf_printf(out, ",\"%s\":null", key);
}

int worker_put_line(struct worker *worker, const struct event *event) {
  struct event masked = *event;
  int64_t before = mask_count(worker->mask);
  buf_clear(&worker->masked);
  if (mask_put_json(worker->mask, event->data, &worker->masked))
    masked.data = buf_slice(&worker->masked);
  if (buf_status(&worker->masked))
    return buf_status(&worker->masked);
  int64_t count = mask_count(worker->mask) - before;
  if (count > 0)
    atomic_fetch_add_explicit(&worker->shared->masked, (unsigned long long)count,
                              memory_order_relaxed);
  history_batch_event(&worker->batch, &masked);
  return BELFRY_OK;
}

int worker_take_event(struct worker *worker, int status, const struct event *event,
                      const char *what, struct model_problem *problem) {
  int64_t most = worker->conf->history_max_batch_events;
  if (status)
    return status;
  if (history_batch_count(&worker->batch) >= most)
    return model_problem_set(problem, BELFRY_ETOOBIG, "",
                             "is over the limit of %" PRId64 " %s in one request", most, what);
  if (slice_is(event->type, LOG_EVENT_TYPE))
    return worker_put_line(worker, event);
  history_batch_event(&worker->batch, event);
  return BELFRY_OK;
}

void worker_append_events(struct worker *worker, const struct request *request,
                          struct response *response) {
  struct history_receipt receipt = {0}; /* of nothing: a batch of CloudEvents may be empty */
  if (history_batch_count(&worker->batch) > 0 &&
      worker_append(worker, request, response, false, &receipt))
    return;
  struct buf *out = response_json(response, 201);
  buf_printf(out, "{\"accepted\":%u,\"duplicates\":%u", receipt.accepted, receipt.duplicates);
  put_id(out, "first_id", receipt.first_id);
  put_id(out, "last_id", receipt.last_id);
  buf_put_char(out, '}');
}

struct slice worker_default_source(const struct request *request) {
  return request->identity.name[0] ? slice_of(request->identity.name) : slice_of("unknown");
}

bool worker_long_begin(struct worker *worker, const struct request *request,
                       struct response *response) {
  int64_t workers = worker->conf->fcgi_workers;
  if (shared_long_begin(worker->shared, worker->slot, workers))
    return true;
  char why[160];
  snprintf(why, sizeof why,
           "as many long requests (exports, checks that are waited for) run as may at a time: %u "
           "of %" PRId64 " workers; try again",
           shared_long_max(workers), workers);
  response_unavailable(response, request, LONG_RETRY_S, why);
  return false;
}

void worker_batch_event(struct worker *worker, const struct request *request, const char *type,
                        struct slice source, struct slice data, char event_id[ULID_BYTES]) {
  ulid_make(&worker->ulids, request->now_ms, event_id);
  const struct event event = {
      .timestamp_ms = request->now_ms,
      .severity = 1, /* info */
      .type = slice_of(type),
      .source = source,
      .event_id = slice_of(event_id),
      .data = data,
  };
  history_batch_event(&worker->batch, &event);
}

void worker_batch_audit(struct worker *worker, const struct request *request, struct slice data) {
  char event_id[ULID_BYTES];
  worker_batch_event(worker, request, "audit", slice_of("belfry-fcgi"), data, event_id);
}

void worker_read_problem(struct worker *worker, const struct request *request,
                         struct response *response, int status, const struct belfry_error *error) {
  if (status == BELFRY_ETOOBIG) {
    response_problem(response, request, 400, "%s", error->text);
    return;
  }
  worker->history_suspect = true;
  if (status != BELFRY_EBUSY && status != BELFRY_ETIMEDOUT)
    log_warning("request %s: the history cannot be read: %s", request->id, error->text);
  char why[BELFRY_ERROR_TEXT_BYTES + 64];
  snprintf(why, sizeof why, "the history cannot be read now: %s",
           status == BELFRY_EVERSION ? "its version is not this program's"
           : status == BELFRY_EBUSY  ? "it is not there yet, or busy"
                                     : belfry_strerror(status));
  response_unavailable(response, request, 2, why);
}

void worker_read_broke(struct worker *worker, const struct request *request, int status,
                       const struct belfry_error *error) {
  if (status == BELFRY_ECLOSED) /* the client's doing */
    return;
  worker->history_suspect = true;
  log_warning("request %s: broken off in the middle: %s", request->id,
              error->text[0] ? error->text : belfry_strerror(status));
}

void worker_input_problem(const struct request *request, struct response *response, int status,
                          const char *before, const struct model_problem *problem) {
  switch (status) {
  case BELFRY_EINVAL:
    response_input_problem(response, request, 400, before, problem);
    return;
  case BELFRY_ECONFLICT:
    response_input_problem(response, request, 422, before, problem);
    return;
  case BELFRY_EDENIED:
    response_input_problem(response, request, 403, before, problem);
    return;
  case BELFRY_ETOOBIG:
    response_input_problem(response, request, 413, before, problem);
    return;
  default:
    response_unavailable(response, request, 1, "out of memory");
  }
}

/* --- the loop --- */

static struct slice param_of(const void *arg, const char *name) {
  return fastcgi_param(arg, name);
}

static void on_cloudevent_header(void *arg, struct slice name, struct slice value) {
  request_take_cloudevent(arg, name, value);
}

static int read_of(void *arg, size_t max, struct buf *out) {
  return fastcgi_read(arg, max, out);
}

/* Where a long answer is written to. */
struct outlet {
  struct worker *worker;
  struct fastcgi *fastcgi;
};

static int write_of(void *arg, struct slice bytes) {
  struct outlet *outlet = arg;
  struct worker *worker = outlet->worker;
  atomic_store_explicit(&worker->slot->busy_since_ms, clock_monotonic_ms(worker->clock),
                        memory_order_relaxed);
  fastcgi_more_time(outlet->fastcgi, worker->conf->fcgi_request_timeout_ms + IO_GRACE_MS);
  if (bytes.len == 0)
    return fastcgi_is_gone(outlet->fastcgi) ? BELFRY_ECLOSED : BELFRY_OK;
  int status = fastcgi_write(outlet->fastcgi, bytes);
  return status ? status : fastcgi_flush(outlet->fastcgi);
}

/* The end of an answer that went out in pieces. */
static int send_rest(struct fastcgi *fastcgi, const struct response *response) {
  int status =
      response->broken ? BELFRY_ECLOSED : fastcgi_write(fastcgi, buf_slice(&response->body));
  if (!status)
    return fastcgi_finish(fastcgi);
  fastcgi_abort(fastcgi);
  return status;
}

static int send_response(struct fastcgi *fastcgi, const struct request *request,
                         const struct response *response, struct buf *head) {
  if (response->begun)
    return send_rest(fastcgi, response);
  buf_clear(head);
  response_put_head(response, request, head);
  int status = fastcgi_write(fastcgi, buf_slice(head));
  if (!status && request->method != HTTP_HEAD && response->content_type)
    status = fastcgi_write(fastcgi, buf_slice(&response->body));
  int end = fastcgi_finish(fastcgi);
  return status ? status : end;
}

/* Once a second at most: whether settings were changed. The master of the pool then begins anew. */
static void look_at_settings(struct worker *worker) {
  int64_t version;
  int64_t now_ms = clock_monotonic_ms(worker->clock);
  if (!worker->history || worker->history_suspect ||
      (worker->looked_ms && now_ms - worker->looked_ms < LOOK_MS))
    return;
  worker->looked_ms = now_ms;
  if (settings_read_version(worker->history, &version) == BELFRY_OK)
    atomic_store_explicit(&worker->shared->settings_version, version, memory_order_relaxed);
}

static void count_answer(struct shared *shared, int status) {
  atomic_fetch_add_explicit(&shared->requests, 1, memory_order_relaxed);
  if (status >= 500)
    atomic_fetch_add_explicit(&shared->server_errors, 1, memory_order_relaxed);
  else if (status >= 400)
    atomic_fetch_add_explicit(&shared->client_errors, 1, memory_order_relaxed);
}

/* Empties a buffer; one that a large request has blown up gives its memory back. */
static void empty(struct buf *buf) {
  if (buf->cap > KEPT_BYTES)
    buf_fini(buf);
  buf_clear(buf);
}

/* What an access log would say; the query may hold a secret. */
static void log_answer(const struct worker *worker, const struct request *request,
                       const struct response *response, int64_t since_ms) {
  struct slice path = request->path;
  path.len = path.len < LOGGED_PATH_BYTES ? path.len : LOGGED_PATH_BYTES;
  log_debug("request %s: %s %.*s%.*s of %s answered %d in %lld ms, %zu bytes", request->id,
            http_method_name(request->method), SLICE_ARG(request->prefix), SLICE_ARG(path),
            request->identity.name[0] ? request->identity.name : "nobody", response->status,
            (long long)(clock_monotonic_ms(worker->clock) - since_ms), response->body.len);
}

static void answer(struct worker *worker, struct fastcgi *fastcgi, struct request *request,
                   struct response *response, struct buf *head) {
  struct belfry_error error = {0};
  struct outlet outlet = {worker, fastcgi};
  response_clear(response);
  response->write = write_of;
  response->write_arg = &outlet;
  history_batch_clear(&worker->batch);
  worker->version = 0;
  int64_t since_ms = clock_monotonic_ms(worker->clock);
  worker->password_wait_s = 0;
  worker->password_busy = false;
  if (request_read(request, param_of, fastcgi, clock_realtime_ms(worker->clock), &error)) {
    response_problem(response, request, 400, "%s", error.text);
  } else {
    fastcgi_params(fastcgi, "HTTP_CE_", on_cloudevent_header, request);
    route_answer(worker, request, read_of, fastcgi, response);
  }
  if (response->begun) {
    response->broken = response->broken || buf_status(&response->body);
  } else if (buf_status(&response->body) || buf_status(&response->headers)) {
    log_error("request %s: the answer does not fit: %s", request->id,
              belfry_strerror(buf_status(&response->body)));
    response_clear(response);
    response_problem(response, request, 500, "the answer is too large; ask for less");
  }
  look_at_settings(worker);
  count_answer(worker->shared, response->status);
  log_answer(worker, request, response, since_ms);
  shared_long_end(worker->slot); /* who has seen the end may come again at once */
  if (send_response(fastcgi, request, response, head))
    atomic_fetch_add_explicit(&worker->shared->aborted, 1, memory_order_relaxed);
  response->write = NULL;
  response->write_arg = NULL;
  empty(&response->body);
  empty(&worker->body);
  empty(&worker->inflated);
  empty(&worker->batch.records);
  empty(&request->body_arena);
}

static void on_stop(int signal_number) {
  (void)signal_number;
  fastcgi_stop();
}

static void set_signals(void) {
  struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
  sigaction(SIGTERM, &stop, NULL);
  /* A terminal's Ctrl-C reaches the whole group; the master tells us when to end. */
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGUSR1, SIG_IGN);
}

/* Workers made together are not replaced together. */
static int64_t share_of_requests(const struct conf *conf) {
  uint32_t random;
  fd_random(&random, sizeof random);
  int64_t most = conf->fcgi_max_requests;
  return most - (int64_t)(random % (uint64_t)(most / 10 + 1));
}

int worker_run(const struct conf *conf, struct shared *shared, struct shared_slot *slot,
               int listener) {
  struct worker worker;
  struct fastcgi *fastcgi = NULL;
  struct request request;
  struct response response;
  struct buf head;
  struct belfry_error error = {0};
  request_init(&request);
  response_init(&response);
  buf_init(&head, 0);
  int status = worker_init(&worker, conf, shared, slot);
  if (!status)
    status = fastcgi_open(listener, &fastcgi, &error);
  if (!status) {
    set_signals(); /* after libfcgi has set its own */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
  }
  int64_t left = share_of_requests(conf);
  while (!status && left-- > 0) {
    atomic_store_explicit(&slot->busy_since_ms, 0, memory_order_relaxed);
    status = fastcgi_accept(fastcgi, conf->fcgi_request_timeout_ms + IO_GRACE_MS, &error);
    if (status)
      break;
    atomic_store_explicit(&slot->busy_since_ms, clock_monotonic_ms(worker.clock),
                          memory_order_relaxed);
    answer(&worker, fastcgi, &request, &response, &head);
  }
  atomic_store_explicit(&slot->busy_since_ms, 0, memory_order_relaxed);
  if (status && status != BELFRY_ECLOSED)
    log_error("worker: %s", error.text[0] ? error.text : belfry_strerror(status));
  fastcgi_close(fastcgi);
  worker_fini(&worker);
  request_fini(&request);
  response_fini(&response);
  buf_fini(&head);
  return status && status != BELFRY_ECLOSED ? 1 : 0;
}
