/* lib/history/filter: which events match. */
#include "history/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct event an_event = {
    .timestamp_ms = 1000,
    .severity = 3,
    .type = {"agent_activity", 14},
    .source = {"bot-7", 5},
    .data = {"{\"message\":\"Time out while Reading\"}", 36},
};

static void test_no_condition_matches(void **state) {
  (void)state;
  assert_true(event_filter_match(&(struct event_filter){0}, &an_event));
}

static void test_types_and_sources(void **state) {
  (void)state;
  struct event_filter filter = {.types = {slice_of("log"), slice_of("agent_*")}, .type_count = 2};
  assert_true(event_filter_match(&filter, &an_event));
  filter.type_count = 1;
  assert_false(event_filter_match(&filter, &an_event));
  filter = (struct event_filter){.not_types = {slice_of("agent_*")}, .not_type_count = 1};
  assert_false(event_filter_match(&filter, &an_event));
  filter = (struct event_filter){.sources = {slice_of("bot-?")}, .source_count = 1};
  assert_true(event_filter_match(&filter, &an_event));
  filter.sources[0] = slice_of("bot-??");
  assert_false(event_filter_match(&filter, &an_event));
}

static void test_severities(void **state) {
  (void)state;
  assert_true(
      event_filter_match(&(struct event_filter){.severities = 1u << 3 | 1u << 4}, &an_event));
  assert_false(event_filter_match(&(struct event_filter){.severities = 1u << 4}, &an_event));
}

static void test_times_include_from_and_exclude_to(void **state) {
  (void)state;
  assert_true(
      event_filter_match(&(struct event_filter){.from_ms = 1000, .to_ms = 1001}, &an_event));
  assert_false(event_filter_match(&(struct event_filter){.from_ms = 1001}, &an_event));
  assert_false(event_filter_match(&(struct event_filter){.to_ms = 1000}, &an_event));
}

static void test_words(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool match;
  } rows[] = {
      {"", true},
      {"  ", true},
      {"time", true},
      {"TIME reading", true},
      {"time writing", false},
      {"\"time out\"", true},
      {"\"out time\"", false},
      {"\"out while\" read", false}, /* words are whole */
      {"\"out while\" read*", true},
      {"read* -tim*", false},
      {"message", false}, /* the name of a member */
      {"-writing", true},
      {"-time", false},
      {"time -reading", false},
      {"-\"out time\" while", true},
      {"-\"time out\"", false},
      {"-", false}, /* a word like any other */
      {"\"\"", true},
      {"\"time out", true}, /* a quote that is not closed goes to the end */
      {"a-very-long-word-that-is-longer-than-the-text-of-the-event", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (event_filter_match(&(struct event_filter){.text = slice_of(rows[i].text)}, &an_event) !=
        rows[i].match)
      fail_msg("the words '%s' should %smatch", rows[i].text, rows[i].match ? "" : "not ");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_condition_matches),
      cmocka_unit_test(test_types_and_sources),
      cmocka_unit_test(test_severities),
      cmocka_unit_test(test_times_include_from_and_exclude_to),
      cmocka_unit_test(test_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
