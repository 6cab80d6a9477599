/* GET /api/loop-status: how the loop that watches is itself. */
#include "fcgi/api.h"

#include "base/json.h"
#include "fcgi/state_answer.h"
#include "model/state.h"

/* A figure that the answer gives as belfry-watchd told it, and as what. */
static const struct figure {
  const char *key, *figure;
  enum { COUNT, SECONDS_OF_MS, TIME_OF_MS } kind;
} figures[] = {
    {"interval_seconds", "interval_ms", SECONDS_OF_MS},
    {"last_run", "last_run_ms", TIME_OF_MS},
    {"next_run", "next_run_ms", TIME_OF_MS},
    {"duration_ms", "duration_ms", COUNT},
    {"checks_total", "checks", COUNT},
    {"late", "late", COUNT},
    {"lateness_p99_ms", "lateness_p99_ms", COUNT},
    {"dropped", "dropped", COUNT},
    {"services", "services", COUNT},
    {"checking", "checking", COUNT},
    {"samples_total", "samples", COUNT},
    {"log_lines_total", "lines", COUNT},
    {"masked_total", "masked", COUNT},
    {"misfits_total", "misfits", COUNT},
    {"memory_bytes", "memory_bytes", COUNT},
    {"cpu_percent", "cpu_percent", COUNT},
};

struct loop {
  struct state_text *text;
  int64_t now_ms;
  bool found;
};

static void put_figure(struct loop *loop, const struct figure *figure, struct slice told) {
  struct slice raw = json_member(told, figure->figure);
  long long number = 0;
  struct buf *out = loop->text->out;
  bool whole = slice_to_int64(raw, &number);
  if (figure->kind == TIME_OF_MS) {
    const struct history_value at =
        number > 0 ? HISTORY_VALUE_INTEGER("", number) : HISTORY_VALUE_NULL("");
    state_put_time(loop->text, figure->key, &at);
    return;
  }
  buf_printf(out, ",\"%s\":", figure->key);
  if (!raw.data)
    buf_put_text(out, "null");
  else if (figure->kind == SECONDS_OF_MS && whole)
    json_put_number(out, (double)number / 1000);
  else
    buf_put_slice(out, raw);
}

/* Of a loop that has never run, all is null: `started` and `updated` too, and `told` is empty. */
static void put_loop(struct loop *loop, bool running, const struct history_value *started,
                     const struct history_value *updated, struct slice told) {
  buf_printf(loop->text->out, "{\"running\":%s", running ? "true" : "false");
  state_put_time(loop->text, "started", started);
  state_text_clock_starts(loop->text);
  state_put_time(loop->text, "updated", updated);
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
    put_figure(loop, &figures[i], told);
  state_text_clock_ends(loop->text);
  buf_put_char(loop->text->out, '}');
}

/* Columns: name, version, pid, started, updated, data. */
static int on_daemon(void *arg, const struct history_value *values, size_t count) {
  struct loop *loop = arg;
  if (count < 6)
    return BELFRY_ECORRUPT;
  if (!slice_is(values[0].text, "belfry-watchd"))
    return 0;
  loop->found = true;
  put_loop(loop, daemon_runs(values[4].integer, loop->now_ms), &values[3], &values[4],
           values[5].text);
  return 0;
}

static int put(struct worker *worker, const struct request *request, struct history *history,
               struct state_text *text, struct belfry_error *error) {
  struct loop loop = {.text = text, .now_ms = request->now_ms};
  (void)worker;
  int status = history_read(history, SQL_DAEMONS, NULL, 0, on_daemon, &loop, error);
  const struct history_value nothing = HISTORY_VALUE_NULL("");
  if (!status && !loop.found)
    put_loop(&loop, false, &nothing, &nothing, slice_of("{}"));
  return status;
}

void api_loop_status(struct worker *worker, const struct request *request,
                     struct response *response) {
  state_answer(worker, request, response, put, NULL);
}
