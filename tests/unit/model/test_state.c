/* lib/model/state: the snapshot over a real history on disk. */
#include "base/json.h"
#include "model/state.h"
#include "stored.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS STORED_NOW_MS

static void store_sample(struct stored *f, const char *metric, const char *labels, int64_t at_ms,
                         double value) {
  struct belfry_error error = {0};
  const struct sample sample = {slice_of(metric), slice_of(labels), at_ms, value};
  stored_must(history_writer_begin_group(f->writer, &error), &error);
  stored_must(history_writer_sample(f->writer, &sample, &error), &error);
  stored_must(history_writer_commit_group(f->writer, &error), &error);
}

static void store_daemon(struct stored *f, const char *name, int64_t started_ms, int64_t updated_ms,
                         const char *figures) {
  struct belfry_error error = {0};
  int64_t changed;
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("name", slice_of(name)),
      HISTORY_VALUE_TEXT("version", slice_of("1")),
      HISTORY_VALUE_INTEGER("pid", 7),
      HISTORY_VALUE_INTEGER("started", started_ms),
      HISTORY_VALUE_INTEGER("updated", updated_ms),
      HISTORY_VALUE_TEXT("data", slice_of(figures)),
  };
  stored_must(history_writer_begin_group(f->writer, &error), &error);
  stored_must(history_writer_mutate(f->writer, slice_of("daemon_report"), HISTORY_ORIGIN_PUSHD,
                                    values, sizeof values / sizeof *values, &changed, &error),
              &error);
  stored_must(history_writer_commit_group(f->writer, &error), &error);
}

/* Returns: owned. */
static json_t *snapshot(struct stored *f, unsigned parts, int64_t now_ms, uint64_t *fingerprint) {
  struct belfry_error error = {0};
  struct buf out;
  struct state_text text;
  buf_init(&out, 0);
  const struct state_now now = {now_ms, 3600000, 3600000};
  state_text_init(&text, &out);
  stored_must(state_put(f->history, parts, &now, &text, &error), &error);
  *fingerprint = state_text_fingerprint(&text);
  json_t *value = json_parse(buf_slice(&out), JSON_DEPTH_DEFAULT, &error);
  if (!value)
    fail_msg("%s: %s", error.text, out.data);
  buf_fini(&out);
  return value;
}

static double number_at(json_t *value, const char *path) {
  char copy[128];
  snprintf(copy, sizeof copy, "%s", path);
  for (char *save = NULL, *key = strtok_r(copy, ".", &save); key; key = strtok_r(NULL, ".", &save))
    value = json_object_get(value, key);
  if (!json_is_number(value))
    fail_msg("%s is no number", path);
  return json_number_value(value);
}

static void test_an_empty_history(void **state) {
  struct stored *f = *state;
  uint64_t fingerprint;
  json_t *value = snapshot(f, STATE_ALL, NOW_MS, &fingerprint);
  assert_true(number_at(value, "metrics.total_events") == 0);
  assert_true(
      json_is_null(json_object_get(json_object_get(value, "metrics"), "avg_quality_score")));
  assert_int_equal(json_object_size(json_object_get(value, "host")), 0);
  assert_int_equal(json_array_size(json_object_get(value, "services")), 0);
  json_decref(value);
}

static void test_what_events_add_up_to(void **state) {
  struct stored *f = *state;
  uint64_t fingerprint;
  stored_event(f, "agent_execution_started", "{\"agent_name\":\"a\",\"task_description\":\"t\"}");
  stored_event(f, "agent_execution_started", "{\"agent_name\":\"b\"}");
  stored_event(f, "agent_execution_completed",
               "{\"agent_name\":\"b\",\"success\":false,\"quality_score\":0.5}");
  stored_event(f, "quality_score_updated", "{\"quality_score\":1}");
  stored_event(f, "quality_score_updated", "{\"quality_score\":\"not a number\"}");
  stored_event(f, "opportunity_discovered", "{\"opportunity_id\":\"o\",\"confidence_score\":80}");
  stored_event(f, "opportunity_discovered", "{\"opportunity_id\":\"o\",\"title\":\"again\"}");
  stored_event(f, "session_update",
               "{\"session_id\":\"s\",\"state\":\"active\",\"token_usage\":1200}");
  stored_event(f, "error_occurred", "{}");
  stored_event(f, "log", "{\"message\":\"not counted\"}");
  json_t *value = snapshot(f, STATE_STATS, NOW_MS, &fingerprint);
  assert_true(number_at(value, "metrics.total_events") == 9);
  assert_true(number_at(value, "metrics.total_agents_executed") == 1);
  assert_true(number_at(value, "metrics.total_opportunities_discovered") == 1);
  assert_true(number_at(value, "metrics.avg_quality_score") == 0.75);
  assert_true(number_at(value, "metrics.total_errors") == 1);
  assert_true(number_at(value, "active_agents") == 1);
  assert_true(number_at(value, "recent_events") == 9);
  assert_true(number_at(value, "sessions.by_state.active") == 1);
  assert_true(number_at(value, "sessions.token_usage") == 1200);
  json_decref(value);
}

static void test_data_of_any_shape_is_survived(void **state) {
  struct stored *f = *state;
  static const char *const types[] = {
      "agent_registered", "agent_execution_started", "agent_execution_completed",
      "agent_activity",   "opportunity_discovered",  "quality_score_updated",
      "error_occurred",   "file_operation",          "session_update"};
  static const char *const datas[] = {
      "{}",
      "{\"agent_name\":7,\"agent_id\":[1],\"agent\":{\"x\":1},\"success\":\"yes\",\"quality_"
      "score\":{},\"session_id\":{}}",
      "{\"agent_name\":null,\"confidence_score\":[],\"revenue_potential\":{\"usd\":1},\"duration_"
      "ms\":\"1\"}",
      "{\"agent_name\":true,\"success\":null,\"action\":[\"invoked\"],\"session_id\":5,\"state\":{}"
      "}",
  };
  for (size_t t = 0; t < sizeof types / sizeof *types; t++)
    for (size_t d = 0; d < sizeof datas / sizeof *datas; d++)
      stored_event(f, types[t], datas[d]);
}

static void test_the_host(void **state) {
  struct stored *f = *state;
  uint64_t fingerprint;
  store_sample(f, "host_cpu_percent", "{}", NOW_MS, 12.5);
  store_sample(f, "host_disk_percent", "{\"mount\":\"/\"}", NOW_MS - 1000, 40);
  store_sample(f, "host_disk_percent", "{\"mount\":\"/a \\\"b\\\"\"}", NOW_MS, 50);
  store_sample(f, "host_disk_percent", "{}", NOW_MS, 1);
  store_sample(f, "host_old", "{}", NOW_MS - 3600000, 1);
  store_sample(f, "hostile", "{}", NOW_MS, 1);
  json_t *value = snapshot(f, STATE_HOST, NOW_MS, &fingerprint);
  json_t *host = json_object_get(value, "host"), *disks = json_object_get(host, "disk_percent");
  assert_true(number_at(host, "cpu_percent") == 12.5);
  assert_int_equal(json_object_size(disks), 2);
  assert_true(json_number_value(json_object_get(disks, "/a \"b\"")) == 50);
  assert_string_equal(json_string_value(json_object_get(host, "timestamp")),
                      "2026-11-20T10:30:00.000Z");
  assert_int_equal(json_object_size(host),
                   3); /* and neither the old one nor what is not of the host */
  json_decref(value);
}

static void test_a_clock_is_no_change(void **state) {
  struct stored *f = *state;
  uint64_t first, later, changed, other_client;
  store_daemon(f, "belfry-historyd", NOW_MS - 60000, NOW_MS, "{}");
  store_daemon(f, "belfry-pushd", NOW_MS - 60000, NOW_MS, "{\"clients\":2}");
  json_t *value = snapshot(f, STATE_ALL, NOW_MS, &first);
  assert_true(number_at(value, "system_uptime_seconds") == 60);
  assert_true(number_at(value, "connected_clients") == 2);
  json_decref(value);
  store_daemon(f, "belfry-historyd", NOW_MS - 60000, NOW_MS + 1000, "{}");
  store_daemon(f, "belfry-pushd", NOW_MS - 60000, NOW_MS + 1000, "{\"clients\":2}");
  json_decref(snapshot(f, STATE_ALL, NOW_MS + 1000, &later));
  assert_true(first == later);
  store_daemon(f, "belfry-pushd", NOW_MS - 60000, NOW_MS + 1000, "{\"clients\":3}");
  json_decref(snapshot(f, STATE_ALL, NOW_MS + 1000, &other_client));
  assert_true(later != other_client);
  json_decref(
      snapshot(f, STATE_ALL, NOW_MS + 1001 + DAEMON_STALE_MS, &changed)); /* they are gone now */
  assert_true(other_client != changed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_an_empty_history, stored_set_up, stored_tear_down),
      cmocka_unit_test_setup_teardown(test_what_events_add_up_to, stored_set_up, stored_tear_down),
      cmocka_unit_test_setup_teardown(test_data_of_any_shape_is_survived, stored_set_up,
                                      stored_tear_down),
      cmocka_unit_test_setup_teardown(test_the_host, stored_set_up, stored_tear_down),
      cmocka_unit_test_setup_teardown(test_a_clock_is_no_change, stored_set_up, stored_tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
