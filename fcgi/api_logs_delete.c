/*
 * DELETE /api/logs: has log lines deleted. What is said here is which; from the moment of the
 * answer nobody is shown them, and belfry-historyd removes them (lib/history/keeper_delete.c).
 */
#include "fcgi/api.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "model/filter_parse.h"
#include "model/log_json.h"

#include <inttypes.h>

/* What the output of recovery actions is stored under. */
#define RECOVERY_SOURCES "recovery,recovery:*"

/* How long the lines are counted, so that the answer can say how many they are. */
#define COUNT_BUDGET_MS 1000

/* When one should come again who finds too many deletions waiting. */
#define RETRY_S 10

enum { DELETE_TYPE, DELETE_SOURCE, DELETE_SEVERITY, DELETE_FROM, DELETE_BEFORE };
enum { TYPE_ALL, TYPE_RECOVERY };

const struct field api_logs_delete_query[] = {
    [DELETE_TYPE] = {"type", FIELD_CHOICE, .choices = "all|recovery",
                     .summary = "recovery: what recovery actions have written, only"},
    [DELETE_SOURCE] = {"source", FIELD_TEXT, .max = 2048, .summary = "globs, comma list"},
    [DELETE_SEVERITY] = {"severity", FIELD_TEXT, .max = 128, .summary = "names, comma list"},
    [DELETE_FROM] = {"from", FIELD_TIME, .summary = "timestamp at or after it"},
    [DELETE_BEFORE] = {"before", FIELD_TIME, .summary = "timestamp before it"},
    {0},
};

/* A condition that says nothing would be none: everything would go. */
static int check_not_empty(const struct request *request, const struct event_filter *filter,
                           struct model_problem *problem) {
  const struct field_value *params = request->params;
  if (params[DELETE_SOURCE].set && filter->source_count == 0)
    return model_problem_set(problem, BELFRY_EINVAL, "source", "names no source");
  if (params[DELETE_SEVERITY].set && filter->severities == 0)
    return model_problem_set(problem, BELFRY_EINVAL, "severity", "names no severity");
  for (size_t i = 0; i < params[DELETE_SOURCE].text.len; i++)
    if ((unsigned char)params[DELETE_SOURCE].text.data[i] < 0x20)
      return model_problem_set(problem, BELFRY_EINVAL, "source",
                               "must be a text without control characters");
  return BELFRY_OK;
}

static int parse_filter(const struct request *request, struct event_filter *filter,
                        struct model_problem *problem) {
  const struct field_value *params = request->params;
  bool recovery = params[DELETE_TYPE].set && params[DELETE_TYPE].number == TYPE_RECOVERY;
  if (recovery && params[DELETE_SOURCE].set)
    return model_problem_set(problem, BELFRY_EINVAL, "source",
                             "does not go with type=recovery, which stands for certain sources");
  if (params[DELETE_FROM].set && params[DELETE_BEFORE].set &&
      params[DELETE_FROM].number >= params[DELETE_BEFORE].number)
    return model_problem_set(problem, BELFRY_EINVAL, "before", "must be later than `from`");
  const struct event_filter_texts texts = {
      .event = slice_of(LOG_EVENT_TYPE),
      .severity = params[DELETE_SEVERITY].text,
      .source = recovery ? slice_of(RECOVERY_SOURCES) : params[DELETE_SOURCE].text,
  };
  int status = event_filter_parse(&texts, request->now_ms, filter, problem);
  filter->from_ms = params[DELETE_FROM].number;
  filter->to_ms = params[DELETE_BEFORE].number;
  return status ? status : check_not_empty(request, filter, problem);
}

/* --- how many --- */

static int on_line(void *arg, const struct event *event) {
  (void)arg, (void)event;
  return 0;
}

static int count_lines(struct history *history, const struct event_filter *filter,
                       struct event_page *page, struct belfry_error *error) {
  const struct event_query query = {
      .filter = *filter, .limit = UINT32_MAX, .budget_ms = COUNT_BUDGET_MS, .brief = true};
  return history_events(history, &query, on_line, NULL, page, error);
}

/* --- what tells of it --- */

/* A time as it is, not as it was said (`-7d`). */
static void put_value(struct buf *out, const struct field *field, const struct field_value *value) {
  char when[TIMESTAMP_BYTES];
  if (field->kind == FIELD_TIME)
    timestamp_format(value->number, when);
  json_put_string(out, field->kind == FIELD_TIME ? slice_of(when) : value->text);
}

static void put_asked(struct buf *out, const struct request *request) {
  const char *separator = "";
  buf_put_text(out, ",\"filter\":{");
  for (size_t i = 0; api_logs_delete_query[i].name; i++) {
    if (!request->params[i].set)
      continue;
    buf_printf(out, "%s\"%s\":", separator, api_logs_delete_query[i].name);
    put_value(out, &api_logs_delete_query[i], &request->params[i]);
    separator = ",";
  }
  buf_put_char(out, '}');
}

static void put_audit(struct worker *worker, const struct request *request,
                      const struct event_page *page) {
  struct buf data;
  buf_init(&data, 0);
  buf_put_text(&data, "{\"action\":\"logs_deleted\",\"by\":");
  json_put_string(&data, slice_of(request->identity.name));
  put_asked(&data, request);
  buf_printf(&data, ",\"deleted\":%" PRIu32 ",\"partial\":%s}", page->count,
             page->partial ? "true" : "false");
  worker_batch_audit(worker, request, buf_slice(&data));
  buf_fini(&data);
}

static void put_deletion(struct worker *worker, const struct request *request,
                         const struct event_filter *filter) {
  struct buf sources;
  buf_init(&sources, 0);
  for (size_t i = 0; i < filter->source_count; i++) {
    buf_put_text(&sources, i ? "\n" : "");
    buf_put_slice(&sources, filter->sources[i]);
  }
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("sources", buf_slice(&sources)),
      HISTORY_VALUE_INTEGER("severities", filter->severities),
      HISTORY_VALUE_INTEGER("from", filter->from_ms),
      HISTORY_VALUE_INTEGER("to", filter->to_ms),
      HISTORY_VALUE_INTEGER("now", request->now_ms),
  };
  history_batch_mutate(&worker->batch, SQL_DELETION_INSERT, true, values,
                       sizeof values / sizeof *values);
  if (buf_status(&sources))
    worker->batch.records.status = buf_status(&sources); /* it would be about all sources */
  buf_fini(&sources);
}

void api_logs_delete(struct worker *worker, const struct request *request,
                     struct response *response) {
  struct event_filter filter = {0};
  struct model_problem problem = {0};
  struct event_page page = {0};
  struct history_receipt receipt;
  struct belfry_error error = {0};
  if (parse_filter(request, &filter, &problem)) {
    response_input_problem(response, request, 400, "", &problem);
    return;
  }
  struct history *history = worker_history(worker, &error);
  int status = history ? count_lines(history, &filter, &page, &error) : error.code;
  if (status) {
    worker_read_problem(worker, request, response, status, &error);
    return;
  }
  put_audit(worker, request, &page);
  put_deletion(worker, request, &filter);
  status = worker_append(worker, request, response, true, &receipt);
  if (status == BELFRY_ECONFLICT)
    response_unavailable(response, request, RETRY_S,
                         "as many deletions as may wait to be carried out are waiting; nothing "
                         "was deleted");
  if (!status)
    buf_printf(response_json(response, 200),
               "{\"deleted\":%" PRIu32 ",\"partial\":%s,\"audit_id\":%" PRId64 "}", page.count,
               page.partial ? "true" : "false", receipt.last_id);
}
