/*
 * The way out: a read-only view of the history. Each call is one short read transaction; nothing
 * here ever writes, migrates or checkpoints. One handle belongs to one thread.
 */
#ifndef BELFRY_HISTORY_QUERY_H
#define BELFRY_HISTORY_QUERY_H

#include "base/error.h"
#include "history/event.h"
#include "history/filter.h"
#include "history/statements.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history;

/*
 * Opens the history in `dir`. Reads of a handle whose history was removed or replaced on the disk
 * answer BELFRY_EBUSY: close it and open again. While there is none yet, or it is being migrated,
 * BELFRY_EBUSY: try again later. A history of another major schema version is BELFRY_EVERSION.
 * Returns: 0, `*out` owned, free with history_close().
 */
int history_open(const char *dir, struct history **out,
                 struct belfry_error *error) BELFRY_MUST_CHECK;
void history_close(struct history *history);

/* Returns: a number that changes whenever something was committed since. Cheap: no table is read. 0
 * on failure. */
uint64_t history_version(struct history *history);

int history_position(struct history *history, struct history_position *out,
                     struct belfry_error *error) BELFRY_MUST_CHECK;

/* --- events
 * --------------------------------------------------------------------------------------------------------
 */

struct event_query {
  struct event_filter filter;
  int64_t after;  /* only ids above it; 0 for no bound */
  int64_t before; /* only ids below it; 0 for no bound */
  bool newest_first;
  uint32_t limit;    /* most events to give */
  int64_t budget_ms; /* give up after this long; 0 for never */
  bool brief;        /* only id, timestamp and severity of what matches are wanted: nothing else is
                        read that the filter does not need */
};

struct event_page {
  uint32_t count;  /* events given */
  int64_t scanned; /* id up to which (in the query's direction) everything was looked at; go on from
                      there */
  bool more;       /* there may be more beyond `scanned` */
  bool partial;    /* something was left out: the budget ran out, or see below */
  bool damaged;    /* a part of the history that could match cannot be read (the log says which) */
};

/* The event's texts are borrowed until the callback returns. A return other than 0 ends the query
 * with that value. */
typedef int (*event_fn)(void *arg, const struct event *event);

/* Calls `on_event` for what matches, in order of id. `page` may be NULL. */
int history_events(struct history *history, const struct event_query *query, event_fn on_event,
                   void *arg, struct event_page *page,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/* --- samples
 * -------------------------------------------------------------------------------------------------------
 */

struct label_match {
  struct slice key, value;
};

struct sample_query {
  struct slice metric;
  const struct label_match *labels; /* all must match; borrowed */
  size_t label_count;
  /* Series with the same values of these labels come as one; borrowed. NULL: each by itself. */
  const struct slice *by;
  size_t by_count;        /* with `by` not NULL: 0 for all series as one */
  int64_t from_ms, to_ms; /* from <= timestamp < to */
  int64_t step_ms; /* width of a bucket, aligned to multiples of it since 1970; 0: every sample is a
                      bucket */
  bool increases;  /* `increase` is wanted */
  bool quantiles;  /* history_bucket_quantile() is wanted */
  int64_t budget_ms;    /* give up after this long; 0 for never */
  uint32_t max_buckets; /* over all series; beyond it BELFRY_ETOOBIG */
};

struct sketch;

/* `last` of several series as one is that of the last of them, in order of labels, that has any. */
struct sample_bucket {
  int64_t start_ms;
  int64_t width_ms; /* of it within the time asked for */
  int64_t count;
  double min, max, sum, last;
  /* How far the counter, or the counters together, went on from the sample before the first (at
   * most 5 minutes, or a step, before the time asked for) to the last; a counter that goes back has
   * begun again at 0. */
  double increase;
  const struct sketch *sketch; /* borrowed */
};

/* The value below which the part `q` (0 to 1) of the bucket's samples lies, off by at most 1 % of
 * it. NaN: what was kept of so long ago does not tell. */
double history_bucket_quantile(const struct sample_bucket *bucket, double q);

struct sample_page {
  bool partial;           /* the budget ran out */
  int64_t complete_to_ms; /* what is before this is all there, and nothing else was given */
  bool damaged;          /* a file could not be read: coarser roll-ups stand in, if there are any */
  int64_t resolution_ms; /* the coarsest that was read: 0 (samples), a minute or an hour */
};

/* Buckets come series by series, in order of time; `labels` is the canonical JSON text of the
 * series' labels, or of those in `by`. */
typedef int (*sample_bucket_fn)(void *arg, struct slice labels, const struct sample_bucket *bucket);

int history_samples(struct history *history, const struct sample_query *query,
                    sample_bucket_fn on_bucket, void *arg, struct sample_page *page,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* --- state
 * ---------------------------------------------------------------------------------------------------------
 */

/* `values` are borrowed until the callback returns. A return other than 0 ends the query with that
 * value. */
typedef int (*history_row_fn)(void *arg, const struct history_value *values, size_t count);

/* Runs a read-only numbered statement of sql/statements. `params` must name every parameter of it.
   Returns: 0, what `on_row` returned, or an error. */
int history_read(struct history *history, enum sql_statement statement,
                 const struct history_value *params, size_t param_count, history_row_fn on_row,
                 void *arg, struct belfry_error *error) BELFRY_MUST_CHECK;

/*
 * Holds one read transaction over several calls, so that they see the same moment. Keep it short:
 * while it is open the write-ahead log cannot start over.
 */
int history_begin(struct history *history, struct belfry_error *error) BELFRY_MUST_CHECK;
void history_end(struct history *history);

#endif
