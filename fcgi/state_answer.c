#include "fcgi/state_answer.h"

#include "fcgi/worker.h"

#define AGE_MAX_MS     1000
#define KEPT_BYTES_MAX ((size_t)256 << 10)

void state_answers_init(struct state_answers *answers) {
  *answers = (struct state_answers){0};
  for (size_t i = 0; i < STATE_ANSWERS_MAX; i++) {
    buf_init(&answers->kept[i].key, 0);
    buf_init(&answers->kept[i].text, 0);
  }
}

void state_answers_fini(struct state_answers *answers) {
  for (size_t i = 0; i < STATE_ANSWERS_MAX; i++) {
    buf_fini(&answers->kept[i].key);
    buf_fini(&answers->kept[i].text);
  }
}

void state_answers_forget(struct state_answers *answers) {
  for (size_t i = 0; i < STATE_ANSWERS_MAX; i++)
    answers->kept[i].version = 0;
}

struct state_now state_now_of(const struct worker *worker, const struct request *request) {
  return (struct state_now){request->now_ms, worker->conf->model_agent_stale_ms,
                            worker->conf->model_session_stale_ms};
}

static bool is_of(const struct state_answer *answer, const struct request *request) {
  size_t path = request->path.len, query = request->query_text.len;
  return answer->key.len == path + 1 + query &&
         memcmp(answer->key.data, request->path.data, path) == 0 &&
         answer->key.data[path] == '\0' &&
         (query == 0 || memcmp(answer->key.data + path + 1, request->query_text.data, query) == 0);
}

/* The kept answer to this request, or the one whose place it takes: the oldest. */
static struct state_answer *find(struct state_answers *answers, const struct request *request) {
  struct state_answer *oldest = &answers->kept[0];
  for (size_t i = 0; i < STATE_ANSWERS_MAX; i++) {
    struct state_answer *answer = &answers->kept[i];
    if (is_of(answer, request))
      return answer;
    if (answer->made_ms < oldest->made_ms)
      oldest = answer;
  }
  oldest->version = 0;
  return oldest;
}

static int make_anew(struct worker *worker, const struct request *request, struct history *history,
                     state_answer_fn make, struct state_answer *answer,
                     struct belfry_error *error) {
  struct state_text text;
  answer->version = 0;
  buf_clear(&answer->key);
  buf_clear(&answer->text);
  state_text_init(&text, &answer->text);
  int status = make(worker, request, history, &text, error);
  if (!status)
    status = buf_status(&answer->text);
  if (status)
    return status;
  answer->fingerprint = state_text_fingerprint(&text);
  buf_put_slice(&answer->key, request->path);
  buf_put_char(&answer->key, '\0');
  buf_put_slice(&answer->key, request->query_text);
  return buf_status(&answer->key);
}

static int refresh(struct worker *worker, const struct request *request, state_answer_fn make,
                   struct state_answer **out, struct belfry_error *error) {
  struct history *history = worker_history(worker, error);
  if (!history)
    return error->code;
  struct state_answer *answer = *out = find(&worker->answers, request);
  uint64_t version = worker_version(worker, history);
  int64_t now_ms = clock_monotonic_ms(worker->clock);
  if (version && version == answer->version && now_ms - answer->made_ms < AGE_MAX_MS)
    return BELFRY_OK;
  int status = make_anew(worker, request, history, make, answer, error);
  if (status)
    return status;
  answer->version = version;
  answer->made_ms = now_ms;
  return BELFRY_OK;
}

static void answer_bad_cursor(const struct request *request, struct response *response) {
  struct model_problem problem = {0};
  (void)model_problem_set(&problem, BELFRY_EINVAL, "cursor",
                          "is not a next_cursor of this list; start without one");
  response_input_problem(response, request, 400, "", &problem);
}

void state_answer(struct worker *worker, const struct request *request, struct response *response,
                  state_answer_fn make, const char *missing) {
  struct belfry_error error = {0};
  struct state_answer *answer = NULL;
  int status = refresh(worker, request, make, &answer, &error);
  if (status == BELFRY_ENOENT && missing)
    response_problem(response, request, 404, "%s", missing);
  else if (status == BELFRY_EINVAL)
    answer_bad_cursor(request, response);
  else if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (!response_etag(response, request, answer->fingerprint))
    buf_put_slice(response_json(response, 200), buf_slice(&answer->text));
  if (answer && answer->text.cap > KEPT_BYTES_MAX) {
    buf_fini(&answer->text);
    answer->version = 0;
  }
}
