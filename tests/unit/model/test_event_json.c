/* lib/model/event_json: what is taken as an event, what is refused and why, and how it is shown. */
#include "base/json.h"
#include "model/event_json.h"
#include "model/severity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795170600000) /* 2026-11-20T10:30:00Z */

struct fixture {
  struct event_parsed parsed;
  struct model_problem problem;
  struct ulid_maker ulids;
  struct event_parse_options options;
};

static int set_up(void **state) {
  static struct fixture fixture;
  fixture = (struct fixture){.options = {.now_ms = NOW_MS,
                                         .default_source = {"key-name", 8},
                                         .max_data_bytes = 64,
                                         .ulids = &fixture.ulids}};
  event_parsed_init(&fixture.parsed);
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  event_parsed_fini(&f->parsed);
  return 0;
}

static int parse(struct fixture *f, const char *text) {
  return event_parse(slice_of(text), &f->options, &f->parsed, &f->problem);
}

static void assert_slice(struct slice given, const char *expected) {
  if (!slice_is(given, expected))
    fail_msg("'%.*s' should be '%s'", SLICE_ARG(given), expected);
}

static void test_a_whole_event(void **state) {
  struct fixture *f = *state;
  assert_int_equal(
      parse(
          f,
          " {\"event\":\"agent_activity\",\"severity\":\"Warn\",\"source\":\"b\\u00f6t \\\"1\\\"\","
          "\"timestamp\":\"2026-11-20T11:30:00.5+01:00\",\"event_id\":\"e-1\",\"x\":[1,{\"event\":"
          "2}],"
          "\"data\":{ \"v\":96.7 , \"s\":\"}\\\"\" }} "),
      BELFRY_OK);
  const struct event *event = &f->parsed.event;
  assert_slice(event->type, "agent_activity");
  assert_int_equal(event->severity, SEVERITY_WARNING);
  assert_slice(event->source, "b\xc3\xb6t \"1\"");
  assert_int_equal(event->timestamp_ms, NOW_MS + 500);
  assert_slice(event->event_id, "e-1");
  assert_slice(event->data, "{ \"v\":96.7 , \"s\":\"}\\\"\" }"); /* byte for byte */
}

static void test_what_is_absent_is_made_up(void **state) {
  struct fixture *f = *state;
  char first[ULID_BYTES];
  assert_int_equal(parse(f, "{\"type\":\"error_occurred\",\"data\":null,\"source\":null}"),
                   BELFRY_OK);
  assert_slice(f->parsed.event.type, "error_occurred");
  assert_int_equal(f->parsed.event.severity, SEVERITY_ERROR); /* the type's own */
  assert_slice(f->parsed.event.source, "key-name");
  assert_slice(f->parsed.event.data, "{}");
  assert_int_equal(f->parsed.event.timestamp_ms, NOW_MS);
  assert_int_equal(f->parsed.event.event_id.len, ULID_BYTES - 1);
  memcpy(first, f->parsed.event.event_id.data, ULID_BYTES - 1);
  assert_int_equal(parse(f, "{\"event_type\":\"x\"}"), BELFRY_OK);
  assert_int_equal(f->parsed.event.severity, SEVERITY_INFO);
  assert_true(memcmp(first, f->parsed.event.event_id.data, ULID_BYTES - 1) < 0);
}

static void test_event_wins_over_type(void **state) {
  struct fixture *f = *state;
  assert_int_equal(parse(f, "{\"type\":\"b\",\"event_type\":\"c\",\"event\":\"a\"}"), BELFRY_OK);
  assert_slice(f->parsed.event.type, "a");
}

static void test_wrong_events(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *text;
    int code;
    const char *pointer;
  } rows[] = {
      {"{\"event\":", BELFRY_EINVAL, ""},
      {"{\"event\":\"a\",\"event\":\"b\"}", BELFRY_EINVAL, ""},
      {"[]", BELFRY_ECONFLICT, ""},
      {"\"a\"", BELFRY_ECONFLICT, ""},
      {"{}", BELFRY_ECONFLICT, "/event"},
      {"{\"event\":7}", BELFRY_ECONFLICT, "/event"},
      {"{\"event\":\"\"}", BELFRY_ECONFLICT, "/event"},
      {"{\"event\":\"Has Blank\"}", BELFRY_ECONFLICT, "/event"},
      {"{\"type\":\"UPPER\"}", BELFRY_ECONFLICT, "/type"},
      {"{\"event\":\"health_changed\"}", BELFRY_EDENIED, "/event"},
      {"{\"event\":\"audit\"}", BELFRY_EDENIED, "/event"},
      {"{\"event\":\"a\",\"data\":[]}", BELFRY_ECONFLICT, "/data"},
      {"{\"event\":\"a\",\"data\":\"text\"}", BELFRY_ECONFLICT, "/data"},
      {"{\"event\":\"a\",\"severity\":\"loud\"}", BELFRY_ECONFLICT, "/severity"},
      {"{\"event\":\"a\",\"severity\":3}", BELFRY_ECONFLICT, "/severity"},
      {"{\"event\":\"a\",\"source\":\"\"}", BELFRY_ECONFLICT, "/source"},
      {"{\"event\":\"a\",\"source\":\"a\\nb\"}", BELFRY_ECONFLICT, "/source"},
      {"{\"event\":\"a\",\"timestamp\":\"yesterday\"}", BELFRY_ECONFLICT, "/timestamp"},
      {"{\"event\":\"a\",\"timestamp\":true}", BELFRY_ECONFLICT, "/timestamp"},
      {"{\"event\":\"a\",\"timestamp\":-1}", BELFRY_ECONFLICT, "/timestamp"},
      {"{\"event\":\"a\",\"event_id\":{}}", BELFRY_ECONFLICT, "/event_id"},
      {"{\"event\":\"a\",\"data\":{\"long\":"
       "\"0123456789012345678901234567890123456789012345678901234567\"}}",
       BELFRY_ETOOBIG, "/data"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int code = parse(f, rows[i].text);
    if (code != rows[i].code || strcmp(f->problem.pointer, rows[i].pointer) != 0)
      fail_msg("%s: got %d at '%s' (%s), should be %d at '%s'", rows[i].text, code,
               f->problem.pointer, f->problem.detail, rows[i].code, rows[i].pointer);
    assert_true(f->problem.detail[0] != '\0');
  }
}

static void test_too_deep(void **state) {
  struct fixture *f = *state;
  char text[256] = "{\"event\":\"a\",\"data\":{\"x\":";
  for (int i = 0; i < JSON_DEPTH_DEFAULT; i++)
    strcat(text, "[");
  assert_int_equal(parse(f, text), BELFRY_EINVAL);
}

static void test_numeric_times(void **state) {
  struct fixture *f = *state;
  assert_int_equal(parse(f, "{\"event\":\"a\",\"timestamp\":1795170600.25}"), BELFRY_OK);
  assert_int_equal(f->parsed.event.timestamp_ms, NOW_MS + 250);
  assert_int_equal(parse(f, "{\"event\":\"a\",\"timestamp\":1795170600250}"), BELFRY_OK);
  assert_int_equal(f->parsed.event.timestamp_ms, NOW_MS + 250);
}

static void test_shown_on_one_line(void **state) {
  (void)state;
  struct buf out;
  buf_init(&out, 0);
  const struct event event = {.id = 7,
                              .timestamp_ms = NOW_MS,
                              .received_ms = NOW_MS + 1,
                              .severity = SEVERITY_SUCCESS,
                              .type = slice_of("a"),
                              .source = slice_of("say \"hi\""),
                              .event_id = slice_of("e"),
                              .data = slice_of("{\n  \"v\": 96.7\r\n}")};
  event_put_json(&out, &event);
  assert_string_equal(
      out.data,
      "{\"event\":\"a\",\"data\":{   \"v\": 96.7  },\"id\":7,\"event_id\":\"e\","
      "\"severity\":\"success\",\"source\":\"say \\\"hi\\\"\","
      "\"timestamp\":\"2026-11-20T10:30:00.000Z\",\"received\":\"2026-11-20T10:30:00.001Z\"}");
  buf_fini(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_a_whole_event, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_what_is_absent_is_made_up, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_event_wins_over_type, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_wrong_events, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_too_deep, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_numeric_times, set_up, tear_down),
      cmocka_unit_test(test_shown_on_one_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
