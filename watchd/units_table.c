#include "watchd/units_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX (CGROUP_UNITS_MAX + UNITS_CHARTED_MAX)

const char *const units_states[UNITS_STATES] = {"active", "reloading",  "inactive",
                                                "failed", "activating", "deactivating"};
enum { ACTIVE, RELOADING, INACTIVE, FAILED };

struct row {
  char name[CGROUP_UNIT_BYTES];
  int64_t first_us, last_us; /* when something was seen of it */
  int64_t cpu_us, memory_bytes, tasks;
  double cpu_percent;          /* -1: not known */
  bool used;                   /* in the last reading of uses */
  bool listed, active, failed; /* in the last reading of states */
  bool charted;
};

struct units_table {
  struct row rows[ROWS_MAX]; /* of those that are there, or are charted */
  size_t count, charted;
  int64_t now_us, before_us; /* of the last reading, and of the one before; 0: there was none */
  size_t there;
  int64_t by_state[UNITS_STATES];
};

struct units_table *units_table_new(void) {
  return calloc(1, sizeof(struct units_table));
}

void units_table_free(struct units_table *table) {
  free(table);
}

static struct row *find(struct units_table *table, const char *name) {
  for (size_t i = 0; i < table->count; i++)
    if (strcmp(table->rows[i].name, name) == 0)
      return &table->rows[i];
  return NULL;
}

/* Returns: NULL when there is no place, or the name is too long to be one. */
static struct row *find_or_add(struct units_table *table, const char *name) {
  struct row *row = find(table, name);
  size_t len = strlen(name);
  if (row || table->count == ROWS_MAX || len >= sizeof row->name)
    return row;
  row = &table->rows[table->count++];
  *row = (struct row){.first_us = table->now_us, .cpu_us = -1, .cpu_percent = -1};
  memcpy(row->name, name, len + 1);
  return row;
}

static bool is_there(const struct row *row) {
  return row->used || row->failed;
}

/* --- which are charted --- */

static bool is_settled(const struct units_table *table, const struct row *row) {
  return table->before_us == 0 || table->now_us - row->first_us >= UNITS_SETTLED_US || row->failed;
}

/* One of which nothing was seen for long makes room. */
static void forget_one(struct units_table *table) {
  for (size_t i = 0; i < table->count; i++) {
    struct row *row = &table->rows[i];
    if (row->charted && !is_there(row) && table->now_us - row->last_us >= UNITS_FORGOTTEN_US) {
      row->charted = false;
      table->charted--;
      return;
    }
  }
}

static void chart(struct units_table *table, struct row *row) {
  if (row->charted || !is_settled(table, row))
    return;
  if (table->charted == UNITS_CHARTED_MAX)
    forget_one(table);
  if (table->charted == UNITS_CHARTED_MAX)
    return;
  row->charted = true;
  table->charted++;
}

static int by_memory(const void *left, const void *right) {
  const struct row *a = *(struct row *const *)left, *b = *(struct row *const *)right;
  return (a->memory_bytes < b->memory_bytes) - (a->memory_bytes > b->memory_bytes);
}

static int by_cpu(const void *left, const void *right) {
  const struct row *a = *(struct row *const *)left, *b = *(struct row *const *)right;
  return (a->cpu_percent < b->cpu_percent) - (a->cpu_percent > b->cpu_percent);
}

static void chart_biggest(struct units_table *table) {
  static struct row *used[ROWS_MAX]; /* large; there is one thread */
  size_t count = 0;
  for (size_t i = 0; i < table->count; i++)
    if (table->rows[i].used)
      used[count++] = &table->rows[i];
  qsort(used, count, sizeof *used, by_cpu);
  for (size_t i = 0; i < count && i < UNITS_BIGGEST; i++)
    if (used[i]->cpu_percent >= UNITS_BUSY_PERCENT)
      chart(table, used[i]);
  qsort(used, count, sizeof *used, by_memory);
  for (size_t i = 0; i < count && i < UNITS_BIGGEST; i++)
    chart(table, used[i]);
}

static void drop_absent(struct units_table *table) {
  size_t kept = 0;
  for (size_t i = 0; i < table->count; i++)
    if (is_there(&table->rows[i]) || table->rows[i].charted) {
      if (kept != i)
        table->rows[kept] = table->rows[i];
      kept++;
    }
  table->count = kept;
}

/* --- uses --- */

void units_table_begin_uses(struct units_table *table, int64_t now_us) {
  table->before_us = table->now_us;
  table->now_us = now_us;
  for (size_t i = 0; i < table->count; i++)
    table->rows[i].used = false;
}

void units_table_use(struct units_table *table, const struct cgroup_use *use) {
  struct row *row = find_or_add(table, use->unit);
  if (!row)
    return;
  int64_t took_us = table->now_us - table->before_us;
  /* One that was started anew begins to count again: what it used since is not known. */
  bool known = row->last_us == table->before_us && table->before_us > 0 && took_us > 0 &&
               row->cpu_us >= 0 && use->cpu_us >= row->cpu_us;
  row->cpu_percent = known ? 100. * (double)(use->cpu_us - row->cpu_us) / (double)took_us : -1;
  row->cpu_us = use->cpu_us;
  row->memory_bytes = use->memory_bytes;
  row->tasks = use->tasks;
  row->last_us = table->now_us;
  row->used = true;
}

void units_table_end_uses(struct units_table *table, size_t there) {
  table->there = there;
  chart_biggest(table);
  drop_absent(table);
}

/* --- states --- */

void units_table_begin_states(struct units_table *table) {
  memset(table->by_state, 0, sizeof table->by_state);
  for (size_t i = 0; i < table->count; i++)
    table->rows[i].listed = table->rows[i].failed = false;
}

void units_table_state(struct units_table *table, const char *name, const char *state) {
  int index = 0;
  while (index < UNITS_STATES && strcmp(state, units_states[index]) != 0)
    index++;
  if (index < UNITS_STATES) /* systemd may come to know others */
    table->by_state[index]++;
  struct row *row = index == FAILED ? find_or_add(table, name) : find(table, name);
  if (!row)
    return;
  row->listed = true;
  row->active = index == ACTIVE || index == RELOADING;
  row->failed = index == FAILED;
  if (row->failed)
    row->last_us = table->now_us;
}

void units_table_end_states(struct units_table *table) {
  for (size_t i = 0; i < table->count; i++)
    if (table->rows[i].failed)
      chart(table, &table->rows[i]);
  drop_absent(table);
}

/* --- samples --- */

static void put(const struct host_sink *sink, const struct row *row, const char *metric,
                double value) {
  sink->put(sink->arg, metric, "unit", slice_of(row->name), value);
}

void units_table_put_uses(const struct units_table *table, const struct host_sink *sink) {
  size_t charted = 0;
  for (size_t i = 0; i < table->count; i++) {
    const struct row *row = &table->rows[i];
    if (!row->charted || !row->used)
      continue;
    charted++;
    if (row->cpu_percent >= 0)
      put(sink, row, "unit_cpu_percent", row->cpu_percent);
    if (row->memory_bytes >= 0)
      put(sink, row, "unit_memory_bytes", (double)row->memory_bytes);
    if (row->tasks >= 0)
      put(sink, row, "unit_tasks", (double)row->tasks);
  }
  if (table->there > 0)
    host_put(sink, "host_units_uncharted", (double)(table->there - charted));
}

void units_table_put_states(const struct units_table *table, const struct host_sink *sink) {
  for (int i = 0; i < UNITS_STATES; i++)
    sink->put(sink->arg, "host_units", "state", slice_of(units_states[i]),
              (double)table->by_state[i]);
  for (size_t i = 0; i < table->count; i++)
    if (table->rows[i].charted && table->rows[i].listed)
      put(sink, &table->rows[i], "unit_active", table->rows[i].active);
}
