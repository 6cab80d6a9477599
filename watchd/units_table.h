/*
 * Which of systemd's units are charted, and their figures. Without I/O and clock: a test gives what
 * was read.
 *
 * A host may have any number of units, and those of single connections or of systemd-run(1) have a
 * new name each time. So only the biggest are charted and those that failed; a unit that has come
 * while we watched must have been there for a minute. One that is charted stays so, also when it is
 * small again, until nothing was seen of it for a day.
 */
#ifndef BELFRY_WATCHD_UNITS_TABLE_H
#define BELFRY_WATCHD_UNITS_TABLE_H

#include "watchd/cgroup.h"
#include "watchd/host_subject.h"

#include <stdbool.h>
#include <stdint.h>

#define UNITS_BIGGEST      20  /* by memory, and by use of the processors */
#define UNITS_CHARTED_MAX  100 /* names at a time */
#define UNITS_BUSY_PERCENT 1   /* of a processor: less is not among the biggest by that */
#define UNITS_SETTLED_US   INT64_C(60000000)
#define UNITS_FORGOTTEN_US INT64_C(86400000000)

/* States that are counted, in systemd's words. */
#define UNITS_STATES 6
extern const char *const units_states[UNITS_STATES];

struct units_table;

/* Returns: owned, free with units_table_free(); NULL out of memory. */
struct units_table *units_table_new(void);
void units_table_free(struct units_table *table);

/* A reading of what they use, at `now_us` (monotonic): begin, one call for each, end. `there` is
 * how many there are, also those of which nothing was given. */
void units_table_begin_uses(struct units_table *table, int64_t now_us);
void units_table_use(struct units_table *table, const struct cgroup_use *use);
void units_table_end_uses(struct units_table *table, size_t there);

/* A reading of their states, likewise. */
void units_table_begin_states(struct units_table *table);
void units_table_state(struct units_table *table, const char *name, const char *state);
void units_table_end_states(struct units_table *table);

/* Puts unit_cpu_percent, unit_memory_bytes, unit_tasks and, where there is anything to count,
 * host_units_uncharted. */
void units_table_put_uses(const struct units_table *table, const struct host_sink *sink);
/* Puts host_units and unit_active. */
void units_table_put_states(const struct units_table *table, const struct host_sink *sink);

#endif
