#include "model/state.h"

#include "base/json.h"
#include "model/state_text.h"

#include <unistd.h>

#include "config.h"

#define PUSH_DAEMON          "belfry-pushd"
#define HOST_STALE_MS        600000 /* a metric that has not come for so long is no longer shown */

#define STATES_SHOWN_MAX     20 /* of sessions; what there is beyond is summed up */
#define COMPONENTS_SHOWN_MAX 20 /* with most errors */
#define OPERATIONS_SHOWN_MAX 20

/* The snapshot in the making. */
struct snapshot {
  struct state_text *text;
  struct state_now now;
  unsigned count; /* of the list in the making */
  struct daemon_state daemons[DAEMON_COUNT_MAX];
  size_t daemon_count;
  struct buf push_figures; /* a JSON object, or empty */
  /* gathered from the counters */
  double total_events, total_errors, file_operations, quality_sum, quality_count;
  int64_t host_newest_ms;

  char host_metric[129]; /* the metric of the last row */
  bool host_metric_open; /* its object is open */
};

static void put_clock(struct snapshot *snapshot, const char *key, int64_t ms) {
  state_text_clock_starts(snapshot->text);
  state_put_time(snapshot->text, key, &HISTORY_VALUE_INTEGER("", ms));
  state_text_clock_ends(snapshot->text);
}

/* --- daemons -----------------------------------------------------------------------------------
 */

struct daemon_rows {
  struct daemon_state *out;
  size_t count;
  struct buf *push_figures; /* NULL: not wanted */
};

static void copy_text(char *out, size_t size, struct slice text) {
  size_t len = text.len < size ? text.len : size - 1;
  memcpy(out, text.data, len);
  out[len] = '\0';
}

static int on_daemon(void *arg, const struct history_value *values, size_t count) {
  struct daemon_rows *rows = arg;
  if (count < 6 || rows->count == DAEMON_COUNT_MAX)
    return 0;
  struct daemon_state *daemon = &rows->out[rows->count++];
  *daemon = (struct daemon_state){
      .pid = values[2].integer, .started_ms = values[3].integer, .updated_ms = values[4].integer};
  copy_text(daemon->name, sizeof daemon->name, values[0].text);
  copy_text(daemon->version, sizeof daemon->version, values[1].text);
  long long figure;
  if (slice_to_int64(json_member(values[5].text, "clients"), &figure))
    daemon->clients = figure;
  if (slice_to_int64(json_member(values[5].text, "disk_full"), &figure))
    daemon->disk_full = figure != 0;
  if (rows->push_figures && slice_is(values[0].text, PUSH_DAEMON))
    buf_put_slice(rows->push_figures, values[5].text);
  return 0;
}

static int read_daemons(struct history *history, struct daemon_rows *rows, size_t *count,
                        struct belfry_error *error) {
  int status = history_read(history, SQL_DAEMONS, NULL, 0, on_daemon, rows, error);
  *count = rows->count;
  return status;
}

int daemon_states(struct history *history, struct daemon_state out[DAEMON_COUNT_MAX], size_t *count,
                  struct belfry_error *error) {
  struct daemon_rows rows = {.out = out};
  return read_daemons(history, &rows, count, error);
}

void daemon_report_put(struct history_batch *batch, const struct daemon_report *report,
                       int64_t now_ms) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("name", slice_of(report->name)),
      HISTORY_VALUE_TEXT("version", slice_of(PACKAGE_VERSION)),
      HISTORY_VALUE_INTEGER("pid", getpid()),
      HISTORY_VALUE_INTEGER("started", report->started_ms),
      HISTORY_VALUE_INTEGER("updated", now_ms),
      HISTORY_VALUE_TEXT("data", report->figures),
  };
  history_batch_mutate(batch, SQL_DAEMON_REPORT, false, values, sizeof values / sizeof *values);
}

const struct daemon_state *daemon_find_running(const struct daemon_state *daemons, size_t count,
                                               const char *name, int64_t now_ms) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(daemons[i].name, name) == 0 && daemon_runs(daemons[i].updated_ms, now_ms))
      return &daemons[i];
  return NULL;
}

int daemon_read_running(struct history *history, const char *name, int64_t now_ms, bool *out,
                        struct belfry_error *error) {
  struct daemon_state daemons[DAEMON_COUNT_MAX];
  size_t count = 0;
  int status = daemon_states(history, daemons, &count, error);
  *out = !status && daemon_find_running(daemons, count, name, now_ms);
  return status;
}

static void put_daemons(struct snapshot *snapshot) {
  buf_put_text(snapshot->text->out, ",\"daemons\":[");
  for (size_t i = 0; i < snapshot->daemon_count; i++) {
    const struct daemon_state *daemon = &snapshot->daemons[i];
    buf_put_text(snapshot->text->out, i ? ",{\"name\":" : "{\"name\":");
    json_put_string(snapshot->text->out, slice_of(daemon->name));
    buf_put_text(snapshot->text->out, ",\"version\":");
    json_put_string(snapshot->text->out, slice_of(daemon->version));
    buf_printf(snapshot->text->out, ",\"status\":\"%s\"",
               daemon_runs(daemon->updated_ms, snapshot->now.now_ms) ? "up" : "down");
    state_put_time(snapshot->text, "started", &HISTORY_VALUE_INTEGER("", daemon->started_ms));
    put_clock(snapshot, "updated", daemon->updated_ms);
    if (strcmp(daemon->name, PUSH_DAEMON) == 0)
      buf_printf(snapshot->text->out, ",\"clients\":%lld", (long long)daemon->clients);
    buf_put_char(snapshot->text->out, '}');
  }
  buf_put_char(snapshot->text->out, ']');
}

/* --- stats -------------------------------------------------------------------------------------
 */

static int on_counter(void *arg, const struct history_value *values, size_t count) {
  struct snapshot *snapshot = arg;
  struct {
    const char *name;
    double *into;
  } known[] = {
      {"total_events", &snapshot->total_events},
      {"events_error_occurred", &snapshot->total_errors},
      {"events_file_operation", &snapshot->file_operations},
      {"quality_sum", &snapshot->quality_sum},
      {"quality_count", &snapshot->quality_count},
  };
  for (size_t i = 0; count >= 2 && i < sizeof known / sizeof *known; i++)
    if (slice_is(values[0].text, known[i].name))
      *known[i].into = state_number(&values[1]);
  return 0;
}

/* The first row's integers, into an array of as many as the statement gives. */
static int on_integers(void *arg, const struct history_value *values, size_t count) {
  int64_t *out = arg;
  for (size_t i = 0; i < count; i++)
    out[i] = values[i].kind == HISTORY_REAL ? (int64_t)values[i].real : values[i].integer;
  return 0;
}

struct session_sums {
  struct snapshot *snapshot;
  unsigned states;
  int64_t total, other;
  double tokens;
};

static int on_session_state(void *arg, const struct history_value *values, size_t count) {
  struct session_sums *sums = arg;
  if (count < 3)
    return 0;
  sums->total += values[1].integer;
  sums->tokens += state_number(&values[2]);
  if (sums->states++ >= STATES_SHOWN_MAX) {
    sums->other += values[1].integer;
    return 0;
  }
  struct buf *out = sums->snapshot->text->out;
  buf_put_text(out, sums->states > 1 ? "," : "");
  json_put_string(out, values[0].text);
  buf_printf(out, ":%lld", (long long)values[1].integer);
  return 0;
}

static int put_sessions(struct history *history, struct snapshot *snapshot,
                        struct belfry_error *error) {
  struct session_sums sums = {.snapshot = snapshot};
  struct buf *out = snapshot->text->out;
  const struct history_value params[] = {
      HISTORY_VALUE_INTEGER("stale_before", state_sessions_stale_before(&snapshot->now))};
  buf_put_text(out, ",\"sessions\":{\"by_state\":{");
  int status = history_read(history, SQL_SESSION_TOTALS, params, 1, on_session_state, &sums, error);
  if (sums.other > 0)
    buf_printf(out, ",\"other states\":%lld", (long long)sums.other);
  buf_printf(out, "},\"total\":%lld,\"token_usage\":", (long long)sums.total);
  json_put_number(out, sums.tokens);
  buf_put_char(out, '}');
  return status;
}

/* Columns: component, count, last_seen, last_message. */
static int on_component(void *arg, const struct history_value *values, size_t count) {
  struct snapshot *snapshot = arg;
  struct buf *out = snapshot->text->out;
  if (count < 4)
    return 0;
  buf_put_text(out, snapshot->count++ ? ",{" : "{");
  state_put_text(snapshot->text, "component", &values[0]);
  state_put_number(snapshot->text, "count", &values[1]);
  state_put_time(snapshot->text, "last_seen", &values[2]);
  state_put_text(snapshot->text, "last_message", &values[3]);
  buf_put_char(out, '}');
  return 0;
}

/* Columns: operation, count, bytes. */
static int on_operation(void *arg, const struct history_value *values, size_t count) {
  struct snapshot *snapshot = arg;
  struct buf *out = snapshot->text->out;
  if (count < 3)
    return 0;
  buf_put_text(out, snapshot->count++ ? ",{" : "{");
  state_put_text(snapshot->text, "operation", &values[0]);
  state_put_number(snapshot->text, "count", &values[1]);
  state_put_number(snapshot->text, "bytes", &values[2]);
  buf_put_char(out, '}');
  return 0;
}

/* Errors by component and what was done to files: the most of each. */
static int put_counts(struct history *history, struct snapshot *snapshot,
                      struct belfry_error *error) {
  const struct history_value components[] = {HISTORY_VALUE_INTEGER("limit", COMPONENTS_SHOWN_MAX)};
  const struct history_value operations[] = {HISTORY_VALUE_INTEGER("limit", OPERATIONS_SHOWN_MAX)};
  buf_put_text(snapshot->text->out, ",\"errors\":[");
  snapshot->count = 0;
  int status =
      history_read(history, SQL_ERROR_COMPONENTS, components, 1, on_component, snapshot, error);
  buf_put_text(snapshot->text->out, "],\"file_operations\":[");
  snapshot->count = 0;
  if (!status)
    status =
        history_read(history, SQL_FILE_OPERATIONS, operations, 1, on_operation, snapshot, error);
  buf_put_char(snapshot->text->out, ']');
  return status;
}

/* Returns: borrowed; NULL when it is not running. */
static const struct daemon_state *find_running(const struct snapshot *snapshot, const char *name) {
  return daemon_find_running(snapshot->daemons, snapshot->daemon_count, name, snapshot->now.now_ms);
}

/* Since when the history can be written. */
static int64_t system_uptime_seconds(const struct snapshot *snapshot) {
  const struct daemon_state *writer = find_running(snapshot, "belfry-historyd");
  return writer ? (snapshot->now.now_ms - writer->started_ms) / 1000 : 0;
}

static int64_t connected_clients(const struct snapshot *snapshot) {
  const struct daemon_state *push = find_running(snapshot, PUSH_DAEMON);
  return push ? push->clients : 0;
}

static int put_stats(struct history *history, struct snapshot *snapshot,
                     struct belfry_error *error) {
  int64_t agents[3] = {0}, opportunities[2] = {0};
  const struct history_value params[] = {
      HISTORY_VALUE_INTEGER("stale_before", state_agents_stale_before(&snapshot->now))};
  int status = history_read(history, SQL_COUNTERS, NULL, 0, on_counter, snapshot, error);
  if (!status)
    status = history_read(history, SQL_AGENT_TOTALS, params, 1, on_integers, agents, error);
  if (!status)
    status =
        history_read(history, SQL_OPPORTUNITY_COUNT, NULL, 0, on_integers, opportunities, error);
  if (status)
    return status;
  struct buf *out = snapshot->text->out;
  int64_t uptime = system_uptime_seconds(snapshot);
  buf_put_text(out, ",\"metrics\":{\"total_events\":");
  json_put_number(out, snapshot->total_events);
  buf_printf(out, ",\"total_agents_executed\":%lld,\"total_opportunities_discovered\":%lld",
             (long long)agents[1], (long long)opportunities[1]);
  buf_put_text(out, ",\"avg_quality_score\":");
  if (snapshot->quality_count > 0)
    json_put_number(out, snapshot->quality_sum / snapshot->quality_count);
  else
    buf_put_text(out, "null"); /* nothing was rated yet */
  buf_put_text(out, ",\"total_errors\":");
  json_put_number(out, snapshot->total_errors);
  buf_put_text(out, ",\"total_file_operations\":");
  json_put_number(out, snapshot->file_operations);
  state_text_clock_starts(snapshot->text);
  buf_printf(out, ",\"system_uptime_seconds\":%lld", (long long)uptime);
  state_text_clock_ends(snapshot->text);
  buf_printf(out,
             "},\"active_agents\":%lld,\"total_agents\":%lld,\"total_opportunities\":%lld,"
             "\"recent_events\":%d",
             (long long)agents[0], (long long)agents[2], (long long)opportunities[0],
             snapshot->total_events < STATE_RECENT_EVENTS_MAX ? (int)snapshot->total_events
                                                              : STATE_RECENT_EVENTS_MAX);
  state_text_clock_starts(snapshot->text);
  buf_printf(out, ",\"system_uptime_seconds\":%lld", (long long)uptime);
  state_text_clock_ends(snapshot->text);
  buf_printf(out, ",\"connected_clients\":%lld", (long long)connected_clients(snapshot));
  status = put_sessions(history, snapshot, error);
  return status ? status : put_counts(history, snapshot, error);
}

/* Those of one that does not run are of the past. */
static void put_push(struct snapshot *snapshot) {
  if (!find_running(snapshot, PUSH_DAEMON) || !snapshot->push_figures.len)
    return;
  state_text_clock_starts(snapshot->text);
  buf_put_text(snapshot->text->out, ",\"push\":");
  buf_put_slice(snapshot->text->out, buf_slice(&snapshot->push_figures));
  state_text_clock_ends(snapshot->text);
}

/* --- host --------------------------------------------------------------------------------------
 */

/* Closes the object of a metric's labelled values, if one is open. */
static void end_host_metric(struct snapshot *snapshot) {
  if (snapshot->host_metric_open)
    buf_put_char(snapshot->text->out, '}');
  snapshot->host_metric_open = false;
}

/* Rows of one metric follow each other. A metric with one label becomes an object of its values by
 * that label. */
static int on_host_series(void *arg, const struct history_value *values, size_t count) {
  static const char prefix[] = "host_";
  struct snapshot *snapshot = arg;
  struct json_walk walk;
  struct slice label = {0}, second = {0};
  if (count < 4 || snapshot->now.now_ms - values[2].integer > HOST_STALE_MS)
    return 0;
  if (json_walk_start(&walk, values[1].text) && json_walk_next(&walk, NULL, &label))
    json_walk_next(&walk, NULL, &second);
  struct slice metric = values[0].text;
  bool same = slice_is(metric, snapshot->host_metric);
  if (second.data || (same && !(snapshot->host_metric_open && label.data)))
    return 0; /* has no place in an object of this shape; /api/metrics has it */
  if (values[2].integer > snapshot->host_newest_ms)
    snapshot->host_newest_ms = values[2].integer;
  if (!same)
    end_host_metric(snapshot);
  if (snapshot->count++ > 0)
    buf_put_char(snapshot->text->out, ',');
  if (!same) {
    copy_text(snapshot->host_metric, sizeof snapshot->host_metric, metric);
    size_t skipped = sizeof prefix - 1;
    json_put_string(snapshot->text->out, slice_new(metric.data + skipped, metric.len - skipped));
    buf_put_char(snapshot->text->out, ':');
    snapshot->host_metric_open = label.data != NULL;
    if (label.data)
      buf_put_char(snapshot->text->out, '{');
  }
  if (label.data) {
    buf_put_slice(snapshot->text->out, label); /* a JSON string, as it stands in the labels */
    buf_put_char(snapshot->text->out, ':');
  }
  json_put_number(snapshot->text->out, state_number(&values[3]));
  return 0;
}

static int put_host(struct history *history, struct snapshot *snapshot,
                    struct belfry_error *error) {
  buf_put_text(snapshot->text->out, ",\"host\":{");
  snapshot->count = 0;
  int status =
      history_read(history, SQL_HOST_SERIES_LAST, NULL, 0, on_host_series, snapshot, error);
  end_host_metric(snapshot);
  if (snapshot->count > 0)
    put_clock(snapshot, "timestamp", snapshot->host_newest_ms);
  buf_put_char(snapshot->text->out, '}');
  return status;
}

int state_put_host(struct history *history, int64_t now_ms, struct state_text *text,
                   struct belfry_error *error) {
  struct snapshot snapshot = {.text = text, .now.now_ms = now_ms};
  return put_host(history, &snapshot, error);
}

/* --- services ----------------------------------------------------------------------------------
 */

static int on_service(void *arg, const struct history_value *values, size_t count) {
  struct snapshot *snapshot = arg;
  if (count < 6)
    return 0;
  buf_put_text(snapshot->text->out, snapshot->count++ ? ",{\"name\":" : "{\"name\":");
  json_put_string(snapshot->text->out, values[0].text);
  buf_put_text(snapshot->text->out, ",\"status\":");
  json_put_string(snapshot->text->out, values[1].text);
  buf_put_text(snapshot->text->out, ",\"message\":");
  json_put_string(snapshot->text->out, values[2].text);
  buf_put_text(snapshot->text->out, ",\"latency_ms\":");
  if (values[3].kind == HISTORY_NULL)
    buf_put_text(snapshot->text->out, "null");
  else
    json_put_number(snapshot->text->out, state_number(&values[3]));
  state_text_clock_starts(snapshot->text);
  state_put_time(snapshot->text, "last_check", &values[4]);
  state_text_clock_ends(snapshot->text);
  state_put_time(snapshot->text, "last_change", &values[5]);
  buf_put_char(snapshot->text->out, '}');
  return 0;
}

static int put_services(struct history *history, struct snapshot *snapshot,
                        struct belfry_error *error) {
  buf_put_text(snapshot->text->out, ",\"services\":[");
  snapshot->count = 0;
  int status = history_read(history, SQL_SERVICES, NULL, 0, on_service, snapshot, error);
  buf_put_char(snapshot->text->out, ']');
  return status;
}

int state_put(struct history *history, unsigned parts, const struct state_now *now,
              struct state_text *text, struct belfry_error *error) {
  struct buf *out = text->out;
  size_t start = out->len;
  struct snapshot snapshot = {.text = text, .now = *now};
  int status = history_begin(history, error);
  if (status)
    return status;
  buf_init(&snapshot.push_figures, 0);
  struct daemon_rows rows = {.out = snapshot.daemons,
                             .push_figures = parts & STATE_PUSH ? &snapshot.push_figures : NULL};
  status = read_daemons(history, &rows, &snapshot.daemon_count, error);
  if (!status && (parts & STATE_STATS))
    status = put_stats(history, &snapshot, error);
  if (!status && (parts & STATE_HOST))
    status = put_host(history, &snapshot, error);
  if (!status && (parts & STATE_SERVICES))
    status = put_services(history, &snapshot, error);
  history_end(history);
  if (!status && (parts & STATE_DAEMONS))
    put_daemons(&snapshot);
  if (!status)
    put_push(&snapshot);
  if (!status)
    status = buf_status(&snapshot.push_figures);
  buf_fini(&snapshot.push_figures);
  buf_put_char(out, '}');
  if (!status)
    status = buf_status(out);
  if (status) {
    out->len = start;
    if (out->data)
      out->data[start] = '\0';
    return belfry_error_set(error, status, "the state cannot be put together");
  }
  out->data[start] = '{'; /* every member began with a comma */
  return BELFRY_OK;
}
