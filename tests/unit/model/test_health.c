/* lib/model/health: snapshots of now and of the past, over a real history on disk. */
#include "base/json.h"
#include "model/health.h"
#include "stored.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS      STORED_NOW_MS /* a multiple of the interval */
#define INTERVAL_MS 60000
#define MINUTE_MS   INT64_C(60000)

static const struct health_rules rules = {
    .interval_ms = INTERVAL_MS, .cpu_max = 90, .mem_max = 80, .watching = true};

static void mutate(struct stored *f, const char *statement, const struct history_value *values,
                   size_t count) {
  struct belfry_error error = {0};
  int64_t changed;
  stored_must(history_writer_begin_group(f->writer, &error), &error);
  stored_must(history_writer_mutate(f->writer, slice_of(statement), HISTORY_ORIGIN_WATCHD, values,
                                    count, &changed, &error),
              &error);
  stored_must(history_writer_commit_group(f->writer, &error), &error);
}

static void watch(struct stored *f, const char *name) {
  const struct history_value values[] = {HISTORY_VALUE_TEXT("name", slice_of(name)),
                                         HISTORY_VALUE_INTEGER("last_change", NOW_MS)};
  mutate(f, "service_watch", values, 2);
}

static void watcher_runs(struct stored *f, int64_t updated_ms) {
  const struct history_value values[] = {
      HISTORY_VALUE_TEXT("name", slice_of("belfry-watchd")),
      HISTORY_VALUE_TEXT("version", slice_of("1")),
      HISTORY_VALUE_INTEGER("pid", 7),
      HISTORY_VALUE_INTEGER("started", 1),
      HISTORY_VALUE_INTEGER("updated", updated_ms),
      HISTORY_VALUE_TEXT("data", slice_of("{}")),
  };
  mutate(f, "daemon_report", values, sizeof values / sizeof *values);
}

/* `ago` in minutes. */
static void change(struct stored *f, const char *name, const char *status, double ago) {
  char data[200];
  snprintf(data, sizeof data, "{\"service\":\"%s\",\"status\":\"%s\",\"message\":\"so\"}", name,
           status);
  stored_begin(f);
  stored_put(f, "health_changed", "watchd", NOW_MS - (int64_t)(ago * (double)MINUTE_MS), data);
  stored_commit(f);
}

static void sample(struct stored *f, const char *metric, const char *labels, double ago,
                   double value) {
  struct belfry_error error = {0};
  const struct sample sample = {slice_of(metric), slice_of(labels),
                                NOW_MS - (int64_t)(ago * (double)MINUTE_MS), value};
  stored_must(history_writer_begin_group(f->writer, &error), &error);
  stored_must(history_writer_sample(f->writer, &sample, &error), &error);
  stored_must(history_writer_commit_group(f->writer, &error), &error);
}

static json_t *parsed(struct buf *out) {
  struct belfry_error error = {0};
  json_t *value = json_parse(buf_slice(out), JSON_DEPTH_DEFAULT, &error);
  if (!value)
    fail_msg("%s: %s", error.text, out->data);
  buf_fini(out);
  return value;
}

/* Returns: owned. */
static json_t *snapshot(struct stored *f) {
  struct belfry_error error = {0};
  struct buf out;
  struct state_text text;
  buf_init(&out, 0);
  state_text_init(&text, &out);
  stored_must(health_put(f->history, &rules, NOW_MS, &text, &error), &error);
  return parsed(&out);
}

static json_t *past(struct stored *f, int64_t to_ms, int64_t limit) {
  struct belfry_error error = {0};
  struct buf out;
  struct state_text text;
  buf_init(&out, 0);
  state_text_init(&text, &out);
  stored_must(health_put_past(f->history, &rules, to_ms, limit, &text, &error), &error);
  return parsed(&out);
}

static const char *text_of(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

static void check_near(double value, double want) {
  if (!(fabs(value - want) < 1e-9))
    fail_msg("%g, but should be %g", value, want);
}

static void test_what_makes_all_of_it_what_it_is(void **state) {
  struct stored *f = *state;
  static const struct {
    const char *service, *status, *overall;
  } steps[] = {{"a", "up", "unknown"}, /* b is not known yet */
               {"b", "up", "healthy"},     {"a", "degraded", "degraded"},
               {"b", "down", "unhealthy"}, {"b", "paused", "degraded"},
               {"a", "up", "healthy"},     {"a", "unknown", "unknown"}};
  watcher_runs(f, NOW_MS);
  json_t *empty = snapshot(f);
  assert_string_equal(text_of(empty, "overall"), "unknown"); /* nothing is watched */
  json_decref(empty);
  watch(f, "a");
  watch(f, "b");
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    change(f, steps[i].service, steps[i].status, 10. - (double)i);
    json_t *now = snapshot(f);
    if (strcmp(text_of(now, "overall"), steps[i].overall) != 0)
      fail_msg("with %s %s it is %s, but should be %s", steps[i].service, steps[i].status,
               text_of(now, "overall"), steps[i].overall);
    json_decref(now);
  }
}

static void test_the_host_degrades_it_on_average_only(void **state) {
  struct stored *f = *state;
  watcher_runs(f, NOW_MS);
  watch(f, "a");
  change(f, "a", "up", 10);
  sample(f, "host_cpu_percent", "{}", 0.5, 100);
  for (int i = 0; i < 4; i++)
    sample(f, "host_cpu_percent", "{}", 0.1 * i, 50);
  sample(f, "host_cpu_percent", "{\"core\":\"0\"}", 0, 1000);
  json_t *now = snapshot(f);
  assert_string_equal(text_of(now, "overall"), "healthy");
  check_near(json_number_value(json_object_get(json_object_get(now, "host"), "load1")), 0);
  json_decref(now);
  sample(f, "host_memory_percent", "{}", 0.2, 81);
  now = snapshot(f);
  assert_string_equal(text_of(now, "overall"), "degraded");
  check_near(json_number_value(json_object_get(json_object_get(now, "host"), "memory_percent")),
             81);
  json_decref(now);
}

static void test_without_the_watcher_nothing_is_known(void **state) {
  struct stored *f = *state;
  watcher_runs(f, NOW_MS - 60000);
  watch(f, "a");
  change(f, "a", "up", 10);
  json_t *now = snapshot(f);
  assert_string_equal(text_of(now, "overall"), "unknown");
  assert_false(json_boolean_value(json_object_get(now, "watching")));
  json_decref(now);
}

static void test_uptimes_and_sparklines_go_with_their_service(void **state) {
  struct stored *f = *state;
  static const char *const names[] = {"B", "a", "a.b", "ab", "zz"};
  watcher_runs(f, NOW_MS);
  for (size_t i = 0; i < 5; i++) {
    char labels[64];
    snprintf(labels, sizeof labels, "{\"service\":\"%s\"}", names[i]);
    watch(f, names[i]);
    change(f, names[i], "up", 100);
    change(f, names[i], "down", (double)i * 6); /* 10 % of an hour a step */
    sample(f, "service_latency_ms", labels, 1.5, (double)i);
    sample(f, "service_latency_ms", labels, 1.4, (double)i + 0.5);
  }
  sample(f, "service_latency_ms", "{\"service\":\"gone\"}", 1.5, 7);
  json_t *now = snapshot(f);
  const json_t *services = json_object_get(now, "services");
  assert_int_equal(json_array_size(services), 5);
  for (size_t i = 0; i < 5; i++) {
    const json_t *service = json_array_get(services, i),
                 *line = json_object_get(service, "sparkline");
    assert_string_equal(text_of(service, "name"), names[i]);
    check_near(json_number_value(json_object_get(json_object_get(service, "uptime_percent"), "1h")),
               100 - 10. * (double)i);
    assert_int_equal(json_array_size(line), HEALTH_SPARKLINE_POINTS);
    /* The last place is the interval that has just begun; the one before it goes from -1 to 0
     * minutes. */
    check_near(json_number_value(json_array_get(line, HEALTH_SPARKLINE_POINTS - 3)),
               (double)i + 0.5);
    assert_true(json_is_null(json_array_get(line, HEALTH_SPARKLINE_POINTS - 2)));
  }
  json_decref(now);
}

static void test_moments_of_the_past(void **state) {
  struct stored *f = *state;
  watch(f, "a");
  watch(f, "b");
  change(f, "a", "up", 30);
  change(f, "a", "down", 3.5);
  change(f, "a", "up", 1.5);
  change(f, "b", "up", 2.5);
  for (int i = 0; i < 10; i++)
    if (i != 5) { /* Belfry did not run then */
      sample(f, "host_cpu_percent", "{}", i + 0.7, 10. * i);
      sample(f, "host_cpu_percent", "{}", i + 0.2, 10. * i + 4);
    }
  sample(f, "service_latency_ms", "{\"service\":\"a\"}", 0.5, 12);
  json_t *all = past(f, NOW_MS + 30000, 8);
  const json_t *snapshots = json_object_get(all, "snapshots");
  static const struct {
    const char *when, *overall, *a, *b;
    double cpu;
  } want[] = {
      {"2026-11-20T10:30:00.000Z", "healthy", "up", "up", 2},
      {"2026-11-20T10:29:00.000Z", "healthy", "up", "up", 12},
      {"2026-11-20T10:28:00.000Z", "unhealthy", "down", "up", 22},
      {"2026-11-20T10:27:00.000Z", "unhealthy", "down", "unknown", 32},
      {"2026-11-20T10:26:00.000Z", "unknown", "up", "unknown", 42},
      {"2026-11-20T10:24:00.000Z", "unknown", "up", "unknown", 62},
      {"2026-11-20T10:23:00.000Z", "unknown", "up", "unknown", 72},
  };
  assert_int_equal(json_array_size(snapshots), sizeof want / sizeof *want);
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    const json_t *one = json_array_get(snapshots, i), *services = json_object_get(one, "services");
    assert_string_equal(text_of(one, "timestamp"), want[i].when);
    assert_string_equal(text_of(one, "overall"), want[i].overall);
    assert_string_equal(text_of(json_array_get(services, 0), "status"), want[i].a);
    assert_string_equal(text_of(json_array_get(services, 1), "status"), want[i].b);
    check_near(json_number_value(json_object_get(json_object_get(one, "host"), "cpu_percent")),
               want[i].cpu);
  }
  const json_t *newest =
      json_array_get(json_object_get(json_array_get(snapshots, 0), "services"), 0);
  check_near(json_number_value(json_object_get(newest, "latency_ms")), 12);
  json_decref(all);
  json_t *earlier = past(f, NOW_MS - 5 * MINUTE_MS, 1);
  assert_int_equal(json_array_size(json_object_get(earlier, "snapshots")),
                   0); /* nothing was measured */
  json_decref(earlier);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, stored_set_up, stored_tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_what_makes_all_of_it_what_it_is),
      TEST(test_the_host_degrades_it_on_average_only),
      TEST(test_without_the_watcher_nothing_is_known),
      TEST(test_uptimes_and_sparklines_go_with_their_service),
      TEST(test_moments_of_the_past),
  };
  return cmocka_run_group_tests_name("model/health", tests, NULL, NULL);
}
