/*
 * /api/channels: whom alerts are told, how each channel does, and a test of one. What is secret of
 * a channel is not here.
 */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/state_answer.h"
#include "fcgi/task.h"
#include "model/severity.h"

#include <inttypes.h>

#define NO_CHANNEL      "there is no channel of this name (GET /api/channels lists them)"
#define DEFAULT_WAIT_MS 15000

/* Columns of channels_known, and what waits. */
enum {
  CHANNEL_NAME,
  CHANNEL_SENT,
  CHANNEL_FAILED,
  CHANNEL_GIVEN_UP,
  CHANNEL_ATTEMPTS,
  CHANNEL_LAST_SUCCESS,
  CHANNEL_LAST_FAILURE,
  CHANNEL_LAST_ERROR,
  CHANNEL_FAILING_SINCE,
  CHANNEL_NEXT_ATTEMPT,
  CHANNEL_TOKENS,
  CHANNEL_TOKENS_AT,
  CHANNEL_COLUMNS
};

struct one_channel {
  struct state_text *text;
  const struct conf_channel *conf;
  bool known;
  int64_t queued;
};

static void put_figures(struct one_channel *one, const struct history_value *values) {
  struct state_text *text = one->text;
  bool failing = values[CHANNEL_FAILING_SINCE].kind == HISTORY_INTEGER;
  buf_printf(text->out, ",\"state\":\"%s\"", failing ? "failing" : "ok");
  state_put_number(text, "sent", &values[CHANNEL_SENT]);
  state_put_number(text, "failed", &values[CHANNEL_FAILED]);
  state_put_number(text, "given_up", &values[CHANNEL_GIVEN_UP]);
  state_put_time(text, "last_success", &values[CHANNEL_LAST_SUCCESS]);
  state_put_time(text, "last_failure", &values[CHANNEL_LAST_FAILURE]);
  state_put_text(text, "last_error", &values[CHANNEL_LAST_ERROR]);
  state_put_time(text, "failing_since", &values[CHANNEL_FAILING_SINCE]);
  state_put_time(text, "next_attempt", &values[CHANNEL_NEXT_ATTEMPT]);
}

static int on_channel(void *arg, const struct history_value *values, size_t count) {
  struct one_channel *one = arg;
  if (count != CHANNEL_COLUMNS)
    return BELFRY_ECORRUPT;
  if (!slice_is(values[CHANNEL_NAME].text, one->conf->name))
    return 0;
  one->known = true;
  put_figures(one, values);
  return 0;
}

/* Columns: channel, count, the oldest. */
static int on_waiting(void *arg, const struct history_value *values, size_t count) {
  struct one_channel *one = arg;
  if (count != 3)
    return BELFRY_ECORRUPT;
  if (slice_is(values[0].text, one->conf->name))
    one->queued = values[1].integer;
  return 0;
}

static int put_channel(struct history *history, struct one_channel *one,
                       struct belfry_error *error) {
  const struct conf_channel *conf = one->conf;
  struct buf *out = one->text->out;
  buf_put_text(out, "{\"name\":");
  json_put_string(out, slice_of(conf->name));
  buf_printf(out,
             ",\"type\":\"%s\",\"default\":%s,\"send_resolved\":%s,\"min_severity\":\"%s\","
             "\"max_per_hour\":%" PRId64,
             conf_channel_type_name(conf), conf->by_name_only ? "false" : "true",
             conf->only_firing ? "false" : "true", severity_name(conf->min_severity),
             conf->max_per_hour);
  int status = history_read(history, SQL_CHANNELS_KNOWN, NULL, 0, on_channel, one, error);
  if (!status)
    status = history_read(history, SQL_NOTIFICATIONS_WAITING, NULL, 0, on_waiting, one, error);
  if (!one->known)
    buf_put_text(out, ",\"state\":\"unused\",\"sent\":0,\"failed\":0,\"given_up\":0,"
                      "\"last_success\":null,\"last_failure\":null,\"last_error\":\"\","
                      "\"failing_since\":null,\"next_attempt\":null");
  buf_printf(out, ",\"queued\":%" PRId64 "}", one->queued);
  return status;
}

static int put_channels(struct worker *worker, const struct request *request,
                        struct history *history, struct state_text *text,
                        struct belfry_error *error) {
  int status = BELFRY_OK;
  (void)request;
  buf_put_text(text->out, "{\"channels\":[");
  for (size_t i = 0; i < worker->conf->channel_count && !status; i++) {
    struct one_channel one = {.text = text, .conf = &worker->conf->channels[i]};
    buf_put_text(text->out, i ? "," : "");
    status = put_channel(history, &one, error);
  }
  buf_put_text(text->out, "],\"next_cursor\":null}");
  return status;
}

void api_channels_list(struct worker *worker, const struct request *request,
                       struct response *response) {
  state_answer(worker, request, response, put_channels, NULL);
}

/* --- a test ------------------------------------------------------------------------------------
 */

static void answer_tested(const struct request *request, struct response *response, bool accepted,
                          const char *words, int64_t took_ms) {
  if (!accepted) {
    response_problem(response, request, 502, "the channel did not accept the message: %s", words);
    return;
  }
  struct buf *out = response_json(response, 200);
  buf_put_text(out, "{\"channel\":");
  json_put_string(out, request->args[0]);
  buf_printf(out, ",\"result\":\"accepted\",\"duration_ms\":%" PRId64 "}", took_ms);
}

static void test(struct worker *worker, const struct request *request, struct response *response,
                 struct history *history) {
  char task_id[ULID_BYTES];
  struct task_result result;
  struct belfry_error error = {0};
  struct buf details;
  int64_t begun_ms = clock_monotonic_ms(worker->clock);
  buf_init(&details, 256);
  buf_put_text(&details, "{\"channel\":");
  json_put_string(&details, request->args[0]);
  buf_put_char(&details, '}');
  int status = task_put(worker, request, response, "test_channel", slice_of(""),
                        buf_slice(&details), task_id);
  buf_fini(&details);
  if (status)
    return;
  status = task_wait(worker, request, history, task_id, DEFAULT_WAIT_MS, &result, &error);
  if (status)
    worker_read_problem(worker, request, response, status, &error);
  else if (result.state == TASK_ASKED)
    task_answer_asked(response, task_id);
  else
    answer_tested(request, response, result.state == TASK_DONE, result.message,
                  clock_monotonic_ms(worker->clock) - begun_ms);
}

void api_channels_test(struct worker *worker, const struct request *request,
                       struct response *response) {
  struct belfry_error error = {0};
  struct history *history = worker_history(worker, &error);
  if (!history)
    worker_read_problem(worker, request, response, error.code, &error);
  else if (!conf_channel_find(worker->conf, request->args[0]))
    response_problem(response, request, 404, NO_CHANNEL);
  else if (task_can_be_done(worker, request, response, history) &&
           worker_long_begin(worker, request, response))
    test(worker, request, response, history);
}
