/* lib/model/otlp: names and units, what becomes of times and places, and what is left of odd
 * requests. */
#include "history/append.h"
#include "model/otlp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795170600000)

/* What came out last, and how much. */
struct seen {
  char metric[130], labels[600], event_id[130], data[600];
  int64_t timestamp_ms;
  double value;
  unsigned flags;
  int events, samples;
};

static int on_event(void *arg, const struct event *event) {
  struct seen *seen = arg;
  snprintf(seen->event_id, sizeof seen->event_id, "%.*s", SLICE_ARG(event->event_id));
  snprintf(seen->data, sizeof seen->data, "%.*s", SLICE_ARG(event->data));
  seen->timestamp_ms = event->timestamp_ms;
  seen->events++;
  return 0;
}

static int on_sample(void *arg, const struct sample *sample, unsigned flags) {
  struct seen *seen = arg;
  snprintf(seen->metric, sizeof seen->metric, "%.*s", SLICE_ARG(sample->metric));
  snprintf(seen->labels, sizeof seen->labels, "%.*s", SLICE_ARG(sample->labels));
  seen->timestamp_ms = sample->timestamp_ms;
  seen->value = sample->value;
  seen->flags = flags;
  seen->samples++;
  return 0;
}

/* Parses a request that must be one. Returns: how many records were rejected. */
static uint64_t parse(enum otlp_signal signal, const char *body, struct seen *seen) {
  const struct otlp_options options = {
      .now_ms = NOW_MS, .default_source = slice_of("key"), .max_data_bytes = 512};
  const struct otlp_sink sink = {on_event, on_sample, seen};
  struct otlp_result result;
  struct model_problem problem = {0};
  *seen = (struct seen){0};
  if (otlp_parse(signal, slice_of(body), &options, &sink, &result, &problem))
    fail_msg("%s: %s", body, problem.detail);
  return result.rejected;
}

static void test_names_of_metrics(void **state) {
  (void)state;
  static const struct {
    const char *name, *unit, *kind, *metric; /* NULL: rejected */
  } rows[] = {
      {"http.server.request.duration", "s", "sum", "http_server_request_duration_seconds"},
      {"process.memory", "By", "gauge", "process_memory_bytes"},
      {"process.memory.bytes", "By", "gauge", "process_memory_bytes"},
      {"disk.io", "By/s", "gauge", "disk_io_bytes_per_second"},
      {"requests", "{request}/s", "gauge", "requests_per_second"},
      {"requests", "{request}", "sum", "requests"},
      {"cpu.utilization", "1", "gauge", "cpu_utilization_ratio"},
      {"things", "1", "sum", "things"},
      {"latency", "ms", "gauge", "latency_ms"},
      {"load", "", "gauge", "load"},
      {"load", "furlongs", "gauge", "load"},
      {"Quality-Score..%", "%", "gauge", "quality_score_percent"},
      {"9lives", "", "gauge", "_9lives"},
      {"\\u00e9t\\u00e9", "", "gauge", "t"},
      {"...", "", "gauge", NULL},
      {"", "s", "gauge", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char body[600];
    struct seen seen;
    snprintf(body, sizeof body,
             "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"%s\",\"unit\":"
             "\"%s\",\"%s\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"asInt\":1}]}}]}]}]}",
             rows[i].name, rows[i].unit, rows[i].kind);
    uint64_t rejected = parse(OTLP_METRICS, body, &seen);
    if (rejected != (rows[i].metric == NULL))
      fail_msg("'%s' is %s", rows[i].name, rejected ? "rejected" : "taken");
    if (rows[i].metric && strcmp(seen.metric, rows[i].metric) != 0)
      fail_msg("'%s' in '%s' is %s, not %s", rows[i].name, rows[i].unit, seen.metric,
               rows[i].metric);
    assert_int_equal(seen.flags, rows[i].metric ? HISTORY_SAMPLE_OPTIONAL : 0);
  }
}

static void test_labels(void **state) {
  (void)state;
  static const struct {
    const char *resource, *attributes, *labels; /* NULL: rejected */
  } rows[] = {
      {"", "", "{\"source\":\"key\"}"},
      {"{\"key\":\"service.name\",\"value\":{\"stringValue\":\"a\"}},"
       "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"i-1\"}}",
       "{\"key\":\"http.Method\",\"value\":{\"stringValue\":\"GET\"}},"
       "{\"key\":\"n\",\"value\":{\"intValue\":\"5\"}},{\"key\":\"b\",\"value\":{\"boolValue\":"
       "true}}",
       "{\"b\":\"true\",\"http_method\":\"GET\",\"instance\":\"i-1\",\"n\":\"5\",\"source\":"
       "\"a\"}"},
      {"{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":"
       "\"627cc493-f310-47de-96bd-71410b7dec09\"}},"
       "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"h\"}}",
       "{\"key\":\"source\",\"value\":{\"stringValue\":\"mine\"}}",
       "{\"attribute_source\":\"mine\",\"instance\":\"h\",\"source\":\"key\"}"},
      {"",
       "{\"key\":\"a.b\",\"value\":{\"stringValue\":\"1\"}},"
       "{\"key\":\"a_b\",\"value\":{\"stringValue\":\"2\"}}",
       NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char body[1000];
    struct seen seen;
    snprintf(body, sizeof body,
             "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[%s]},\"scopeMetrics\":[{"
             "\"metrics\":[{\"name\":\"m\",\"gauge\":{\"dataPoints\":[{\"asDouble\":1.5,"
             "\"attributes\":[%s]}]}}]}]}]}",
             rows[i].resource, rows[i].attributes);
    assert_int_equal(parse(OTLP_METRICS, body, &seen), rows[i].labels == NULL);
    if (rows[i].labels)
      assert_string_equal(seen.labels, rows[i].labels);
  }
}

static void test_times(void **state) {
  (void)state;
  static const struct {
    const char *times;
    int64_t timestamp_ms; /* -1: rejected */
  } rows[] = {
      {"\"timeUnixNano\":\"1795176000123456789\"", INT64_C(1795176000123)},
      {"\"timeUnixNano\":1795176000123456789", INT64_C(1795176000123)},
      {"\"timeUnixNano\":\"0\",\"observedTimeUnixNano\":\"1795176000000000000\"",
       INT64_C(1795176000000)},
      {"\"timeUnixNano\":\"5000000\",\"observedTimeUnixNano\":\"1795176000000000000\"", 5},
      {"\"timeUnixNano\":null", NOW_MS},
      {"\"timeUnixNano\":\"18446744073709551615\"", INT64_C(18446744073709)},
      {"\"timeUnixNano\":\"18446744073709551616\"", -1},
      {"\"timeUnixNano\":\"-1\"", -1},
      {"\"timeUnixNano\":\"soon\"", -1},
      {"\"timeUnixNano\":{}", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char body[300];
    struct seen seen;
    snprintf(body, sizeof body, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{%s}]}]}]}",
             rows[i].times);
    assert_int_equal(parse(OTLP_LOGS, body, &seen), rows[i].timestamp_ms < 0);
    if (rows[i].timestamp_ms >= 0 && seen.timestamp_ms != rows[i].timestamp_ms)
      fail_msg("%s is %lld", rows[i].times, (long long)seen.timestamp_ms);
  }
}

/* The same record at the same place of the same scope has the same id, and no other has. */
static void test_ids_of_records(void **state) {
  (void)state;
#define LOGS(resource, records)                                                                    \
  "{\"resourceLogs\":[{\"resource\":{" resource "},\"scopeLogs\":[{\"logRecords\":[" records       \
  "]}]}]}"
  static const char *const bodies[] = {
      LOGS("", "{\"timeUnixNano\":\"1000000\"}"),
      LOGS("", "{\"timeUnixNano\":\"1000000\",\"body\":{\"stringValue\":\"x\"}}"),
      LOGS("", "{\"timeUnixNano\":\"1000000\"},{\"timeUnixNano\":\"1000000\"}"),
      LOGS("\"droppedAttributesCount\":1", "{\"timeUnixNano\":\"1000000\"}"),
      LOGS("", "{}"),
      LOGS("", "{},{}"),
  };
  enum { COUNT = sizeof bodies / sizeof *bodies };
  char ids[COUNT][130];
  for (size_t i = 0; i < COUNT; i++) {
    struct seen seen, again;
    parse(OTLP_LOGS, bodies[i], &seen);
    parse(OTLP_LOGS, bodies[i], &again);
    assert_string_equal(seen.event_id, again.event_id);
    memcpy(ids[i], seen.event_id, sizeof ids[i]);
    for (size_t j = 0; j < i; j++)
      assert_string_not_equal(ids[i], ids[j]);
  }
}

/* Something that is wrong in the middle costs itself and nothing else. */
static void test_odd_requests(void **state) {
  (void)state;
  static const struct {
    const char *body;
    int events;
    uint64_t rejected;
  } rows[] = {
      {"{}", 0, 0},
      {"{\"resourceLogs\":null}", 0, 0},
      {"{\"resourceLogs\":[]}", 0, 0},
      {"{\"resourceLogs\":[{}]}", 0, 0},
      {"{\"resourceLogs\":[1,{\"scopeLogs\":5},{\"scopeLogs\":[2,{\"logRecords\":{}},"
       "{\"logRecords\":[{}]}]}]}",
       1, 4},
      {"{\"resourceLogs\":[{\"resource\":7,\"scopeLogs\":[{\"scope\":\"x\",\"logRecords\":[{"
       "\"body\":"
       "{\"stringValue\":1}},{\"attributes\":{}},{\"severityNumber\":{},\"traceId\":\"z\"}]}]}]}",
       2, 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct seen seen;
    uint64_t rejected = parse(OTLP_LOGS, rows[i].body, &seen);
    if (rejected != rows[i].rejected || seen.events != rows[i].events)
      fail_msg("%s: %d taken, %d rejected", rows[i].body, seen.events, (int)rejected);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_of_metrics),
      cmocka_unit_test(test_labels),
      cmocka_unit_test(test_times),
      cmocka_unit_test(test_ids_of_records),
      cmocka_unit_test(test_odd_requests),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
