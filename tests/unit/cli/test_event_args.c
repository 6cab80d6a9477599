/* cli/event_args: the words of `belfry emit` as JSON. */
#include "cli/event_args.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct row {
  struct event_args args;
  const char *words[6];
  const char *json;  /* NULL when it is refused */
  const char *error; /* a part of what is said */
};

static void check(const struct row *row) {
  struct event_args args = row->args;
  struct belfry_error error = {0};
  struct buf out;
  char texts[6][100], *words[6];
  buf_init(&out, 0);
  for (args.word_count = 0; row->words[args.word_count]; args.word_count++) {
    words[args.word_count] = texts[args.word_count];
    strcpy(texts[args.word_count], row->words[args.word_count]);
  }
  args.words = words;
  int status = event_args_put(&args, &out, &error);
  if (row->json) {
    if (status)
      fail_msg("%s is refused: %s", row->json, error.text);
    assert_string_equal(out.data, row->json);
    json_t *json = json_parse(buf_slice(&out), JSON_DEPTH_DEFAULT, &error);
    if (!json)
      fail_msg("%s: %s", out.data, error.text);
    json_decref(json);
  } else {
    assert_int_equal(status, BELFRY_EINVAL);
    if (!strstr(error.text, row->error))
      fail_msg("it is said '%s' instead of '%s'", error.text, row->error);
  }
  buf_fini(&out);
}

static void test_events(void **state) {
  (void)state;
  static const struct row rows[] = {
      {.words = {"disk", "is full"},
       .json = "{\"event\":\"log\",\"data\":{\"message\":\"disk is full\"}}"},
      {.words = {"disk", "percent=93", "full", "mount=/var"},
       .json = "{\"event\":\"log\",\"data\":{\"message\":\"disk "
               "full\",\"attributes\":{\"percent\":93,\"mount\":\"/var\"}}}"},
      {.args = {.type = "agent_activity",
                .severity = "info",
                .source = "s\"x",
                .timestamp = "-",
                .id = "id-1"},
       .words = {"agent=a", "action=invoked"},
       .json = "{\"event\":\"agent_activity\",\"severity\":\"info\",\"source\":\"s\\\"x\","
               "\"timestamp\":\"-\",\"event_id\":"
               "\"id-1\",\"data\":{\"agent\":\"a\",\"action\":\"invoked\"}}"},
      {.args = {.type = "x"}, .json = "{\"event\":\"x\",\"data\":{}}"},
      {.args = {.type = "x", .message = "a=b \"c\""},
       .words = {"k=1"},
       .json = "{\"event\":\"x\",\"data\":{\"message\":\"a=b \\\"c\\\"\",\"k\":1}}"},
      {.args = {.type = "x", .data = " { \"price\" : 96.70 } "},
       .words = {"k=v"},
       .json = "{\"event\":\"x\",\"data\":{\"price\" : 96.70,\"k\":\"v\"}}"},
      {.args = {.type = "x", .data = "{}"},
       .words = {"said"},
       .json = "{\"event\":\"x\",\"data\":{\"message\":\"said\"}}"},
      {.args = {.type = "x", .data = "{ }"},
       .words = {"k=v"},
       .json = "{\"event\":\"x\",\"data\":{\"k\":\"v\"}}"},
      {.args = {.type = "x", .data = "{\"a\":1}"},
       .words = {"m", "k=v"},
       .json = "{\"event\":\"x\",\"data\":{\"message\":\"m\",\"a\":1,\"k\":\"v\"}}"},
      {.args = {.data = "{\"message\":\"m\"}"},
       .words = {"k=v"},
       .json = "{\"event\":\"log\",\"data\":{\"message\":\"m\",\"attributes\":{\"k\":\"v\"}}}"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check(&rows[i]);
}

static void test_values(void **state) {
  (void)state;
  static const struct {
    const char *word, *value;
  } rows[] = {
      {"k=1", "1"},
      {"k=-1.50", "-1.50"},
      {"k=1e3", "1e3"},
      {"k=true", "true"},
      {"k=false", "false"},
      {"k=null", "null"},
      {"k=", "\"\""},
      {"k=01", "\"01\""},
      {"k=+1", "\"+1\""},
      {"k=1.", "\"1.\""},
      {"k=0x1", "\"0x1\""},
      {"k=True", "\"True\""},
      {"k=1 ", "\"1 \""},
      {"k= 1", "\" 1\""},
      {"k=[1]", "\"[1]\""},
      {"k=\"a\"", "\"\\\"a\\\"\""},
      {"k=a=b", "\"a=b\""},
      {"k=NaN", "\"NaN\""},
      {"k=1e999", "\"1e999\""},
      {"k=-", "\"-\""},
      {"k=1,\"x\":2", "\"1,\\\"x\\\":2\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char json[200];
    snprintf(json, sizeof json, "{\"event\":\"x\",\"data\":{\"k\":%s}}", rows[i].value);
    struct row row = {.args = {.type = "x"}, .words = {rows[i].word}, .json = json};
    check(&row);
  }
}

static void test_what_is_no_pair_is_message(void **state) {
  (void)state;
  static const char *const words[] = {"=x", "1=x", "-a=x", "a b=c", "a/b=c", "http://h/?q=1"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    char json[200];
    snprintf(json, sizeof json, "{\"event\":\"log\",\"data\":{\"message\":\"%s\"}}", words[i]);
    struct row row = {.words = {words[i]}, .json = json};
    check(&row);
  }
}

static void test_mistakes(void **state) {
  (void)state;
  static const struct row rows[] = {
      {.words = {"k=v"}, .error = "a log line needs a message"},
      {.words = {"m", "k=v", "k=w"}, .error = "'k' is given twice"},
      {.args = {.message = "m"}, .words = {"n"}, .error = "'n' would be a second message"},
      {.args = {.type = "x", .data = "[1]"}, .error = "--data must be a JSON object"},
      {.args = {.type = "x", .data = "{"}, .error = "--data is not JSON"},
      {.args = {.type = "x", .data = ""}, .error = "--data is not JSON"},
      {.args = {.type = "x", .data = "{\"a\":1}"},
       .words = {"a=2"},
       .error = "--data has `a` already"},
      {.args = {.type = "x", .data = "{\"message\":1}"},
       .words = {"m"},
       .error = "--data has a `message` already"},
      {.args = {.data = "{\"message\":\"m\",\"attributes\":{}}"},
       .words = {"a=2"},
       .error = "--data has `attributes` already"},
      {.args = {.type = "x"}, .words = {"a=\xff"}, .error = "is not UTF-8"},
      {.args = {.type = "x"}, .words = {"\xff"}, .error = "is not UTF-8"},
      {.args = {.type = "x", .source = "\xff"}, .error = "is not UTF-8"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check(&rows[i]);
}

static void test_lines(void **state) {
  (void)state;
  static const struct {
    const char *line, *put; /* NULL: refused */
  } rows[] = {
      {"{\"event\":\"x\"}", "{\"event_id\":\"ID\",\"event\":\"x\"}"},
      {" {\"event\":\"x\",\"event_id\":\"mine\"}\r", "{\"event\":\"x\",\"event_id\":\"mine\"}"},
      {"{\"n\":96.70,\r\"e\":1}", "{\"event_id\":\"ID\",\"n\":96.70, \"e\":1}"},
      {"{}", "{\"event_id\":\"ID\"}"},
      {"{ }", "{\"event_id\":\"ID\" }"},
      {"[]", NULL},
      {"{\"a\":1}x", NULL},
      {"", NULL},
      {"{\"a\":1,\"a\":2}", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out;
    struct belfry_error error = {0};
    buf_init(&out, 0);
    int status = event_line_put(slice_of(rows[i].line), "ID", NULL, &out, &error);
    assert_int_equal(status, rows[i].put ? 0 : BELFRY_EINVAL);
    if (rows[i].put)
      assert_string_equal(out.data, rows[i].put);
    else
      assert_non_null(strstr(error.text, "not a JSON object"));
    buf_fini(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_events),
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_what_is_no_pair_is_message),
      cmocka_unit_test(test_mistakes),
      cmocka_unit_test(test_lines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
