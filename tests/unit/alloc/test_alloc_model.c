/* lib/model out of memory: an event, a sample, the state are read and put as a whole or refused. */
#include "base/clock.h"
#include "base/json.h"
#include "model/cloudevent.h"
#include "model/event_json.h"
#include "model/event_type.h"
#include "model/filter_parse.h"
#include "model/health.h"
#include "model/log_json.h"
#include "model/mask.h"
#include "model/otlp.h"
#include "model/prometheus_text.h"
#include "model/sample_json.h"
#include "model/state.h"
#include "tests/unit/alloc/fail_alloc.h"
#include "tests/unit/history/fixture.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795176000000)

static int parse_event(const void *arg) {
  static struct ulid_maker ulids;
  const struct event_parse_options options = {.now_ms = NOW_MS,
                                              .default_source = slice_of("key"),
                                              .max_data_bytes = 65536,
                                              .ulids = &ulids};
  struct event_parsed parsed;
  struct model_problem problem;
  event_parsed_init(&parsed);
  fail_alloc_begin();
  int status = event_parse(slice_of(arg), &options, &parsed, &problem);
  fail_alloc_end();
  if (!status) {
    struct buf out;
    assert_true(slice_is(parsed.event.type, "quality_rated"));
    assert_true(slice_is(parsed.event.source, "voice \xc3\xa9"));
    buf_init(&out, 0);
    fail_alloc_begin();
    event_put_json(&out, &parsed.event);
    fail_alloc_end();
    status = buf_status(&out);
    buf_fini(&out);
  }
  assert_int_equal(event_parse(slice_of(arg), &options, &parsed, &problem), 0);
  event_parsed_fini(&parsed);
  return status;
}

static int parse_sample(const void *arg) {
  struct sample_parsed parsed;
  struct model_problem problem;
  sample_parsed_init(&parsed);
  fail_alloc_begin();
  int status = sample_parse(slice_of(arg), false, NOW_MS, &parsed, &problem);
  fail_alloc_end();
  if (!status)
    assert_true(slice_is(parsed.sample.labels, "{\"a\":\"x\\ny\",\"b\":\"\xc3\xa9\"}"));
  assert_int_equal(sample_parse(slice_of(arg), false, NOW_MS, &parsed, &problem), 0);
  sample_parsed_fini(&parsed);
  return status;
}

static int parse_log(const void *arg) {
  static struct ulid_maker ulids;
  const struct event_parse_options options = {.now_ms = NOW_MS,
                                              .default_source = slice_of("key"),
                                              .max_data_bytes = 65536,
                                              .ulids = &ulids};
  struct log_parsed parsed;
  struct model_problem problem;
  struct buf out;
  bool plain = *(const char *)arg != '{';
  log_parsed_init(&parsed);
  buf_init(&out, 0);
  fail_alloc_begin();
  int status = plain ? log_parse_plain(slice_of(arg), &options, 1, &parsed, &problem)
                     : log_parse(slice_of(arg), &options, 1, &parsed, &problem);
  if (!status) {
    log_put_json(&out, &parsed.event.event);
    log_put_message(&out, &parsed.event.event);
    status = buf_status(&out);
  }
  fail_alloc_end();
  if (!status)
    assert_true(slice_is(parsed.event.event.data,
                         plain ? "{\"message\":\"a \\\"b\\\"\"}"
                               : "{\"message\":\"a \\u0022b\",\"attributes\":{\"c\":1}}"));
  buf_fini(&out);
  log_parsed_fini(&parsed);
  return status;
}

static int parse_cloudevent(const void *arg) {
  const struct event_parse_options options = {.now_ms = NOW_MS, .max_data_bytes = 65536};
  const struct cloudevent_header headers[] = {{slice_of("specversion"), slice_of("1.0")},
                                              {slice_of("id"), slice_of("1")},
                                              {slice_of("source"), slice_of("/s")},
                                              {slice_of("type"), slice_of("X")},
                                              {slice_of("subject"), slice_of("caf%C3%A9")}};
  struct cloudevent_parsed parsed;
  struct model_problem problem;
  cloudevent_parsed_init(&parsed);
  fail_alloc_begin();
  int status = cloudevent_parse_binary(headers, 5, slice_of("text/plain"), slice_of(arg), &options,
                                       &parsed, &problem);
  fail_alloc_end();
  if (!status)
    assert_true(slice_is(parsed.event.event.data,
                         "{\"data\":\"a \\\"b\\\"\",\"cloudevent\":{\"subject\":\"caf\xc3\xa9\","
                         "\"type\":\"X\",\"datacontenttype\":\"text/plain\"}}"));
  cloudevent_parsed_fini(&parsed);
  return status;
}

static int count_otlp_event(void *arg, const struct event *event) {
  assert_true(event->data.data[0] == '{' && event->data.data[event->data.len - 1] == '}');
  ++*(int *)arg;
  return 0;
}

static int count_otlp_sample(void *arg, const struct sample *sample, unsigned flags) {
  (void)flags;
  assert_true(sample->labels.len > 2);
  ++*(int *)arg;
  return 0;
}

struct otlp_case {
  enum otlp_signal signal;
  const char *body;
  int count;
};

static int parse_otlp(const void *arg) {
  const struct otlp_case *one = arg;
  const struct otlp_options options = {
      .now_ms = NOW_MS, .default_source = slice_of("key"), .max_data_bytes = 65536};
  struct otlp_result result;
  struct model_problem problem;
  int count = 0;
  const struct otlp_sink sink = {count_otlp_event, count_otlp_sample, &count};
  fail_alloc_begin();
  int status = otlp_parse(one->signal, slice_of(one->body), &options, &sink, &result, &problem);
  fail_alloc_end();
  assert_true(status || (count == one->count && result.rejected == 0));
  return status;
}

static int count_sample(void *arg, const struct sample *sample) {
  assert_true(slice_is(sample->labels, "{\"agent\":\"a\\n\",\"source\":\"voice\"}"));
  ++*(int *)arg;
  return 0;
}

static int find_samples(const void *arg) {
  struct event event = {.type = slice_of("metrics_updated"),
                        .source = slice_of("voice"),
                        .data = slice_of("{\"agent\":\"a\\n\",\"latency_ms\":3,\"tokens\":7}")};
  int count = 0;
  (void)arg;
  fail_alloc_begin();
  int status = event_samples(&event, count_sample, &count);
  fail_alloc_end();
  if (!status)
    assert_int_equal(count, 2);
  return status;
}

static int parse_filter(const void *arg) {
  struct event_filter filter;
  struct model_problem problem;
  const struct event_filter_texts texts = {.event = slice_of("agent_*,log"),
                                           .min_severity = slice_of("warning"),
                                           .source = slice_of("voice*"),
                                           .from = slice_of("-1h"),
                                           .q = slice_of("two \"words here\"")};
  (void)arg;
  fail_alloc_begin();
  int status = event_filter_parse(&texts, NOW_MS, &filter, &problem);
  fail_alloc_end();
  return status;
}

static void put_report(struct history_writer *writer, struct history_batch *batch) {
  struct wire wire = wire_read(buf_slice(&batch->records));
  struct history_record record;
  struct belfry_error error = {0};
  int64_t changed;
  assert_int_equal(history_record_take(&wire, &record), 0);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  assert_int_equal(history_writer_mutate(writer, record.mutation.statement, HISTORY_ORIGIN_HISTORYD,
                                         record.mutation.values, record.mutation.value_count,
                                         &changed, &error),
                   0);
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
}

static void fill_history(const char *dir) {
  struct history_writer *writer = fixture_writer(dir);
  struct history_batch batch;
  struct belfry_error error = {0};
  struct daemon_report report = {
      .name = "belfry-historyd", .started_ms = NOW_MS, .figures = slice_of("{\"clients\":3}")};
  history_batch_init(&batch, 0);
  daemon_report_put(&batch, &report, NOW_MS);
  put_report(writer, &batch);
  history_batch_fini(&batch);
  assert_int_equal(history_writer_begin_group(writer, &error), 0);
  for (int i = 0; i < 3; i++) {
    struct sample sample = {.metric = slice_of(i ? "host_disk_percent" : "host_cpu_percent"),
                            .labels = slice_of(i == 0   ? "{}"
                                               : i == 1 ? "{\"mount\":\"/\"}"
                                                        : "{\"mount\":\"/home\"}"),
                            .timestamp_ms = NOW_MS,
                            .value = i};
    assert_int_equal(history_writer_sample(writer, &sample, &error), 0);
  }
  assert_int_equal(history_writer_commit_group(writer, &error), 0);
  history_writer_close(writer);
}

static int put_state(const void *arg) {
  const struct state_now now = {NOW_MS, 3600000, 3600000};
  struct history *history = fixture_reader(arg);
  struct belfry_error error = {0};
  struct buf first, second;
  struct state_text before, after;
  buf_init(&first, 0);
  buf_init(&second, 0);
  state_text_init(&before, &first);
  state_text_init(&after, &second);
  fail_alloc_begin();
  int status = state_put(history, STATE_ALL, &now, &before, &error);
  fail_alloc_end();
  assert_int_equal(status, error.code);
  error = (struct belfry_error){0};
  assert_int_equal(state_put(history, STATE_ALL, &now, &after, &error), 0);
  if (!status) {
    assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
    assert_true(state_text_fingerprint(&before) == state_text_fingerprint(&after));
  }
  assert_true(first.len == 0 || !status);
  buf_fini(&first);
  buf_fini(&second);
  history_close(history);
  return status;
}

static const struct health_rules health_rules = {60000, 90, 90, true};

static int put_snapshots(const char *dir, bool past) {
  struct history *history = fixture_reader(dir);
  struct belfry_error error = {0};
  struct buf out;
  struct state_text text;
  buf_init(&out, 0);
  state_text_init(&text, &out);
  fail_alloc_begin();
  int status = past ? health_put_past(history, &health_rules, NOW_MS, 10, &text, &error)
                    : health_put(history, &health_rules, NOW_MS, &text, &error);
  fail_alloc_end();
  status = status ? status : buf_status(&out);
  assert_true(status || json_check_depth(buf_slice(&out), 9) == 0);
  buf_fini(&out);
  history_close(history);
  return status;
}

static int put_health(const void *arg) {
  return put_snapshots(arg, false);
}

static int put_health_past(const void *arg) {
  return put_snapshots(arg, true);
}

static int mask_line(const void *arg) {
  static const char *const own[] = {"[a-z]+-[0-9]+", NULL};
  const struct mask_options options = {true, true, true, own};
  struct mask *mask = NULL;
  struct belfry_error error = {0};
  struct buf out;
  buf_init(&out, 0);
  fail_alloc_begin();
  int status = mask_new(&mask);
  if (!status)
    status = mask_configure(mask, &options, &error);
  if (!status) {
    mask_put(mask, slice_of(arg), NULL, &out);
    status = buf_status(&out);
  }
  fail_alloc_end();
  if (!status) /* without memory nothing is shown that might be a secret */
    assert_true(!memmem(out.data, out.len, "hunter2", 7) && !memmem(out.data, out.len, "ab-12", 5));
  buf_fini(&out);
  mask_free(mask);
  return status;
}

static int read_scraped(const void *arg) {
  struct prometheus_text text;
  struct prometheus_sample sample;
  prometheus_text_start(&text, slice_of(arg), false);
  fail_alloc_begin();
  bool found = prometheus_text_next(&text, &sample);
  fail_alloc_end();
  int status = found ? BELFRY_OK : BELFRY_ENOMEM;
  assert_true(!found || (sample.label_count == 1 && slice_is(sample.labels[0].value, "c\n")));
  prometheus_text_fini(&text);
  return status;
}

#define RESOURCE                                                                                   \
  "\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"            \
  "\"s\\u00e9\"}},"                                                                                \
  "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"h\"}}]}"
#define ATTRIBUTES                                                                                 \
  "\"attributes\":[{\"key\":\"gen_ai.operation.name\",\"value\":{\"stringValue\":\"invoke_"        \
  "agent\"}},"                                                                                     \
  "{\"key\":\"l\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"intValue\":" \
  "\"1\"}}]"                                                                                       \
  "}}}]"

static void test_cloudevent(void **state) {
  (void)state;
  fail_alloc_each("a CloudEvent", parse_cloudevent, "a \"b\"");
}

static void test_otlp(void **state) {
  (void)state;
  static const struct otlp_case cases[] = {
      {OTLP_LOGS,
       "{\"resourceLogs\":[{" RESOURCE
       ",\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"arrayValue\":{"
       "\"values\":[{\"stringValue\":\"x\"}]}}," ATTRIBUTES "},{\"timeUnixNano\":1}]}]}]}",
       2},
      {OTLP_METRICS,
       "{\"resourceMetrics\":[{" RESOURCE
       ",\"scopeMetrics\":[{\"metrics\":[{\"name\":\"m\",\"unit\":"
       "\"s\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{\"count\":1,\"sum\":2,"
       "\"explicitBounds\":[1.5],\"bucketCounts\":[0,1]," ATTRIBUTES "}]}}]}]}]}",
       4},
      {OTLP_TRACES,
       "{\"resourceSpans\":[{" RESOURCE ",\"scopeSpans\":[{\"spans\":[{\"traceId\":"
       "\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\",\"kind\":2," ATTRIBUTES
       "}]}]}]}",
       4},
  };
  /* libcrypto keeps what it makes at its first hash, and at its first error. */
  assert_int_equal(parse_otlp(&cases[0]), 0);
  assert_null(EVP_MD_fetch(NULL, "none", NULL));
  ERR_clear_error();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    fail_alloc_each("a request of OpenTelemetry", parse_otlp, &cases[i]);
}

static void test_event(void **state) {
  (void)state;
  fail_alloc_each(
      "an event", parse_event,
      "{\"event\":\"quality_rated\",\"source\":\"voice "
      "\\u00e9\",\"data\":{\"score\":3.5,\"words\":["
      "\"a\",\"b\"]},\"severity\":\"w\\u0061rn\",\"timestamp\":\"2026-11-20T10:30:00Z\"}");
}

static void test_sample(void **state) {
  (void)state;
  fail_alloc_each("a log line", parse_log, "{\"message\":\"a \\u0022b\",\"c\":1}");
  fail_alloc_each("a log line of plain text", parse_log, "a \"b\"");
  fail_alloc_each("a sample", parse_sample,
                  "{\"metric\":\"latency_ms\",\"value\":12.5,\"labels\":{\"b\":\"\\u00e9\",\"a\":"
                  "\"x\\ny\"},\"timestamp\":1795176000}");
}

static void test_samples_of_an_event(void **state) {
  (void)state;
  fail_alloc_each("the samples of an event", find_samples, NULL);
}

static void test_filter(void **state) {
  (void)state;
  fail_alloc_each("a filter", parse_filter, NULL);
}

static void test_masking(void **state) {
  (void)state;
  fail_alloc_each("a line with secrets", mask_line, "password=hunter2 and ab-12");
}

static void test_scraped(void **state) {
  (void)state;
  fail_alloc_each("a sample that was scraped", read_scraped, "a{b=\"c\\n\"} 1\n");
}

static void test_state(void **state) {
  char dir[64];
  (void)state;
  fixture_make_dir(dir);
  fill_history(dir);
  fail_alloc_each("the state", put_state, dir);
  fail_alloc_each("the health snapshot", put_health, dir);
  fail_alloc_each("health snapshots of the past", put_health_past, dir);
  fixture_remove_dir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_event),
      cmocka_unit_test(test_cloudevent),
      cmocka_unit_test(test_otlp),
      cmocka_unit_test(test_sample),
      cmocka_unit_test(test_samples_of_an_event),
      cmocka_unit_test(test_filter),
      cmocka_unit_test(test_masking),
      cmocka_unit_test(test_scraped),
      cmocka_unit_test(test_state),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
