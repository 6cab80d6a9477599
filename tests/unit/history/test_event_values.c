/* lib/history/event_values: what statements are given of an event's data. */
#include "history/event_values_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NUMBER SQL_EVENT_INSERT /* a place to learn a statement of ours in */

static sqlite3 *db;
static struct event_values values;

static int setup(void **state) {
  (void)state;
  event_values__init(&values);
  return sqlite3_open(":memory:", &db) != SQLITE_OK;
}

static int teardown(void **state) {
  (void)state;
  event_values__fini(&values);
  return sqlite3_close(db) != SQLITE_OK;
}

static sqlite3_stmt *prepared(const char *parameter) {
  char sql[300];
  sqlite3_stmt *statement = NULL;
  snprintf(sql, sizeof sql, "SELECT quote(%s)", parameter);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  return statement;
}

/* What SQLite's quote() makes of the parameter, with that data; borrowed until the next call. */
static const char *given(const char *parameter, const char *data) {
  static char text[1000];
  static int64_t id;
  const struct event event = {.id = ++id, .data = slice_of(data)};
  struct belfry_error error = {0};
  sqlite3_stmt *statement = prepared(parameter);
  event_values__fini(&values);
  event_values__init(&values);
  assert_int_equal(event_values__learn(&values, NUMBER, statement, &error), 0);
  assert_int_equal(event_values__bind(&values, NUMBER, statement, &event), SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  snprintf(text, sizeof text, "%s", (const char *)sqlite3_column_text(statement, 0));
  sqlite3_finalize(statement);
  return text;
}

static void test_names(void **state) {
  (void)state;
  assert_string_equal(given(":name_agent", "{\"agent\":\"Ada\"}"), "'Ada'");
  assert_string_equal(given(":name_agent", "{\"x\":{\"agent\":\"no\"},\"agent\":7}"), "'7'");
  assert_string_equal(given(":name_agent", "{\"agent\":123456789012345678901}"),
                      "'123456789012345678901'");
  const char *const none[] = {"{}",
                              "{\"agent\":\"\"}",
                              "{\"agent\":null}",
                              "{\"agent\":true}",
                              "{\"agent\":7.5}",
                              "{\"agent\":[1]}",
                              "{\"agent\":{\"agent\":\"x\"}}",
                              "{\"agents\":\"x\"}"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    assert_string_equal(given(":name_agent", none[i]), "NULL");
}

static void test_texts_are_decoded_and_cut_between_characters(void **state) {
  (void)state;
  assert_string_equal(given(":text3_a", "{\"a\":\"\\u00e4\\\"b\xc3\xa4z\"}"), "'\xc3\xa4\"b'");
  assert_string_equal(
      given(":text4_a", "{\"a\":\"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\"}"),
      "'\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac'");
  assert_string_equal(given(":text9_a", "{\"a\":\"short\"}"), "'short'");
  assert_string_equal(given(":text9_a", "{\"a\":5}"), "NULL");
  char data[200], want[140];
  memset(want, 'n', sizeof want);
  snprintf(data, sizeof data, "{\"a\":\"%.139s\"}", want);
  want[0] = want[129] = '\'';
  want[130] = '\0';
  assert_string_equal(given(":name_a", data), want);
}

static void test_numbers(void **state) {
  (void)state;
  assert_string_equal(given(":number_n", "{\"n\":96}"), "96");
  assert_string_equal(given(":number_n", "{\"n\":-0.5}"), "-0.5");
  assert_string_equal(given(":number_n", "{\"n\":100000000000000000000}"), "1.0e+20");
  const char *const none[] = {"{\"n\":\"5\"}", "{\"n\":true}", "{\"n\":1e999}", "{\"n\":[5]}",
                              "{}"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    assert_string_equal(given(":number_n", none[i]), "NULL");
}

static void test_flags(void **state) {
  (void)state;
  assert_string_equal(given(":flag_f", "{\"f\":false}"), "0");
  assert_string_equal(given(":flag_f", "{\"f\":0}"), "0");
  assert_string_equal(given(":flag_f", "{\"f\":true}"), "1");
  assert_string_equal(given(":flag_f", "{\"f\":\"no\"}"), "1");
  assert_string_equal(given(":flag_f", "{\"f\":null}"), "NULL");
  assert_string_equal(given(":flag_f", "{}"), "NULL");
}

/* Two texts of one event, of which both have to be decoded, stay good beside each other; and those
   of the next event are others. */
static void test_texts_stay_until_the_next_event(void **state) {
  (void)state;
  struct belfry_error error = {0};
  sqlite3_stmt *statement = NULL;
  const char *const data[] = {"{\"a\":\"\\u0041\\u0042\",\"b\":\"\\n\\u0043\"}",
                              "{\"b\":\"\\u0044\"}"};
  const char *const want[] = {"AB|\nC|A", "-|D|-"};
  assert_int_equal(
      sqlite3_prepare_v2(
          db, "SELECT coalesce(:text9_a, '-') || '|' || :text9_b || '|' || coalesce(:text1_a, '-')",
          -1, &statement, NULL),
      SQLITE_OK);
  assert_int_equal(event_values__learn(&values, NUMBER, statement, &error), 0);
  for (int i = 0; i < 2; i++) { /* an id may come again, when what had it was undone */
    const struct event event = {.id = 1, .data = slice_of(data[i])};
    event_values__turn(&values);
    assert_int_equal(event_values__bind(&values, NUMBER, statement, &event), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), want[i]);
    sqlite3_reset(statement);
  }
  sqlite3_finalize(statement);
}

static void test_parameters_that_are_none(void **state) {
  (void)state;
  const char *const wrong[] = {
      ":agent", ":text_agent", ":text0_agent", ":text99999_agent", ":number_", ":nameagent", "?"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct belfry_error error = {0};
    sqlite3_stmt *statement = prepared(wrong[i]);
    if (event_values__learn(&values, NUMBER, statement, &error) != BELFRY_EINVAL)
      fail_msg("%s is taken", wrong[i]);
    assert_non_null(strstr(error.text, "event_insert"));
    sqlite3_finalize(statement);
  }
}

/* A projection that needs a member is run only where the data has it. */
static void test_what_is_needed(void **state) {
  (void)state;
  struct belfry_error error = {0};
  sqlite3_stmt *statement = prepared(":name_agent_id");
  const struct event with = {.id = 1, .data = slice_of("{\"agent_id\":\"a\"}")};
  const struct event without = {.id = 2, .data = slice_of("{\"agent\":\"agent_id\"}")};
  assert_int_equal(event_values__learn(&values, SQL_PROJECT_AGENT_NAMED, statement, &error), 0);
  assert_true(event_values__wanted(&values, SQL_PROJECT_AGENT_NAMED, &with));
  assert_false(event_values__wanted(&values, SQL_PROJECT_AGENT_NAMED, &without));
  assert_true(event_values__wanted(&values, SQL_PROJECT_AGENT, &without));
  sqlite3_finalize(statement);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_names, setup, teardown),
      cmocka_unit_test_setup_teardown(test_texts_are_decoded_and_cut_between_characters, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_flags, setup, teardown),
      cmocka_unit_test_setup_teardown(test_texts_stay_until_the_next_event, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parameters_that_are_none, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_is_needed, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
