/* lib/model/log_json: log lines as JSON and as plain text, in and out. */
#include "model/log_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/severity.h"

#define NOW_MS INT64_C(1795170600000)

static struct ulid_maker ulids;

static struct event_parse_options options_of(size_t max_data_bytes) {
  return (struct event_parse_options){.now_ms = NOW_MS,
                                      .default_source = slice_of("here"),
                                      .max_data_bytes = max_data_bytes,
                                      .ulids = &ulids};
}

/* What a record is stored as, or why it is not. */
static void test_records(void **state) {
  (void)state;
  static const struct {
    const char *record, *data;
    int severity, status;
    const char *pointer;
  } rows[] = {
      {"{\"message\":\"x\"}", "{\"message\":\"x\"}", SEVERITY_INFO, 0, NULL},
      {"\"x\\n\"", "{\"message\":\"x\\n\"}", SEVERITY_INFO, 0, NULL},
      {" {\"msg\":\"x\",\"level\":\"fatal\"} ", "{\"message\":\"x\"}", SEVERITY_CRITICAL, 0, NULL},
      {"{\"message\":\"x\",\"msg\":\"y\",\"severity\":\"error\",\"level\":\"info\"}",
       "{\"message\":\"x\"}", SEVERITY_ERROR, 0, NULL},
      {"{\"a\":1.50,\"message\":\"x\",\"b\":{\"c\":[]}}",
       "{\"message\":\"x\",\"attributes\":{\"a\":1.50,\"b\":{\"c\":[]}}}", SEVERITY_INFO, 0, NULL},
      {"{\"a\":1,\"message\":\"x\",\"attributes\":{\"b\":2}}",
       "{\"message\":\"x\",\"attributes\":{\"b\":2}}", SEVERITY_INFO, 0, NULL},
      {"{\"message\":\"x\",\"attributes\":null,\"source\":null}", "{\"message\":\"x\"}",
       SEVERITY_INFO, 0, NULL},
      {"{}", NULL, 0, BELFRY_ECONFLICT, "/message"},
      {"{\"msg\":1}", NULL, 0, BELFRY_ECONFLICT, "/msg"},
      {"{\"message\":\"x\",\"attributes\":5}", NULL, 0, BELFRY_ECONFLICT, "/attributes"},
      {"{\"message\":\"x\",\"level\":30}", NULL, 0, BELFRY_ECONFLICT, "/level"},
      {"{\"message\":\"x\",\"time\":\"soon\"}", NULL, 0, BELFRY_ECONFLICT, "/time"},
      {"{\"message\":\"x\",\"timestamp\":\"soon\"}", NULL, 0, BELFRY_ECONFLICT, "/timestamp"},
      {"{\"message\":\"x\",\"source\":\"\"}", NULL, 0, BELFRY_ECONFLICT, "/source"},
      {"{\"message\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
       NULL, 0, BELFRY_ETOOBIG, "/data"},
      {"5", NULL, 0, BELFRY_ECONFLICT, ""},
      {"", NULL, 0, BELFRY_EINVAL, ""},
      {"{\"message\":\"x\",\"message\":\"y\"}", NULL, 0, BELFRY_EINVAL, ""},
  };
  const struct event_parse_options options = options_of(72);
  struct log_parsed parsed;
  log_parsed_init(&parsed);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct model_problem problem = {0};
    int status = log_parse(slice_of(rows[i].record), &options, SEVERITY_INFO, &parsed, &problem);
    const struct event *event = &parsed.event.event;
    if (status != rows[i].status ||
        (rows[i].pointer && strcmp(problem.pointer, rows[i].pointer) != 0))
      fail_msg("%s: status %d at '%s': %s", rows[i].record, status, problem.pointer,
               problem.detail);
    if (rows[i].data &&
        (!slice_is(event->data, rows[i].data) || event->severity != rows[i].severity ||
         !slice_is(event->type, "log") || event->event_id.len != 26))
      fail_msg("%s is stored as %.*s", rows[i].record, SLICE_ARG(event->data));
  }
  log_parsed_fini(&parsed);
}

/* What is stored must not nest deeper than any event may. */
static void test_depth(void **state) {
  (void)state;
  const struct event_parse_options options = options_of(4096);
  struct log_parsed parsed;
  log_parsed_init(&parsed);
  for (int depth = 1; depth <= 40; depth++) {
    char text[256] = "{\"message\":\"x\",\"a\":";
    struct model_problem problem = {0};
    for (int i = 0; i < depth; i++)
      strcat(text, "[");
    for (int i = 0; i < depth; i++)
      strcat(text, "]");
    strcat(text, "}");
    assert_int_equal(log_parse(slice_of(text), &options, SEVERITY_INFO, &parsed, &problem),
                     depth <= 29 ? BELFRY_OK : BELFRY_EINVAL);
  }
  log_parsed_fini(&parsed);
}

static void test_plain_text(void **state) {
  (void)state;
  static const struct {
    const char *line;
    size_t len;
    const char *data;
  } rows[] = {
      {"a \"b\" \\", 7, "{\"message\":\"a \\\"b\\\" \\\\\"}"},
      {"a\0b", 3,
       "{\"message\":\"a\xef\xbf\xbd"
       "b\"}"},
      {"\xff\t\x1b", 3, "{\"message\":\"\xef\xbf\xbd\\t\\u001b\"}"},
      {"caf\xc3", 4, "{\"message\":\"caf\xef\xbf\xbd\"}"},
  };
  const struct event_parse_options options = options_of(64);
  struct log_parsed parsed;
  struct model_problem problem = {0};
  log_parsed_init(&parsed);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_int_equal(log_parse_plain(slice_new(rows[i].line, rows[i].len), &options,
                                     SEVERITY_WARNING, &parsed, &problem),
                     0);
    const struct event *event = &parsed.event.event;
    assert_true(slice_is(event->data, rows[i].data));
    assert_int_equal(event->severity, SEVERITY_WARNING);
    assert_true(slice_is(event->source, "here"));
    assert_int_equal(event->timestamp_ms, NOW_MS);
  }
  log_parsed_fini(&parsed);
}

static void test_shown(void **state) {
  (void)state;
  static const struct {
    const char *data, *rest, *message, *attributes;
  } rows[] = {
      {"{\"message\":\"a\\n\\u0041\",\"attributes\":{\n\"b\": 1}}",
       "\"message\":\"a\\n\\u0041\",\"attributes\":{ \"b\": 1}}", "a\nA", "{ \"b\": 1}"},
      {"{}", "\"message\":\"\",\"attributes\":{}}", "", "{}"},
      {"{\"message\":[1,\"x\"],\"c\":2,\"d\":\n[]}",
       "\"message\":\"[1,\\\"x\\\"]\",\"attributes\":{\"c\":2,\"d\":[]}}", "[1,\"x\"]",
       "{\"c\":2,\"d\":[]}"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct event event = {.id = 7,
                                .timestamp_ms = NOW_MS,
                                .severity = SEVERITY_ERROR,
                                .type = slice_of("log"),
                                .source = slice_of("a\"b"),
                                .data = slice_of(rows[i].data)};
    struct buf out;
    buf_init(&out, 0);
    log_put_json(&out, &event);
    static const char head[] = "{\"id\":7,\"timestamp\":\"2026-11-20T10:30:00.000Z\","
                               "\"severity\":\"error\",\"source\":\"a\\\"b\",";
    assert_true(slice_starts_with(buf_slice(&out), head));
    if (strcmp(out.data + strlen(head), rows[i].rest) != 0)
      fail_msg("%s is shown as %s", rows[i].data, out.data);
    buf_clear(&out);
    log_put_message(&out, &event);
    assert_true(slice_is(buf_slice(&out), rows[i].message));
    buf_clear(&out);
    log_put_attributes(&out, &event);
    assert_true(slice_is(buf_slice(&out), rows[i].attributes));
    buf_fini(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_records),
      cmocka_unit_test(test_depth),
      cmocka_unit_test(test_plain_text),
      cmocka_unit_test(test_shown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
