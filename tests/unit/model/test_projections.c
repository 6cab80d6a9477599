/*
 * The projections, each against a plain model in memory: random events, in any order, some of them
 * with data of wrong types, must leave exactly the rows that the model has.
 */
#include "base/buf.h"
#include "stored.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_MS INT64_C(3600000)

static uint32_t seed;

static uint32_t pick(uint32_t below) {
  seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5; /* xorshift */
  return seed % below;
}

/* Appends a member to the JSON object in the making. */
static void member(struct buf *data, const char *key, const char *value) {
  buf_printf(data, "%s\"%s\":%s", data->len > 1 ? "," : "", key, value);
}

static const struct history_value *column(const struct history_value *values, int index) {
  return &values[index];
}

static void check_text(const char *what, const struct history_value *got, const char *want) {
  if (want[0] ? got->kind != HISTORY_TEXT || !slice_is(got->text, want) : got->kind == HISTORY_TEXT)
    fail_msg("seed %u: %s is '%.*s', not '%s'", seed, what, SLICE_ARG(got->text), want);
}

/* NAN stands for none. */
static void check_number(const char *what, const struct history_value *got, double want) {
  if (want != want ? got->kind != HISTORY_NULL : got->kind == HISTORY_NULL || got->real != want)
    fail_msg("seed %u: %s is %g, not %g", seed, what, got->real, want);
}

/* --- agents ------------------------------------------------------------------------------------
 */

#define AGENTS_MAX 16
#define RUNS_MAX   512

struct agent {
  char name[16], id[16], source[16], task[16];
  const char *status;
  int64_t task_at, first, last, completed, early, early_at;
  int64_t invocations, completions, successes, qualities, durations;
  double quality_sum, duration_sum, last_duration;
  int64_t runs[RUNS_MAX]; /* when they were started, in order */
  size_t run_count;
};

struct agents {
  struct agent rows[AGENTS_MAX];
  size_t count;
};

static struct agent *agent_named(struct agents *agents, const char *name) {
  for (size_t i = 0; i < agents->count; i++)
    if (strcmp(agents->rows[i].name, name) == 0)
      return &agents->rows[i];
  return NULL;
}

/* The agent with this id: one that has a name of its own rather than one that has not. */
static struct agent *agent_with_id(struct agents *agents, const char *id) {
  struct agent *found = NULL;
  for (size_t i = 0; i < agents->count; i++) {
    struct agent *row = &agents->rows[i];
    if (!row->id[0] || strcmp(row->id, id) != 0)
      continue;
    bool own = strcmp(row->name, row->id) != 0;
    bool found_own = found && strcmp(found->name, found->id) != 0;
    if (!found || own > found_own || (own == found_own && strcmp(row->name, found->name) < 0))
      found = row;
  }
  return found;
}

static void add_run(struct agent *agent, int64_t at) {
  size_t i = agent->run_count++;
  for (; i > 0 && agent->runs[i - 1] > at; i--)
    agent->runs[i] = agent->runs[i - 1];
  agent->runs[i] = at;
}

static void close_run(struct agent *agent, int64_t at) {
  size_t i = agent->run_count;
  while (i > 0 && agent->runs[i - 1] > at)
    i--;
  if (i == 0)
    i = agent->run_count; /* none before it: the last */
  memmove(&agent->runs[i - 1], &agent->runs[i], (agent->run_count - i) * sizeof *agent->runs);
  agent->run_count--;
}

/* What an event says. */
struct said {
  const char *type, *name, *id, *agent, *task, *action;
  bool success;
  double quality, duration; /* NAN: not said, or wrong */
  int64_t at;
};

static struct agent *whose(struct agents *agents, const struct said *said) {
  const char *name = said->name[0] ? said->name : said->id[0] ? said->agent : "";
  const char *id = said->id[0] ? said->id : said->agent;
  struct agent *known = id[0] ? agent_with_id(agents, id) : NULL;
  const char *key = name[0] ? name : known ? known->name : id[0] ? id : "test";
  struct agent *unnamed = said->id[0] ? agent_named(agents, said->id) : NULL;
  if (name[0] && unnamed && strcmp(unnamed->id, said->id) == 0 && !agent_named(agents, name))
    snprintf(unnamed->name, sizeof unnamed->name, "%s", name);
  struct agent *row = agent_named(agents, key);
  if (row || (strcmp(said->type, "quality_score_updated") == 0 && !name[0] && !id[0]))
    return row;
  row = &agents->rows[agents->count++];
  *row = (struct agent){.status = "registered", .first = said->at, .last_duration = 0.0 / 0.0};
  snprintf(row->name, sizeof row->name, "%s", key);
  return row;
}

static void agents_apply(struct agents *agents, const struct said *said) {
  struct agent *row = whose(agents, said);
  bool starts = strcmp(said->type, "agent_execution_started") == 0;
  bool completes = strcmp(said->type, "agent_execution_completed") == 0;
  if (!row || (strcmp(said->type, "quality_score_updated") == 0 && !said->name[0] && !said->id[0] &&
               !said->agent[0]))
    return;
  if (said->id[0])
    snprintf(row->id, sizeof row->id, "%s", said->id);
  row->first = said->at < row->first ? said->at : row->first;
  row->last = said->at > row->last ? said->at : row->last;
  if (said->task[0] && said->at >= row->task_at) {
    snprintf(row->task, sizeof row->task, "%s", said->task);
    row->task_at = said->at;
  }
  row->invocations +=
      starts || (strcmp(said->type, "agent_activity") == 0 && strcmp(said->action, "invoked") == 0);
  if (starts && row->early > 0 && row->early_at >= said->at)
    row->early--;
  else if (starts)
    add_run(row, said->at);
  if ((completes || strcmp(said->type, "quality_score_updated") == 0) &&
      said->quality == said->quality) {
    row->quality_sum += said->quality;
    row->qualities++;
  }
  if (!completes)
    return;
  row->completions++;
  row->successes += said->success;
  if (said->duration == said->duration) {
    row->duration_sum += said->duration;
    row->durations++;
  }
  if (row->run_count) {
    close_run(row, said->at);
  } else {
    row->early++;
    row->early_at = said->at > row->early_at ? said->at : row->early_at;
  }
  if (said->at >= row->completed) {
    row->status = said->success ? "idle" : "failed";
    row->completed = said->at;
    if (said->duration == said->duration)
      row->last_duration = said->duration;
  }
}

static void random_agent_event(struct stored *f, struct agents *agents) {
  static const char *const types[] = {"agent_registered", "agent_execution_started",
                                      "agent_execution_completed", "agent_activity",
                                      "quality_score_updated"};
  static const char *const names[] = {"ann", "bob", "cid"}, *const ids[] = {"1a", "1b", "1c"};
  static const char *const tasks[] = {"sweep", "cook"};
  struct said said = {.type = types[pick(5)],
                      .name = "",
                      .id = "",
                      .agent = "",
                      .task = "",
                      .action = "",
                      .success = true,
                      .quality = 0.0 / 0.0,
                      .duration = 0.0 / 0.0,
                      .at = STORED_NOW_MS - HOUR_MS + pick(50)};
  struct buf data;
  char text[64];
  uint32_t who = pick(3);
  buf_init(&data, 0);
  buf_put_char(&data, '{');
  if (pick(2)) {
    snprintf(text, sizeof text, "\"%s\"", said.name = names[who]);
    member(&data, "agent_name", text);
  }
  if (pick(2)) {
    snprintf(text, sizeof text, "\"%s\"", said.id = ids[who]);
    member(&data, "agent_id", text);
  } else if (pick(4) == 0) {
    member(&data, "agent_id", pick(2) ? "{\"a\":1}" : "null");
  }
  if (pick(4) == 0) {
    snprintf(text, sizeof text, "\"%s\"", said.agent = names[who]);
    member(&data, "agent", text);
  }
  if (pick(3) == 0) {
    snprintf(text, sizeof text, "\"%s\"", said.task = tasks[pick(2)]);
    member(&data, "task_description", text);
  }
  if (pick(3) == 0) {
    static const char *const texts[] = {"true", "false", "0", "\"no\"", "null", "[0]"};
    uint32_t which = pick(6);
    member(&data, "success", texts[which]);
    said.success = which != 1 && which != 2;
  }
  if (pick(2)) {
    static const char *const texts[] = {"0.5", "90", "\"0.5\"", "1e300", "null"};
    static const double numbers[] = {0.5, 90};
    uint32_t which = pick(5);
    member(&data, "quality_score", texts[which]);
    if (which < 2)
      said.quality = numbers[which];
  }
  if (pick(2)) {
    static const char *const texts[] = {"250", "1.5", "-1", "\"250\"", "1e20", "{}"};
    static const double numbers[] = {250, 1.5};
    uint32_t which = pick(6);
    member(&data, "duration_ms", texts[which]);
    if (which < 2)
      said.duration = numbers[which];
  }
  if (pick(2))
    member(&data, "action", pick(2) ? "\"invoked\"" : "[\"invoked\"]");
  if (data.len > 10 && strstr(data.data, "\"action\":\"invoked\""))
    said.action = "invoked";
  buf_put_char(&data, '}');
  stored_put(f, said.type, "test", said.at, data.data);
  agents_apply(agents, &said);
  buf_fini(&data);
}

struct agent_check {
  struct agents *agents;
  size_t rows;
};

static int on_agent(void *arg, const struct history_value *values, size_t count) {
  struct agent_check *check = arg;
  char name[64];
  assert_int_equal(count, 19);
  snprintf(name, sizeof name, "%.*s", SLICE_ARG(values[0].text));
  struct agent *want = agent_named(check->agents, name);
  if (!want)
    fail_msg("seed %u: there should be no agent '%s'", seed, name);
  check->rows++;
  check_text("agent_id", column(values, 1), want->id);
  check_text("status", column(values, 3), want->run_count ? "running" : want->status);
  check_number("active", column(values, 4), (double)want->run_count);
  check_number("invocations", column(values, 5), (double)want->invocations);
  check_number("completions", column(values, 6), (double)want->completions);
  check_number("successes", column(values, 7), (double)want->successes);
  check_number("quality_sum", column(values, 8), want->quality_sum);
  check_number("quality_count", column(values, 9), (double)want->qualities);
  check_number("duration_sum", column(values, 10), want->duration_sum);
  check_number("duration_count", column(values, 11), (double)want->durations);
  check_number("last_duration_ms", column(values, 12), want->last_duration);
  check_number("first_seen", column(values, 13), (double)want->first);
  check_number("last_seen", column(values, 14), (double)want->last);
  check_number("completed", column(values, 15), (double)want->completed);
  check_text("last_task", column(values, 16), want->task);
  return 0;
}

static int read_agents(struct stored *f, int64_t stale_before, history_row_fn on_row, void *arg) {
  struct belfry_error error = {0};
  const struct history_value params[] = {HISTORY_VALUE_INTEGER("stale_before", stale_before),
                                         HISTORY_VALUE_INTEGER("recent", 0),
                                         HISTORY_VALUE_NULL("name"),
                                         HISTORY_VALUE_NULL("source"),
                                         HISTORY_VALUE_NULL("status"),
                                         HISTORY_VALUE_NULL("after_key"),
                                         HISTORY_VALUE_NULL("after_name"),
                                         HISTORY_VALUE_INTEGER("limit", 10000)};
  int status = history_read(f->history, SQL_AGENTS_PAGE, params, sizeof params / sizeof *params,
                            on_row, arg, &error);
  stored_must(status, &error);
  return status;
}

static void test_agents(void **state) {
  struct stored *f = *state;
  seed = 20261120;
  struct agents agents = {0};
  for (int round = 0; round < 40; round++) {
    struct agent_check check = {.agents = &agents};
    stored_begin(f);
    for (int i = 0; i < 20; i++)
      random_agent_event(f, &agents);
    stored_commit(f);
    read_agents(f, 0, on_agent, &check);
    assert_int_equal(check.rows, agents.count);
  }
}

struct status_of {
  const char *name;
  char status[16];
};

static int on_status(void *arg, const struct history_value *values, size_t count) {
  struct status_of *want = arg;
  (void)count;
  if (slice_is(values[0].text, want->name))
    snprintf(want->status, sizeof want->status, "%.*s", SLICE_ARG(values[3].text));
  return 0;
}

static void check_status(struct stored *f, const char *name, int64_t stale_before,
                         const char *want) {
  struct status_of found = {.name = name};
  read_agents(f, stale_before, on_status, &found);
  assert_string_equal(found.status, want);
}

static void test_a_task_without_an_end_goes_stale(void **state) {
  struct stored *f = *state;
  int64_t start = STORED_NOW_MS - 3 * HOUR_MS, stale_before = STORED_NOW_MS - HOUR_MS;
  stored_begin(f);
  stored_put(f, "agent_execution_started", "test", start, "{\"agent_name\":\"silent\"}");
  stored_put(f, "agent_execution_started", "test", start, "{\"agent_name\":\"long\"}");
  stored_put(f, "agent_activity", "test", STORED_NOW_MS, "{\"agent\":\"long\"}");
  stored_put(f, "agent_execution_started", "test", start, "{\"agent_name\":\"forgets\"}");
  stored_put(f, "agent_execution_started", "test", start + 1, "{\"agent_name\":\"forgets\"}");
  stored_put(f, "agent_execution_completed", "test", STORED_NOW_MS, "{\"agent_name\":\"forgets\"}");
  stored_commit(f);
  check_status(f, "silent", start, "running");
  check_status(f, "silent", stale_before, "stale");
  check_status(f, "long", stale_before, "running");  /* it was heard of a moment ago */
  check_status(f, "forgets", stale_before, "stale"); /* it has done something else since */
}

/* --- sessions ----------------------------------------------------------------------------------
 */

#define SESSIONS 3

struct session {
  bool there;
  char agent[16], state[16];
  double tokens, context;
  int64_t started, updated, ended, updates, terminating;
};

static void take_double(double *field, double said, bool newer) {
  if (said == said && (newer || *field != *field))
    *field = said;
}

static void random_session_event(struct stored *f, struct session *sessions) {
  static const char *const states[] = {"active", "idle", "completed"};
  uint32_t which = pick(SESSIONS);
  struct session *row = &sessions[which];
  int64_t at = STORED_NOW_MS - HOUR_MS + pick(1000) * 2000;
  char text[160];
  if (pick(8) == 0) {
    snprintf(text, sizeof text,
             "{\"command\":\"terminate_session\",\"session_id\":\"s%u\",\"reason\":\"r\"}", which);
    stored_put(f, "command", "test", STORED_NOW_MS, text);
    if (row->there && !row->ended)
      row->terminating = STORED_NOW_MS;
    return;
  }
  if (at > STORED_NOW_MS)
    at = STORED_NOW_MS;
  struct buf data;
  buf_init(&data, 0);
  buf_printf(&data, "{\"session_id\":\"s%u\"", which);
  const char *agent = "", *state = "";
  double tokens = 0.0 / 0.0, context = 0.0 / 0.0;
  if (pick(2)) {
    snprintf(text, sizeof text, "\"%s\"", agent = pick(2) ? "ann" : "bob");
    member(&data, "agent", text);
  }
  if (pick(2)) {
    snprintf(text, sizeof text, "\"%s\"", state = states[pick(3)]);
    member(&data, "state", text);
  } else if (pick(3) == 0) {
    member(&data, "state", pick(2) ? "5" : "\"\"");
  }
  if (pick(2)) {
    tokens = pick(1000);
    snprintf(text, sizeof text, "%g", tokens);
    member(&data, "token_usage", text);
  } else if (pick(3) == 0) {
    member(&data, "token_usage", pick(2) ? "\"12\"" : "1e300");
  }
  if (pick(2)) {
    context = pick(100);
    snprintf(text, sizeof text, "%g", context);
    member(&data, "context_percentage", text);
  } else if (pick(3) == 0) {
    member(&data, "context_percentage", pick(2) ? "-3" : "[1]");
  }
  buf_put_char(&data, '}');
  stored_put(f, "session_update", "test", at, data.data);
  buf_fini(&data);
  bool ends = strcmp(state, "completed") == 0;
  if (!row->there) {
    *row = (struct session){.there = true,
                            .tokens = tokens,
                            .context = context,
                            .started = at,
                            .updated = at,
                            .ended = ends ? at : 0,
                            .updates = 1};
    snprintf(row->agent, sizeof row->agent, "%s", agent);
    snprintf(row->state, sizeof row->state, "%s", state[0] ? state : "active");
    return;
  }
  bool newer = at >= row->updated;
  if (agent[0] && (newer || !row->agent[0]))
    snprintf(row->agent, sizeof row->agent, "%s", agent);
  if (newer && state[0]) {
    if (ends || strcmp(state, row->state) != 0)
      row->terminating = 0;
    row->ended = ends ? at : 0;
    snprintf(row->state, sizeof row->state, "%s", state);
  }
  take_double(&row->tokens, tokens, newer);
  take_double(&row->context, context, newer);
  row->started = at < row->started ? at : row->started;
  row->updated = newer ? at : row->updated;
  row->updates++;
}

static int on_session(void *arg, const struct history_value *values, size_t count) {
  struct session *sessions = arg;
  assert_int_equal(count, 17);
  struct session *want = &sessions[values[0].text.data[1] - '0'];
  assert_true(want->there);
  check_text("agent", column(values, 1), want->agent);
  check_text("state", column(values, 3), want->terminating ? "terminating" : want->state);
  check_number("token_usage", column(values, 4), want->tokens);
  check_number("context_percentage", column(values, 5), want->context);
  check_number("started", column(values, 6), (double)want->started);
  check_number("updated", column(values, 7), (double)want->updated);
  check_number("ended", column(values, 8), want->ended ? (double)want->ended : 0.0 / 0.0);
  check_number("updates", column(values, 9), (double)want->updates);
  return 0;
}

static void test_sessions(void **state) {
  struct stored *f = *state;
  struct belfry_error error = {0};
  struct session sessions[SESSIONS] = {0};
  const struct history_value params[] = {HISTORY_VALUE_INTEGER("stale_before", 0),
                                         HISTORY_VALUE_INTEGER("recent", 0),
                                         HISTORY_VALUE_NULL("id"),
                                         HISTORY_VALUE_NULL("agent"),
                                         HISTORY_VALUE_NULL("source"),
                                         HISTORY_VALUE_NULL("state"),
                                         HISTORY_VALUE_NULL("ended"),
                                         HISTORY_VALUE_NULL("after_key"),
                                         HISTORY_VALUE_NULL("after_id"),
                                         HISTORY_VALUE_INTEGER("limit", 10000)};
  seed = 20261121;
  for (int round = 0; round < 300; round++) {
    stored_begin(f);
    random_session_event(f, sessions);
    stored_commit(f);
    stored_must(history_read(f->history, SQL_SESSIONS_PAGE, params, sizeof params / sizeof *params,
                             on_session, sessions, &error),
                &error);
    if (round % 50 == 0) /* else all are known soon, and nothing is late any more */
      stored_event(f, "session_update", "{\"session_id\":null,\"state\":\"left out\"}");
  }
}

/* --- opportunities -----------------------------------------------------------------------------
 */

struct opportunity {
  bool there;
  char title[16], revenue[16];
  double confidence;
  int64_t discovered, updated;
};

static void random_opportunity(struct stored *f, struct opportunity *rows) {
  static const char *const confidences[] = {"0.25", "80", "1", "0", "\"80\"", "-1", "101", "1e300"};
  static const double believed[] = {0.25, 0.8, 1, 0};
  static const char *const revenues[] = {"5000", "\"$5k\"", "{\"usd\":1}", "[1]"};
  uint32_t which = pick(3);
  struct opportunity *row = &rows[which];
  int64_t at = STORED_NOW_MS - pick(1000);
  const char *title = "", *revenue = "";
  double confidence = 0.0 / 0.0;
  char text[32];
  struct buf data;
  buf_init(&data, 0);
  buf_printf(&data, "{\"opportunity_id\":\"%u\"", which);
  if (pick(2)) {
    snprintf(text, sizeof text, "\"%s\"", title = pick(2) ? "shop" : "farm");
    member(&data, "title", text);
  }
  if (pick(2)) {
    uint32_t n = pick(8);
    member(&data, "confidence_score", confidences[n]);
    if (n < 4)
      confidence = believed[n];
  }
  if (pick(2)) {
    uint32_t n = pick(4);
    member(&data, "revenue_potential", revenues[n]);
    revenue = n < 2 ? revenues[n] : "";
  }
  buf_put_char(&data, '}');
  stored_put(f, "opportunity_discovered", "test", at, data.data);
  buf_fini(&data);
  if (!row->there)
    *row = (struct opportunity){
        .there = true, .confidence = 0.0 / 0.0, .discovered = at, .updated = at};
  bool newer = at >= row->updated;
  if (title[0] && (newer || !row->title[0]))
    snprintf(row->title, sizeof row->title, "%s", title);
  if (revenue[0] && (newer || !row->revenue[0]))
    snprintf(row->revenue, sizeof row->revenue, "%s", revenue);
  take_double(&row->confidence, confidence, newer);
  row->discovered = at < row->discovered ? at : row->discovered;
  row->updated = newer ? at : row->updated;
}

static int on_opportunity(void *arg, const struct history_value *values, size_t count) {
  struct opportunity *want = &((struct opportunity *)arg)[values[0].text.data[0] - '0'];
  assert_int_equal(count, 10);
  assert_true(want->there);
  check_text("title", column(values, 1), want->title);
  check_number("confidence", column(values, 4), want->confidence);
  check_text("revenue_potential", column(values, 5), want->revenue);
  check_number("discovered", column(values, 7), (double)want->discovered);
  check_number("updated", column(values, 8), (double)want->updated);
  return 0;
}

static void test_opportunities(void **state) {
  struct stored *f = *state;
  struct belfry_error error = {0};
  struct opportunity rows[3] = {0};
  const struct history_value params[] = {
      HISTORY_VALUE_INTEGER("best", 0),       HISTORY_VALUE_NULL("category"),
      HISTORY_VALUE_NULL("source"),           HISTORY_VALUE_NULL("min_confidence"),
      HISTORY_VALUE_NULL("after_key"),        HISTORY_VALUE_NULL("after_id"),
      HISTORY_VALUE_INTEGER("limit", 100000),
  };
  seed = 20261122;
  for (int round = 0; round < 200; round++) {
    stored_begin(f);
    random_opportunity(f, rows);
    stored_commit(f);
    stored_must(history_read(f->history, SQL_OPPORTUNITIES_PAGE, params,
                             sizeof params / sizeof *params, on_opportunity, rows, &error),
                &error);
  }
}

/* --- bounds ------------------------------------------------------------------------------------
 */

static int on_counts(void *arg, const struct history_value *values, size_t count) {
  int64_t *out = arg;
  for (size_t i = 0; i < count; i++)
    out[i] = values[i].kind == HISTORY_REAL ? (int64_t)values[i].real : values[i].integer;
  return 0;
}

static void put_many(struct stored *f, const char *type, const char *format, unsigned count) {
  stored_begin(f);
  for (unsigned i = 0; i < count; i++) {
    char data[128];
    struct buf text;
    buf_init(&text, sizeof data);
    buf_printf(&text, "{\"%s\":\"n%u\"}", format, i);
    stored_put(f, type, "test", STORED_NOW_MS - 100000 + i, text.data);
    buf_fini(&text);
  }
  stored_commit(f);
}

static void test_no_table_grows_for_ever(void **state) {
  struct stored *f = *state;
  struct belfry_error error = {0};
  int64_t counts[3] = {0};
  const struct history_value params[] = {HISTORY_VALUE_INTEGER("stale_before", 0)};
  put_many(f, "agent_execution_started", "agent_name", 2010);
  stored_must(history_read(f->history, SQL_AGENT_TOTALS, params, 1, on_counts, counts, &error),
              &error);
  assert_int_equal(counts[0], 2000); /* the tasks of those that were given up went with them */
  assert_int_equal(counts[2], 2000);
  put_many(f, "opportunity_discovered", "title", 10010);
  stored_must(history_read(f->history, SQL_OPPORTUNITY_COUNT, NULL, 0, on_counts, counts, &error),
              &error);
  assert_int_equal(counts[0], 10000);
  assert_int_equal(counts[1], 10010); /* ever discovered */
  struct status_of oldest = {.name = "n9"}, kept = {.name = "n10"};
  read_agents(f, 0, on_status, &oldest);
  read_agents(f, 0, on_status, &kept);
  assert_string_equal(oldest.status, "");
  assert_string_equal(kept.status, "running");
  put_many(f, "file_operation", "operation", 200);
  put_many(f, "error_occurred", "component", 1100);
  put_many(f, "session_update", "session_id", 5010);
}

static int on_forgotten(void *arg, const struct history_value *values, size_t count) {
  (void)count;
  if (slice_is(values[0].text, "file_operations_forgotten") ||
      slice_is(values[0].text, "error_components_forgotten") ||
      slice_is(values[0].text, "sessions_forgotten"))
    *(double *)arg += values[1].real;
  return 0;
}

static void test_what_is_given_up_is_counted(void **state) {
  struct stored *f = *state;
  struct belfry_error error = {0};
  double forgotten = 0;
  put_many(f, "file_operation", "operation", 103);
  put_many(f, "error_occurred", "component", 1020);
  put_many(f, "session_update", "session_id", 5100);
  stored_must(history_read(f->history, SQL_COUNTERS, NULL, 0, on_forgotten, &forgotten, &error),
              &error);
  assert_int_equal((int)forgotten, 3 + 20 + 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_agents, stored_set_up, stored_tear_down),
      cmocka_unit_test_setup_teardown(test_a_task_without_an_end_goes_stale, stored_set_up,
                                      stored_tear_down),
      cmocka_unit_test_setup_teardown(test_sessions, stored_set_up, stored_tear_down),
      cmocka_unit_test_setup_teardown(test_opportunities, stored_set_up, stored_tear_down),
      cmocka_unit_test_setup_teardown(test_no_table_grows_for_ever, stored_set_up,
                                      stored_tear_down),
      cmocka_unit_test_setup_teardown(test_what_is_given_up_is_counted, stored_set_up,
                                      stored_tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
