/* watchd/cgroup.h and watchd/units_table.h: what services use, and which of them are charted. */
#include "watchd/cgroup.h"
#include "watchd/units_table.h"

#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

/* --- trees of control groups --- */

static char root[64];

static void make_root(void) {
  strcpy(root, "/tmp/belfry-cgroup-XXXXXX");
  assert_non_null(mkdtemp(root));
}

static void put_file(const char *path, const char *text) {
  char whole[600];
  snprintf(whole, sizeof whole, "%s/%s", root, path);
  for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')); at++) {
    *at = '\0';
    mkdir(whole, 0700);
    *at = '/';
  }
  FILE *file = fopen(whole, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

static void remove_root(void) {
  nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct seen {
  struct cgroup_use all[8];
  char names[8][CGROUP_UNIT_BYTES];
  size_t count;
};

static void on_use(void *arg, const struct cgroup_use *use) {
  struct seen *seen = arg;
  if (seen->count == 8)
    return;
  snprintf(seen->names[seen->count], CGROUP_UNIT_BYTES, "%s", use->unit);
  seen->all[seen->count++] = *use;
}

static const struct cgroup_use *find(const struct seen *seen, const char *name) {
  for (size_t i = 0; i < seen->count; i++)
    if (strcmp(seen->names[i], name) == 0)
      return &seen->all[i];
  fail_msg("%s was not found", name);
  return NULL;
}

static void expect_use(const struct seen *seen, const char *name, int64_t cpu_us, int64_t memory,
                       int64_t tasks) {
  const struct cgroup_use *use = find(seen, name);
  assert_int_equal(use->cpu_us, cpu_us);
  assert_int_equal(use->memory_bytes, memory);
  assert_int_equal(use->tasks, tasks);
}

static void test_version_2(void **state) {
  (void)state;
  struct seen seen = {0};
  make_root();
  put_file("cgroup.controllers", "cpu memory pids\n");
  put_file("system.slice/nginx.service/cpu.stat", "usage_usec 1500000\nuser_usec 1000000\n");
  put_file("system.slice/nginx.service/memory.current", "8192000\n");
  put_file("system.slice/nginx.service/pids.current", "3\n");
  put_file("system.slice/system-getty.slice/getty@tty1.service/pids.current", "1\n");
  put_file("system.slice/_cpu.service/memory.current", "max\n"); /* an escaped name, no number */
  put_file("user.slice/user-0.slice/user@0.service/memory.current", "5\n");
  put_file("user.slice/user-0.slice/user@0.service/app.slice/inner.service/memory.current", "4\n");
  put_file("docker-0123.scope/memory.current", "7\n");
  assert_int_equal(cgroup_read(root, on_use, &seen), 4);
  assert_int_equal(seen.count, 4);
  expect_use(&seen, "nginx.service", 1500000, 8192000, 3);
  expect_use(&seen, "getty@tty1.service", -1, -1, 1);
  expect_use(&seen, "cpu.service", -1, -1, -1);
  expect_use(&seen, "user@0.service", -1, 5, -1);
  remove_root();
}

static void test_version_1(void **state) {
  (void)state;
  struct seen seen = {0};
  make_root();
  put_file("systemd/system.slice/cron.service/tasks", "17\n");
  put_file("cpuacct/system.slice/cron.service/cpuacct.usage", "2500000000\n");
  put_file("memory/system.slice/cron.service/memory.usage_in_bytes", "4096\n");
  put_file("pids/system.slice/cron.service/pids.current", "2\n");
  put_file("systemd/system.slice/bare.service/tasks", "");
  assert_int_equal(cgroup_read(root, on_use, &seen), 2);
  expect_use(&seen, "cron.service", 2500000, 4096, 2);
  expect_use(&seen, "bare.service", -1, -1, -1);
  remove_root();
}

static void test_none(void **state) {
  (void)state;
  struct seen seen = {0};
  assert_int_equal(cgroup_read("/no/such/folder", on_use, &seen), 0);
  make_root();
  assert_int_equal(cgroup_read(root, on_use, &seen), 0);
  put_file("cgroup.controllers", "\n"); /* a container's own */
  assert_int_equal(cgroup_read(root, on_use, &seen), 0);
  remove_root();
}

/* --- what is charted --- */

struct figures {
  struct {
    char name[320];
    double value;
  } all[1024];
  size_t count;
};
static struct figures figures;

static void put(void *arg, const char *metric, const char *label, struct slice value,
                double number) {
  (void)arg;
  assert_true(figures.count < 1024);
  snprintf(figures.all[figures.count].name, sizeof figures.all->name, label ? "%s{%.*s}" : "%s",
           metric, SLICE_ARG(value));
  figures.all[figures.count++].value = number;
}
static const struct host_sink sink = {put, NULL};

static double value_of(const char *name) {
  for (size_t i = 0; i < figures.count; i++)
    if (strcmp(figures.all[i].name, name) == 0)
      return figures.all[i].value;
  return NAN;
}

static size_t count_of(const char *metric) {
  size_t count = 0;
  for (size_t i = 0; i < figures.count; i++)
    count += strncmp(figures.all[i].name, metric, strlen(metric)) == 0;
  return count;
}

struct service {
  const char *name;
  int64_t cpu_us, memory_bytes;
};

static void read_uses(struct units_table *table, int64_t now_us, const struct service *all,
                      size_t count) {
  figures.count = 0;
  units_table_begin_uses(table, now_us);
  for (size_t i = 0; i < count; i++) {
    const struct cgroup_use use = {all[i].name, all[i].cpu_us, all[i].memory_bytes, 1};
    units_table_use(table, &use);
  }
  units_table_end_uses(table, count);
  units_table_put_uses(table, &sink);
}

static void test_figures(void **state) {
  (void)state;
  struct units_table *table = units_table_new();
  const struct service first[] = {{"a.service", 1000000, 100}, {"b.service", -1, -1}};
  read_uses(table, 100 * SECOND, first, 2);
  assert_true(isnan(value_of("unit_cpu_percent{a.service}"))); /* one reading makes no rate */
  assert_true(value_of("unit_memory_bytes{a.service}") == 100);
  assert_true(isnan(value_of("unit_memory_bytes{b.service}")));
  assert_true(value_of("unit_tasks{b.service}") == 1);
  assert_true(value_of("host_units_uncharted") == 0);
  const struct service second[] = {{"a.service", 2500000, 200}};
  read_uses(table, 105 * SECOND, second, 1);
  assert_true(value_of("unit_cpu_percent{a.service}") == 30);
  assert_int_equal(count_of("unit_"), 3); /* b has ended: nothing is known of it */
  const struct service third[] = {{"a.service", 500, 200}, {"b.service", 10, 10}};
  read_uses(table, 110 * SECOND, third, 2);
  assert_true(isnan(value_of("unit_cpu_percent{a.service}"))); /* it was started anew */
  assert_true(isnan(value_of("unit_cpu_percent{b.service}")));
  units_table_free(table);
}

static void test_short_lived_units_are_not_charted(void **state) {
  (void)state;
  struct units_table *table = units_table_new();
  const struct service old = {"old.service", 0, 1};
  read_uses(table, 1 * SECOND, &old, 1);
  for (int i = 0; i < 1000; i++) { /* each connection a unit of its own, for half a minute */
    char name[64];
    snprintf(name, sizeof name, "ssh@%d-10.0.0.1:22.service", i);
    const struct service now[] = {old, {name, 5, 1000000}};
    read_uses(table, (10 + 30 * i) * SECOND, now, 2);
    read_uses(table, (30 + 30 * i) * SECOND, now, 2);
    assert_int_equal(count_of("unit_memory_bytes"), 1);
    assert_true(value_of("host_units_uncharted") == 1);
  }
  const struct service lasting[] = {old, {"new.service", 5, 5}};
  read_uses(table, 40000 * SECOND, lasting, 2);
  read_uses(table, 40061 * SECOND, lasting, 2);
  assert_true(value_of("unit_memory_bytes{new.service}") == 5);
  units_table_free(table);
}

static void test_the_number_of_series_is_bounded(void **state) {
  (void)state;
  struct units_table *table = units_table_new();
  static char names[2 * CGROUP_UNITS_MAX][32];
  static struct service all[2 * CGROUP_UNITS_MAX];
  for (int i = 0; i < 2 * CGROUP_UNITS_MAX; i++) {
    snprintf(names[i], sizeof names[i], "s%d.service", i);
    all[i] = (struct service){names[i], 0, i};
  }
  read_uses(table, 1 * SECOND, all, CGROUP_UNITS_MAX);
  assert_int_equal(count_of("unit_memory_bytes"), UNITS_BIGGEST);
  assert_true(value_of("unit_memory_bytes{s1023.service}") == 1023);
  assert_true(value_of("host_units_uncharted") == CGROUP_UNITS_MAX - UNITS_BIGGEST);
  /* Others become the biggest, again and again; those that were stay charted. */
  for (int round = 1; round < 20; round++) {
    for (int i = 0; i < CGROUP_UNITS_MAX; i++)
      all[i].memory_bytes = (i + round * UNITS_BIGGEST) % CGROUP_UNITS_MAX;
    read_uses(table, (1 + 100 * round) * SECOND, all, CGROUP_UNITS_MAX);
  }
  assert_int_equal(count_of("unit_memory_bytes"), UNITS_CHARTED_MAX);
  assert_false(isnan(value_of("unit_memory_bytes{s1023.service}")));
  /* All of them go; after a day others have their places. */
  read_uses(table, 3000 * SECOND, all + CGROUP_UNITS_MAX, UNITS_BIGGEST);
  read_uses(table, 3100 * SECOND, all + CGROUP_UNITS_MAX, UNITS_BIGGEST);
  assert_int_equal(count_of("unit_memory_bytes"), 0);
  read_uses(table, (3000 + 86400) * SECOND, all + CGROUP_UNITS_MAX, UNITS_BIGGEST);
  assert_int_equal(count_of("unit_memory_bytes"), UNITS_BIGGEST);
  units_table_free(table);
}

static void test_states(void **state) {
  (void)state;
  struct units_table *table = units_table_new();
  const struct service one = {"web.service", 0, 1};
  read_uses(table, 1 * SECOND, &one, 1);
  units_table_begin_states(table);
  units_table_state(table, "web.service", "active");
  units_table_state(table, "small.service", "active");
  units_table_state(table, "broken.service", "failed");
  units_table_state(table, "odd.service", "refreshing");
  units_table_end_states(table);
  units_table_put_states(table, &sink);
  assert_true(value_of("host_units{active}") == 2);
  assert_true(value_of("host_units{failed}") == 1);
  assert_true(value_of("host_units{inactive}") == 0);
  assert_true(value_of("unit_active{web.service}") == 1);
  assert_true(value_of("unit_active{broken.service}") == 0);
  assert_int_equal(count_of("unit_active"), 2);
  read_uses(table, 2 * SECOND, &one, 1);
  units_table_begin_states(table);
  units_table_state(table, "web.service", "activating");
  units_table_state(table, "broken.service", "active");
  units_table_end_states(table);
  units_table_put_states(table, &sink);
  assert_true(value_of("unit_active{web.service}") == 0);
  assert_true(value_of("unit_active{broken.service}") == 1); /* it is still charted */
  assert_true(value_of("host_units{failed}") == 0);
  units_table_free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_version_2),
      cmocka_unit_test(test_version_1),
      cmocka_unit_test(test_none),
      cmocka_unit_test(test_figures),
      cmocka_unit_test(test_short_lived_units_are_not_charted),
      cmocka_unit_test(test_the_number_of_series_is_bounded),
      cmocka_unit_test(test_states),
  };
  return cmocka_run_group_tests_name("watchd/units", tests, NULL, NULL);
}
