/* fcgi/prometheus: the text, and that the table holds to Prometheus' rules and forgets nothing. */
#include "fcgi/prometheus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
  const char *type, *name, *from, *figure, *labels, *each, *help;
};

#define COUNTER     "counter"
#define GAUGE       "gauge"
#define HISTORY     PROMETHEUS_HISTORY
#define NONE        NULL, NULL
#define LABEL(text) text, NULL
#define EACH(name)  NULL, name
#define METRIC(...) {__VA_ARGS__},
static const struct row rows[] = {
#include "fcgi/metrics.def"
};
#define ROW_COUNT (sizeof rows / sizeof *rows)

static bool ends_with(const char *text, const char *end) {
  size_t text_len = strlen(text), end_len = strlen(end);
  return text_len >= end_len && strcmp(text + text_len - end_len, end) == 0;
}

static void test_names(void **state) {
  (void)state;
  for (size_t i = 0; i < ROW_COUNT; i++) {
    const struct row *row = &rows[i], *before = i ? &rows[i - 1] : NULL;
    bool counter = strcmp(row->type, COUNTER) == 0;
    if (strncmp(row->name, "belfry_", 7) != 0 ||
        strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(row->name))
      fail_msg("%s is no name of a metric of Belfry's", row->name);
    if (counter != ends_with(row->name, "_total"))
      fail_msg("%s: counters, and they alone, end in _total", row->name);
    if (strstr(row->name, "_ms") || strstr(row->name, "_us"))
      fail_msg("%s: the unit of a time is _seconds", row->name);
    if (!row->help[0] || strpbrk(row->help, "\\\n"))
      fail_msg("%s: its help is one line of plain text", row->name);
    if (before && strcmp(before->name, row->name) == 0) {
      if (strcmp(before->type, row->type) != 0 || strcmp(before->help, row->help) != 0)
        fail_msg("%s: its rows differ in type or help", row->name);
      if (!row->labels || !before->labels || strcmp(row->labels, before->labels) == 0)
        fail_msg("%s: its rows must differ in their labels", row->name);
      continue;
    }
    for (size_t j = 0; j < i; j++)
      if (strcmp(rows[j].name, row->name) == 0)
        fail_msg("%s: its rows do not stand together", row->name);
  }
}

static bool is_told(const char *figure) {
  for (size_t i = 0; i < ROW_COUNT; i++)
    if (strcmp(rows[i].from, "belfry-pushd") == 0 && strcmp(rows[i].figure, figure) == 0)
      return true;
  return false;
}

static void test_nothing_of_pushd_is_forgotten(void **state) {
  (void)state;
  static const char *const sums[] = {"clients", "refused",
                                     "closed"}; /* Prometheus adds up itself */
  static const char *const figures[] = {
#define PUSH_COUNTER(name, doc) #name,
#define PUSH_GAUGE(name, doc)   #name,
#define PUSH_PEAK(name, doc)    #name,
#include "model/push_figures.def"
      "refusals", "closes"};
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
    bool sum = false;
    for (size_t j = 0; j < sizeof sums / sizeof *sums; j++)
      sum |= strcmp(sums[j], figures[i]) == 0;
    if (!sum && !is_told(figures[i]))
      fail_msg("the figure %s of push_figures.def has no row in metrics.def", figures[i]);
  }
}

static void test_text(void **state) {
  (void)state;
  struct buf out;
  json_t *figures = json_loads("{\"ws_clients\":3,\"sse_clients\":4,\"pass_us\":2500000,"
                               "\"lag_ms\":7,\"refusals\":{\"a\\\\b\\n\\\"c\":2,\"text\":\"x\"},"
                               "\"closes\":{\"going_away\":5,\"none\":6},\"bytes\":\"many\"}",
                               0, NULL);
  assert_non_null(figures);
  const struct prometheus_source sources[] = {
      {.name = "belfry-pushd", .figures = figures, .version = "1\"2", .started_ms = 1500},
      {.name = "belfry-watchd"},
      {.name = PROMETHEUS_HISTORY},
  };
  buf_init(&out, 0);
  prometheus_put(&out, sources, 3);
  assert_string_equal(
      out.data,
      "# HELP belfry_up Whether the daemon runs.\n"
      "# TYPE belfry_up gauge\n"
      "belfry_up{daemon=\"belfry-pushd\"} 1\n"
      "belfry_up{daemon=\"belfry-watchd\"} 0\n"
      "# HELP belfry_info Always 1; the version of the daemon is a label.\n"
      "# TYPE belfry_info gauge\n"
      "belfry_info{daemon=\"belfry-pushd\",version=\"1\\\"2\"} 1\n"
      "# HELP belfry_start_time_seconds When the daemon was started, since 1970.\n"
      "# TYPE belfry_start_time_seconds gauge\n"
      "belfry_start_time_seconds{daemon=\"belfry-pushd\"} 1.5\n"
      "# HELP belfry_push_clients Open connections of clients.\n"
      "# TYPE belfry_push_clients gauge\n"
      "belfry_push_clients{kind=\"ws\"} 3\n"
      "belfry_push_clients{kind=\"sse\"} 4\n"
      "# HELP belfry_push_refused_total Handshakes that were not let in, by reason.\n"
      "# TYPE belfry_push_refused_total counter\n"
      "belfry_push_refused_total{reason=\"a\\\\b\\n\\\"c\"} 2\n"
      "# HELP belfry_push_closed_total Connections of clients that ended, by WebSocket close "
      "code.\n"
      "# TYPE belfry_push_closed_total counter\n"
      "belfry_push_closed_total{code=\"1001\"} 5\n"
      "belfry_push_closed_total{code=\"none\"} 6\n"
      "# HELP belfry_push_pass_seconds_total Time spent in giving new events to all clients.\n"
      "# TYPE belfry_push_pass_seconds_total counter\n"
      "belfry_push_pass_seconds_total 2.5\n"
      "# HELP belfry_push_lag_seconds The longest time of the last second from the storing of an "
      "event to the end of its pass.\n"
      "# TYPE belfry_push_lag_seconds gauge\n"
      "belfry_push_lag_seconds 0.007\n");
  json_decref(figures);
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_nothing_of_pushd_is_forgotten),
      cmocka_unit_test(test_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
