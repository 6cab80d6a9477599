#include "model/state.h"

#include "base/json.h"
#include "base/timestamp.h"

#include <unistd.h>

#include "config.h"

#define PUSH_DAEMON   "belfry-pushd"
#define HOST_STALE_MS 600000 /* a metric that has not come for so long is no longer shown */

/*
 * The text in the making and a hash (FNV-1a, 64 bits) over all of it but the clocks:
 * http://www.isthe.com/chongo/tech/comp/fnv/
 */
struct state_text {
  struct buf *out;
  size_t hashed; /* up to where the text is in the hash */
  uint64_t hash;
  int64_t now_ms;
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

static void hash_text(struct state_text *text) {
  for (; text->hashed < text->out->len; text->hashed++)
    text->hash = (text->hash ^ (unsigned char)text->out->data[text->hashed]) * 0x100000001b3u;
}

/* What is put between the two is a clock: it changes all the time and means no change. */
static void clock_starts(struct state_text *text) {
  hash_text(text);
}

static void clock_ends(struct state_text *text) {
  text->hashed = text->out->len;
}

static void put_clock(struct state_text *text, const char *key, int64_t ms) {
  char when[TIMESTAMP_BYTES];
  timestamp_format(ms, when);
  clock_starts(text);
  buf_printf(text->out, ",\"%s\":\"%s\"", key, when);
  clock_ends(text);
}

static void put_time(struct state_text *text, const char *key, const struct history_value *ms) {
  if (ms->kind == HISTORY_NULL) {
    buf_printf(text->out, ",\"%s\":null", key);
  } else {
    char when[TIMESTAMP_BYTES];
    timestamp_format(ms->integer, when);
    buf_printf(text->out, ",\"%s\":\"%s\"", key, when);
  }
}

static double number_of(const struct history_value *value) {
  return value->kind == HISTORY_INTEGER ? (double)value->integer : value->real;
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

static bool daemon_runs(const struct daemon_state *daemon, int64_t now_ms) {
  return now_ms - daemon->updated_ms <= DAEMON_STALE_MS;
}

static void put_daemons(struct state_text *text) {
  buf_put_text(text->out, ",\"daemons\":[");
  for (size_t i = 0; i < text->daemon_count; i++) {
    const struct daemon_state *daemon = &text->daemons[i];
    buf_put_text(text->out, i ? ",{\"name\":" : "{\"name\":");
    json_put_string(text->out, slice_of(daemon->name));
    buf_put_text(text->out, ",\"version\":");
    json_put_string(text->out, slice_of(daemon->version));
    buf_printf(text->out, ",\"status\":\"%s\"", daemon_runs(daemon, text->now_ms) ? "up" : "down");
    put_time(text, "started", &HISTORY_VALUE_INTEGER("", daemon->started_ms));
    put_clock(text, "updated", daemon->updated_ms);
    if (strcmp(daemon->name, PUSH_DAEMON) == 0)
      buf_printf(text->out, ",\"clients\":%lld", (long long)daemon->clients);
    buf_put_char(text->out, '}');
  }
  buf_put_char(text->out, ']');
}

/* --- stats -------------------------------------------------------------------------------------
 */

static int on_counter(void *arg, const struct history_value *values, size_t count) {
  struct state_text *text = arg;
  struct {
    const char *name;
    double *into;
  } known[] = {
      {"total_events", &text->total_events},
      {"events_error_occurred", &text->total_errors},
      {"events_file_operation", &text->file_operations},
      {"quality_sum", &text->quality_sum},
      {"quality_count", &text->quality_count},
  };
  for (size_t i = 0; count >= 2 && i < sizeof known / sizeof *known; i++)
    if (slice_is(values[0].text, known[i].name))
      *known[i].into = number_of(&values[1]);
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
  struct state_text *text;
  int64_t total;
  double tokens;
};

static int on_session_state(void *arg, const struct history_value *values, size_t count) {
  struct session_sums *sums = arg;
  if (count < 3)
    return 0;
  if (sums->total > 0)
    buf_put_char(sums->text->out, ',');
  json_put_string(sums->text->out, values[0].text);
  buf_printf(sums->text->out, ":%lld", (long long)values[1].integer);
  sums->total += values[1].integer;
  sums->tokens += number_of(&values[2]);
  return 0;
}

static int put_sessions(struct history *history, struct state_text *text,
                        struct belfry_error *error) {
  struct session_sums sums = {.text = text};
  buf_put_text(text->out, ",\"sessions\":{\"by_state\":{");
  int status = history_read(history, SQL_SESSION_TOTALS, NULL, 0, on_session_state, &sums, error);
  buf_printf(text->out, "},\"total\":%lld,\"token_usage\":", (long long)sums.total);
  json_put_number(text->out, sums.tokens);
  buf_put_char(text->out, '}');
  return status;
}

/* Returns: borrowed; NULL when it is not running. */
static const struct daemon_state *find_running(const struct state_text *text, const char *name) {
  for (size_t i = 0; i < text->daemon_count; i++)
    if (strcmp(text->daemons[i].name, name) == 0)
      return daemon_runs(&text->daemons[i], text->now_ms) ? &text->daemons[i] : NULL;
  return NULL;
}

/* Since when the history can be written. */
static int64_t system_uptime_seconds(const struct state_text *text) {
  const struct daemon_state *writer = find_running(text, "belfry-historyd");
  return writer ? (text->now_ms - writer->started_ms) / 1000 : 0;
}

static int64_t connected_clients(const struct state_text *text) {
  const struct daemon_state *push = find_running(text, PUSH_DAEMON);
  return push ? push->clients : 0;
}

static int put_stats(struct history *history, struct state_text *text, struct belfry_error *error) {
  int64_t agents[2] = {0}, opportunities = 0;
  int status = history_read(history, SQL_COUNTERS, NULL, 0, on_counter, text, error);
  if (!status)
    status = history_read(history, SQL_AGENT_TOTALS, NULL, 0, on_integers, agents, error);
  if (!status)
    status =
        history_read(history, SQL_OPPORTUNITY_COUNT, NULL, 0, on_integers, &opportunities, error);
  if (status)
    return status;
  struct buf *out = text->out;
  int64_t uptime = system_uptime_seconds(text);
  buf_put_text(out, ",\"metrics\":{\"total_events\":");
  json_put_number(out, text->total_events);
  buf_printf(out, ",\"total_agents_executed\":%lld,\"total_opportunities_discovered\":%lld",
             (long long)agents[1], (long long)opportunities);
  buf_put_text(out, ",\"avg_quality_score\":");
  if (text->quality_count > 0)
    json_put_number(out, text->quality_sum / text->quality_count);
  else
    buf_put_text(out, "null"); /* nothing was rated yet */
  buf_put_text(out, ",\"total_errors\":");
  json_put_number(out, text->total_errors);
  buf_put_text(out, ",\"total_file_operations\":");
  json_put_number(out, text->file_operations);
  clock_starts(text);
  buf_printf(out, ",\"system_uptime_seconds\":%lld", (long long)uptime);
  clock_ends(text);
  buf_printf(out, "},\"active_agents\":%lld,\"total_opportunities\":%lld,\"recent_events\":%d",
             (long long)agents[0], (long long)opportunities,
             text->total_events < STATE_RECENT_EVENTS_MAX ? (int)text->total_events
                                                          : STATE_RECENT_EVENTS_MAX);
  clock_starts(text);
  buf_printf(out, ",\"system_uptime_seconds\":%lld", (long long)uptime);
  clock_ends(text);
  buf_printf(out, ",\"connected_clients\":%lld", (long long)connected_clients(text));
  return put_sessions(history, text, error);
}

/* Those of one that does not run are of the past. */
static void put_push(struct state_text *text) {
  if (!find_running(text, PUSH_DAEMON) || !text->push_figures.len)
    return;
  clock_starts(text);
  buf_put_text(text->out, ",\"push\":");
  buf_put_slice(text->out, buf_slice(&text->push_figures));
  clock_ends(text);
}

/* --- host --------------------------------------------------------------------------------------
 */

/* Closes the object of a metric's labelled values, if one is open. */
static void end_host_metric(struct state_text *text) {
  if (text->host_metric_open)
    buf_put_char(text->out, '}');
  text->host_metric_open = false;
}

/* Rows of one metric follow each other. A metric with one label becomes an object of its values by
 * that label. */
static int on_host_series(void *arg, const struct history_value *values, size_t count) {
  static const char prefix[] = "host_";
  struct state_text *text = arg;
  struct json_walk walk;
  struct slice label = {0}, second = {0};
  if (count < 4 || text->now_ms - values[2].integer > HOST_STALE_MS)
    return 0;
  if (json_walk_start(&walk, values[1].text) && json_walk_next(&walk, NULL, &label))
    json_walk_next(&walk, NULL, &second);
  struct slice metric = values[0].text;
  bool same = slice_is(metric, text->host_metric);
  if (second.data || (same && !(text->host_metric_open && label.data)))
    return 0; /* has no place in an object of this shape; /api/metrics has it */
  if (values[2].integer > text->host_newest_ms)
    text->host_newest_ms = values[2].integer;
  if (!same)
    end_host_metric(text);
  if (text->count++ > 0)
    buf_put_char(text->out, ',');
  if (!same) {
    copy_text(text->host_metric, sizeof text->host_metric, metric);
    size_t skipped = sizeof prefix - 1;
    json_put_string(text->out, slice_new(metric.data + skipped, metric.len - skipped));
    buf_put_char(text->out, ':');
    text->host_metric_open = label.data != NULL;
    if (label.data)
      buf_put_char(text->out, '{');
  }
  if (label.data) {
    buf_put_slice(text->out, label); /* a JSON string, as it stands in the labels */
    buf_put_char(text->out, ':');
  }
  json_put_number(text->out, number_of(&values[3]));
  return 0;
}

static int put_host(struct history *history, struct state_text *text, struct belfry_error *error) {
  buf_put_text(text->out, ",\"host\":{");
  text->count = 0;
  int status = history_read(history, SQL_HOST_SERIES_LAST, NULL, 0, on_host_series, text, error);
  end_host_metric(text);
  if (text->count > 0)
    put_clock(text, "timestamp", text->host_newest_ms);
  buf_put_char(text->out, '}');
  return status;
}

/* --- services ----------------------------------------------------------------------------------
 */

static int on_service(void *arg, const struct history_value *values, size_t count) {
  struct state_text *text = arg;
  if (count < 6)
    return 0;
  buf_put_text(text->out, text->count++ ? ",{\"name\":" : "{\"name\":");
  json_put_string(text->out, values[0].text);
  buf_put_text(text->out, ",\"status\":");
  json_put_string(text->out, values[1].text);
  buf_put_text(text->out, ",\"message\":");
  json_put_string(text->out, values[2].text);
  buf_put_text(text->out, ",\"latency_ms\":");
  if (values[3].kind == HISTORY_NULL)
    buf_put_text(text->out, "null");
  else
    json_put_number(text->out, number_of(&values[3]));
  clock_starts(text);
  put_time(text, "last_check", &values[4]);
  clock_ends(text);
  put_time(text, "last_change", &values[5]);
  buf_put_char(text->out, '}');
  return 0;
}

static int put_services(struct history *history, struct state_text *text,
                        struct belfry_error *error) {
  buf_put_text(text->out, ",\"services\":[");
  text->count = 0;
  int status = history_read(history, SQL_SERVICES, NULL, 0, on_service, text, error);
  buf_put_char(text->out, ']');
  return status;
}

int state_put(struct history *history, unsigned parts, int64_t now_ms, struct buf *out,
              uint64_t *fingerprint, struct belfry_error *error) {
  size_t start = out->len;
  struct state_text text = {
      .out = out, .hashed = start, .hash = 0xcbf29ce484222325u, .now_ms = now_ms};
  int status = history_begin(history, error);
  if (status)
    return status;
  buf_init(&text.push_figures, 0);
  struct daemon_rows rows = {.out = text.daemons,
                             .push_figures = parts & STATE_PUSH ? &text.push_figures : NULL};
  status = read_daemons(history, &rows, &text.daemon_count, error);
  if (!status && (parts & STATE_STATS))
    status = put_stats(history, &text, error);
  if (!status && (parts & STATE_HOST))
    status = put_host(history, &text, error);
  if (!status && (parts & STATE_SERVICES))
    status = put_services(history, &text, error);
  history_end(history);
  if (!status && (parts & STATE_DAEMONS))
    put_daemons(&text);
  if (!status)
    put_push(&text);
  if (!status)
    status = buf_status(&text.push_figures);
  buf_fini(&text.push_figures);
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
  hash_text(&text);
  *fingerprint = text.hash;
  return BELFRY_OK;
}
