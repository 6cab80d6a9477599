/* GET /status: how everything is, one word each: Belfry's parts, the agents, and every watched
 * service by its name. */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/own_health.h"
#include "fcgi/state_answer.h"

/* Agents that were heard of so lately make `agents` degraded when they failed or went stale. */
#define AGENTS_OF_LATE_MS INT64_C(86400000)

struct status_text {
  struct state_text *text;
  enum health overall;
  unsigned count; /* of the list in the making */
  bool top;       /* it is that of the top: names that mean something there are left out */
};

static void put_word(struct status_text *status, struct slice name, const char *word) {
  struct buf *out = status->text->out;
  buf_put_text(out, status->count++ ? "," : "");
  json_put_string(out, name);
  buf_printf(out, ":\"%s\"", word);
  for (enum health health = DEGRADED; health <= UNHEALTHY; health++)
    if (strcmp(word, health_name(health)) == 0 && health > status->overall)
      status->overall = health;
}

/* What a service's status is called here; what is not known or paused stays so. */
static const char *word_of(struct slice status) {
  static const struct {
    const char *status, *word;
  } rows[] = {
      {"up", "healthy"}, {"degraded", "degraded"}, {"down", "unhealthy"}, {"paused", "paused"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (slice_is(status, rows[i].status))
      return rows[i].word;
  return "unknown";
}

static bool is_ours(struct slice name) {
  static const char *const ours[] = {"status",  "agents", "api",      "websocket",
                                     "history", "watch",  "services", "metrics"};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    if (slice_is(name, ours[i]))
      return true;
  return false;
}

static int on_service(void *arg, const struct history_value *values, size_t count) {
  struct status_text *status = arg;
  if (count < 2)
    return BELFRY_ECORRUPT;
  if (!status->top || !is_ours(values[0].text))
    put_word(status, values[0].text, word_of(values[1].text));
  return 0;
}

/* The first row's integers. */
static int on_integers(void *arg, const struct history_value *values, size_t count) {
  int64_t *out = arg;
  for (size_t i = 0; i < count && i < 3; i++)
    out[i] = values[i].integer;
  return 0;
}

static void put_own(struct worker *worker, const struct request *request, struct history *history,
                    struct status_text *status) {
  struct own_health own;
  own_health_check(worker, request, history, &own);
  put_word(status, slice_of("api"), health_name(HEALTHY)); /* it answers */
  for (size_t i = 0; i < own.count; i++) {
    const char *name = own.checks[i].name;
    put_word(status, slice_of(strcmp(name, "push") == 0 ? "websocket" : name),
             own.checks[i].status);
  }
}

static int put_agents(const struct state_now *now, struct history *history,
                      struct status_text *status, struct belfry_error *error) {
  int64_t late[3] = {0};
  const struct history_value params[] = {
      HISTORY_VALUE_INTEGER("stale_before", state_agents_stale_before(now)),
      HISTORY_VALUE_INTEGER("since", now->now_ms - AGENTS_OF_LATE_MS)};
  int result = history_read(history, SQL_AGENTS_OF_LATE, params, 2, on_integers, late, error);
  put_word(status, slice_of("agents"), health_name(late[0] || late[1] ? DEGRADED : HEALTHY));
  return result;
}

static int put_metrics(struct worker *worker, const struct state_now *now, struct history *history,
                       struct state_text *text, struct belfry_error *error) {
  int64_t agents[3] = {0};
  const struct history_value params[] = {
      HISTORY_VALUE_INTEGER("stale_before", state_agents_stale_before(now))};
  int result = history_read(history, SQL_AGENT_TOTALS, params, 1, on_integers, agents, error);
  buf_printf(text->out, "\"metrics\":{\"active_agents\":%lld", (long long)agents[0]);
  state_text_clock_starts(text); /* asking is no change */
  buf_printf(text->out, ",\"total_requests\":%llu",
             atomic_load_explicit(&worker->shared->requests, memory_order_relaxed));
  state_text_clock_ends(text);
  buf_put_char(text->out, '}');
  return result;
}

static int put_parts(struct worker *worker, const struct request *request, struct history *history,
                     struct state_text *text, struct belfry_error *error) {
  const struct state_now now = state_now_of(worker, request);
  struct status_text status = {.text = text, .top = true};
  buf_put_char(text->out, '{');
  int result = put_agents(&now, history, &status, error);
  put_own(worker, request, history, &status);
  if (!result)
    result = history_read(history, SQL_SERVICES, NULL, 0, on_service, &status, error);
  buf_put_text(text->out, ",\"services\":{");
  status.count = 0;
  status.top = false;
  if (!result)
    result = history_read(history, SQL_SERVICES, NULL, 0, on_service, &status, error);
  buf_printf(text->out, "},\"status\":\"%s\",", health_name(status.overall));
  if (!result)
    result = put_metrics(worker, &now, history, text, error);
  buf_put_char(text->out, '}');
  return result;
}

static int put_status(struct worker *worker, const struct request *request, struct history *history,
                      struct state_text *text, struct belfry_error *error) {
  int status = history_begin(history, error); /* all of one moment */
  if (status)
    return status;
  status = put_parts(worker, request, history, text, error);
  history_end(history);
  return status;
}

void api_status(struct worker *worker, const struct request *request, struct response *response) {
  state_answer(worker, request, response, put_status, NULL);
}
