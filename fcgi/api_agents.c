/* /api/agents: agents as they are now, and one with its figures of the last day. */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/session_row.h"
#include "fcgi/state_answer.h"
#include "fcgi/state_list.h"

#include <stdio.h>

enum { QUERY_STATUS = STATE_LIST_PARAMS, QUERY_SOURCE, QUERY_NAME, QUERY_ORDER };

const struct field api_agents_query[] = {
    STATE_LIST_FIELDS,
    [QUERY_STATUS] = {"status", FIELD_CHOICE, .choices = "registered|running|idle|failed|stale",
                      .summary = "those of this status"},
    [QUERY_SOURCE] = {"source", FIELD_TEXT, .max = 128, .summary = "those of this source"},
    [QUERY_NAME] = {"name", FIELD_TEXT, .max = 512, .summary = "this one"},
    [QUERY_ORDER] = {"order", FIELD_CHOICE, .choices = "name|recent",
                     .summary = "by name, or those heard of last first; name by default"},
    {0},
};

/* The columns of agents_page. */
enum {
  AGENT_NAME,
  AGENT_ID,
  AGENT_SOURCE,
  AGENT_STATUS,
  AGENT_ACTIVE,
  AGENT_INVOCATIONS,
  AGENT_COMPLETIONS,
  AGENT_SUCCESSES,
  AGENT_QUALITY_SUM,
  AGENT_QUALITY_COUNT,
  AGENT_DURATION_SUM,
  AGENT_DURATION_COUNT,
  AGENT_LAST_DURATION,
  AGENT_FIRST_SEEN,
  AGENT_LAST_SEEN,
  AGENT_COMPLETED,
  AGENT_LAST_TASK,
  AGENT_LAST_ACTION,
  AGENT_KEY,
  AGENT_COLUMNS
};

/* All members of an agent, without the braces. */
static void put_members(struct state_text *text, const struct history_value *values) {
  static const struct history_value never = {.kind = HISTORY_NULL};
  state_put_text(text, "name", &values[AGENT_NAME]);
  state_put_text(text, "agent_id", &values[AGENT_ID]);
  state_put_text(text, "source", &values[AGENT_SOURCE]);
  state_put_text(text, "status", &values[AGENT_STATUS]);
  state_put_number(text, "active", &values[AGENT_ACTIVE]);
  state_put_number(text, "invocations", &values[AGENT_INVOCATIONS]);
  state_put_number(text, "completions", &values[AGENT_COMPLETIONS]);
  state_put_number(text, "successes", &values[AGENT_SUCCESSES]);
  state_put_mean(text, "success_rate", &values[AGENT_SUCCESSES], &values[AGENT_COMPLETIONS]);
  state_put_mean(text, "avg_quality_score", &values[AGENT_QUALITY_SUM],
                 &values[AGENT_QUALITY_COUNT]);
  state_put_mean(text, "avg_duration_ms", &values[AGENT_DURATION_SUM],
                 &values[AGENT_DURATION_COUNT]);
  state_put_number(text, "last_duration_ms", &values[AGENT_LAST_DURATION]);
  state_put_time(text, "first_seen", &values[AGENT_FIRST_SEEN]);
  state_put_time(text, "last_seen", &values[AGENT_LAST_SEEN]);
  state_put_time(text, "last_completed",
                 values[AGENT_COMPLETED].integer ? &values[AGENT_COMPLETED] : &never);
  state_put_text(text, "last_task", &values[AGENT_LAST_TASK]);
  state_put_text(text, "last_action", &values[AGENT_LAST_ACTION]);
}

static void put_row(struct state_text *text, const struct state_now *now,
                    const struct history_value *values) {
  (void)now;
  buf_put_char(text->out, '{');
  put_members(text, values);
  buf_put_char(text->out, '}');
}

static int put_list(struct worker *worker, const struct request *request, struct history *history,
                    struct state_text *text, struct belfry_error *error) {
  const struct field_value *params = request->params;
  const struct state_now now = state_now_of(worker, request);
  bool recent = params[QUERY_ORDER].set && params[QUERY_ORDER].number == 1;
  struct state_list list = {
      .plural = "agents",
      .letter = recent ? 'B' : 'A',
      .statement = SQL_AGENTS_PAGE,
      .after_name = "after_name",
      .columns = AGENT_COLUMNS,
      .put = put_row,
      .values = {HISTORY_VALUE_INTEGER("stale_before", state_agents_stale_before(&now)),
                 HISTORY_VALUE_INTEGER("recent", recent),
                 state_list_text("name", &params[QUERY_NAME]),
                 state_list_text("source", &params[QUERY_SOURCE]),
                 state_list_text("status", &params[QUERY_STATUS])},
      .value_count = 5,
  };
  return state_list_put(worker, request, history, &list, text, error);
}

void api_agents_list(struct worker *worker, const struct request *request,
                     struct response *response) {
  state_answer(worker, request, response, put_list, NULL);
}

/* --- one of them --------------------------------------------------------------------------------
 */

#define RECENT_MS      INT64_C(86400000)
#define RECENT_COST_MS 200 /* how long its figures may take; what takes longer is left out */
#define BUCKET_MS      (INT64_C(400) * 366 * 86400000) /* all of it is one bucket */
#define SESSIONS_SHOWN 20

struct one {
  struct state_text *text;
  struct state_now now;
  unsigned count;
  char id[512 + 1]; /* cut at 128 characters when it was stored */
};

static int on_one(void *arg, const struct history_value *values, size_t count) {
  struct one *one = arg;
  if (count != AGENT_COLUMNS)
    return BELFRY_ECORRUPT;
  one->count++;
  snprintf(one->id, sizeof one->id, "%.*s", SLICE_ARG(values[AGENT_ID].text));
  put_members(one->text, values);
  return 0;
}

static int on_task(void *arg, const struct history_value *values, size_t count) {
  struct one *one = arg;
  if (count != 1)
    return BELFRY_ECORRUPT;
  buf_put_text(one->text->out, one->count++ ? ",{" : "{");
  state_put_time(one->text, "started", &values[0]);
  buf_put_char(one->text->out, '}');
  return 0;
}

static int on_session(void *arg, const struct history_value *values, size_t count) {
  struct one *one = arg;
  if (count != SESSION_COLUMNS)
    return BELFRY_ECORRUPT;
  buf_put_text(one->text->out, one->count++ ? "," : "");
  session_row_put(one->text, &one->now, values);
  return 0;
}

static int on_figures(void *arg, struct slice labels, const struct sample_bucket *bucket) {
  struct one *one = arg;
  (void)labels;
  one->count++;
  buf_printf(one->text->out, "{\"count\":%lld,\"avg\":", (long long)bucket->count);
  json_put_number(one->text->out, bucket->sum / (double)bucket->count);
  buf_put_text(one->text->out, ",\"min\":");
  json_put_number(one->text->out, bucket->min);
  buf_put_text(one->text->out, ",\"max\":");
  json_put_number(one->text->out, bucket->max);
  buf_put_text(one->text->out, ",\"p95\":");
  json_put_number(one->text->out, history_bucket_quantile(bucket, 0.95)); /* NaN becomes null */
  buf_put_char(one->text->out, '}');
  return 0;
}

/* The samples of its events have its name as their label; its id while it had told no name. */
static int put_figures(struct history *history, struct one *one, const char *metric,
                       struct slice name, struct belfry_error *error) {
  const struct label_match labels[] = {{slice_of("agent"), name}};
  const struct slice together[1] = {{0}};
  const struct sample_query query = {.metric = slice_of(metric),
                                     .labels = labels,
                                     .label_count = 1,
                                     .by = together,
                                     .from_ms = one->now.now_ms - RECENT_MS,
                                     .to_ms = one->now.now_ms + 1,
                                     .step_ms = BUCKET_MS,
                                     .quantiles = true,
                                     .budget_ms = RECENT_COST_MS,
                                     .max_buckets = 4};
  struct sample_page page;
  buf_printf(one->text->out, ",\"%s\":", metric);
  one->count = 0;
  int status = history_samples(history, &query, on_figures, one, &page, error);
  if (!status && one->count == 0 && one->id[0]) {
    const struct label_match by_id[] = {{slice_of("agent"), slice_of(one->id)}};
    struct sample_query again = query;
    again.labels = by_id;
    status = history_samples(history, &again, on_figures, one, &page, error);
  }
  if (one->count == 0)
    buf_put_text(one->text->out, "null");
  return status;
}

static int put_sessions(struct history *history, struct one *one, struct slice name,
                        struct belfry_error *error) {
  const struct session_query query = {.stale_before = state_sessions_stale_before(&one->now),
                                      .agent = name,
                                      .open = true,
                                      .recent = true,
                                      .limit = SESSIONS_SHOWN};
  buf_put_text(one->text->out, ",\"sessions\":[");
  one->count = 0;
  int status = sessions_read(history, &query, on_session, one, error);
  buf_put_char(one->text->out, ']');
  return status;
}

static int put_tasks(struct history *history, struct one *one, struct slice name,
                     struct belfry_error *error) {
  const struct history_value params[] = {HISTORY_VALUE_TEXT("name", name)};
  buf_put_text(one->text->out, ",\"open_tasks\":[");
  one->count = 0;
  int status = history_read(history, SQL_AGENT_RUNS, params, 1, on_task, one, error);
  buf_put_char(one->text->out, ']');
  return status;
}

static int put_one(struct worker *worker, const struct request *request, struct history *history,
                   struct state_text *text, struct belfry_error *error) {
  struct one one = {.text = text, .now = state_now_of(worker, request)};
  struct slice name = request->args[0];
  const struct history_value params[] = {
      HISTORY_VALUE_INTEGER("stale_before", state_agents_stale_before(&one.now)),
      HISTORY_VALUE_INTEGER("recent", 0),
      HISTORY_VALUE_TEXT("name", name),
      HISTORY_VALUE_NULL("source"),
      HISTORY_VALUE_NULL("status"),
      HISTORY_VALUE_NULL("after_key"),
      HISTORY_VALUE_NULL("after_name"),
      HISTORY_VALUE_INTEGER("limit", 1),
  };
  buf_put_char(text->out, '{');
  int status = history_read(history, SQL_AGENTS_PAGE, params, sizeof params / sizeof *params,
                            on_one, &one, error);
  if (!status && one.count == 0)
    return BELFRY_ENOENT;
  if (!status)
    status = put_tasks(history, &one, name, error);
  if (!status)
    status = put_sessions(history, &one, name, error);
  buf_printf(text->out, ",\"recent\":{\"window_seconds\":%lld", (long long)RECENT_MS / 1000);
  if (!status)
    status = put_figures(history, &one, "duration_ms", name, error);
  if (!status)
    status = put_figures(history, &one, "quality_score", name, error);
  buf_put_text(text->out, "}}");
  return status;
}

void api_agents_get(struct worker *worker, const struct request *request,
                    struct response *response) {
  state_answer(worker, request, response, put_one, "there is no agent of this name");
}
