/* cli/show, url and backoff: what a terminal is given, what a server is asked, how long is waited.
 */
#include "cli/backoff.h"
#include "cli/show.h"
#include "cli/url.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void test_text_is_escaped(void **state) {
  (void)state;
  static const struct {
    const char *text, *shown;
  } rows[] = {
      {"plain ä 監視 🦇", "plain ä 監視 🦇"},
      {"\x1b[2J", "\\x1b[2J"},
      {"a\nb\tc\rd", "a\\nb\\tc\\x0dd"},
      {"\x7f\xc2\x80\xc2\x9b"
       "1m\xc2\xa0",
       "\\x7f\\x80\\x9b"
       "1m\xc2\xa0"},
      {"\u202eevil\u2066\u200f", "\\u202eevil\\u2066\\u200f"},
      {"\u2028\ufeff", "\\u2028\\ufeff"},
      {"\xff\xc3", "\\xff\\xc3"},
      {"\x9b"
       "31m",
       "\\x9b"
       "31m"}, /* C1 as a single byte */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out;
    buf_init(&out, 0);
    show_put_escaped(&out, slice_of(rows[i].text));
    assert_string_equal(out.data, rows[i].shown);
    buf_fini(&out);
  }
}

static void test_json_stays_the_same_json(void **state) {
  (void)state;
  static const char text[] = "{\"a\":\"\xc2\x9b"
                             "31m\x7f\u202e\\u001b ä\",\n\t\"n\":96.70}";
  struct buf out;
  buf_init(&out, 0);
  show_put_json(&out, slice_of(text));
  assert_string_equal(out.data, "{\"a\":\"\\u009b31m\\u007f\\u202e\\u001b ä\",  \"n\":96.70}");
  json_t *before = json_parse(slice_of(text), 3, NULL),
         *after = json_parse(buf_slice(&out), 3, NULL);
  assert_true(json_equal(before, after));
  json_decref(before);
  json_decref(after);
  buf_fini(&out);
}

static void test_event_lines(void **state) {
  (void)state;
  static const struct {
    const char *event, *line;
  } rows[] = {
      {"{\"event\":\"agent_activity\",\"data\":{\"agent\":\"a\",\"n\":96.70,\"ok\":true},\"id\":3,"
       "\"severity\":\"info\","
       "\"source\":\"web\",\"timestamp\":\"2026-11-20T10:30:00.123Z\"}",
       "2026-11-20 11:30:00.123 info     web agent_activity agent=a n=96.70 ok=true\n"},
      {"{\"event\":\"log\",\"data\":{\"attributes\":{\"k\":\"v\"},\"message\":\"full\\n\\u001b["
       "2J\"},\"severity\":\"critical\","
       "\"source\":\"a\\u0007b\",\"timestamp\":\"2026-07-20T10:30:00Z\"}",
       "2026-07-20 12:30:00.000 critical a\\x07b log full\\n\\x1b[2J k=v\n"},
      {"{\"event\":\"x\",\"data\":{\"k\\u001b\":[1,{\"a\":2}]},\"severity\":\"odd\",\"source\":"
       "\"\",\"timestamp\":5}",
       "5 odd       x k\\u001b=[1,{\"a\":2}]\n"},
      {"{\"id\":1}", "- -        - -\n"},
  };
  setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  tzset();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct buf out;
    buf_init(&out, 0);
    show_put_event(&out, slice_of(rows[i].event), false);
    if (i < 3)
      assert_string_equal(out.data, rows[i].line);
    assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 1);
    buf_fini(&out);
  }
}

static void test_colour_by_severity(void **state) {
  (void)state;
  static const char *const names[] = {"debug", "info", "success", "warning", "error", "critical"};
  char seen[6][32];
  for (size_t i = 0; i < 6; i++) {
    char event[200];
    struct buf out;
    buf_init(&out, 0);
    snprintf(event, sizeof event,
             "{\"event\":\"x\",\"data\":{},\"severity\":\"%s\",\"source\":\"s\",\"timestamp\":"
             "\"2026-11-20T10:30:00Z\"}",
             names[i]);
    show_put_event(&out, slice_of(event), true);
    const char *start = strchr(out.data, '\x1b'), *name = strstr(out.data, names[i]);
    assert_true(start && name > start);
    snprintf(seen[i], sizeof seen[i], "%.*s", (int)(name - start), start);
    assert_non_null(strstr(name, "\x1b[0m "));
    for (size_t other = 0; other < i; other++)
      assert_string_not_equal(seen[i], seen[other]);
    buf_fini(&out);
  }
}

static void test_long_data_is_cut(void **state) {
  (void)state;
  struct buf event, out;
  buf_init(&event, 0);
  buf_init(&out, 0);
  buf_put_text(
      &event,
      "{\"event\":\"x\",\"severity\":\"info\",\"source\":\"s\",\"timestamp\":0,\"data\":{\"k\":\"");
  for (int i = 0; i < 1000; i++)
    buf_put_text(&event, "ä");
  buf_put_text(&event, "\"}}");
  show_put_event(&out, buf_slice(&event), false);
  assert_true(out.len < 500);
  assert_int_equal(utf8_valid_prefix(buf_slice(&out)), out.len);
  assert_string_equal(out.data + out.len - 5, " ...\n");
  buf_fini(&event);
  buf_fini(&out);
}

static void test_parameters_are_encoded(void **state) {
  (void)state;
  struct buf path;
  buf_init(&path, 0);
  buf_put_text(&path, "events");
  url_put_parameter(&path, "none", NULL);
  url_put_parameter(&path, "q", "a b&c=d+e%/?#\"ä*");
  url_put_parameter(&path, "x", "A-z_0.9~");
  assert_string_equal(path.data, "events?q=a%20b%26c%3Dd%2Be%25%2F%3F%23%22%C3%A4%2A&x=A-z_0.9~");
  buf_fini(&path);
}

static void test_backoff_doubles_with_jitter(void **state) {
  (void)state;
  int64_t step = BACKOFF_FIRST_MS;
  struct backoff backoff = {0};
  for (int i = 0; i < 50; i++) {
    int64_t wait = backoff_next_ms(&backoff);
    if (wait < step / 2 || wait > step)
      fail_msg("step %d waits %lld ms, not from %lld to %lld", i, (long long)wait,
               (long long)step / 2, (long long)step);
    step = step * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : step * 2;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_is_escaped),
      cmocka_unit_test(test_json_stays_the_same_json),
      cmocka_unit_test(test_event_lines),
      cmocka_unit_test(test_colour_by_severity),
      cmocka_unit_test(test_long_data_is_cut),
      cmocka_unit_test(test_parameters_are_encoded),
      cmocka_unit_test(test_backoff_doubles_with_jitter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
