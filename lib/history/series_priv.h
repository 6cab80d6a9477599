/*
 * The writer's memory of all series: their ids without asking the database, and what the samples of
 * the running group change about them, written once before the group commits.
 */
#ifndef BELFRY_HISTORY_SERIES_PRIV_H
#define BELFRY_HISTORY_SERIES_PRIV_H

#include "history/storage_priv.h"

struct series_cache;

/* How many series there may be; those that are there already stay. */
struct series_limits {
  int64_t max;
  int64_t
      max_per_source; /* with one value of the label `source`, or without it; 0: no such limit */
};

/* Reads all series. */
int series__load(struct storage *storage, const struct series_limits *limits,
                 struct series_cache **out, struct belfry_error *error) BELFRY_MUST_CHECK;
void series__free(struct series_cache *cache);

/* Finds the sample's series, making it if it is new. Returns: 0, BELFRY_ETOOBIG when there are too
 * many, or an error of the storage. */
int series__find(struct series_cache *cache, const struct sample *sample, uint32_t *index,
                 struct belfry_error *error) BELFRY_MUST_CHECK;

/* How many there are, and how often a sample of a new one was refused since the start. */
int64_t series__count_all(const struct series_cache *cache);
int64_t series__refused(const struct series_cache *cache);

int64_t series__id(const struct series_cache *cache, uint32_t index);

/* The series' newest sample. Returns: false when it has none. */
bool series__last(const struct series_cache *cache, uint32_t index, int64_t *ts_ms, double *value);

/* Counts a sample that is stored now (`added`: not in place of another one). */
int series__count(struct series_cache *cache, uint32_t index, const struct sample *sample,
                  bool added) BELFRY_MUST_CHECK;

/* Writes what the group changed. */
int series__flush(struct series_cache *cache, struct belfry_error *error) BELFRY_MUST_CHECK;

/* A place in the group to come back to: series__undo() forgets what came after it. */
size_t series__mark(struct series_cache *cache);
void series__undo(struct series_cache *cache, size_t mark);

/* After a commit: what was is forgotten. */
void series__keep(struct series_cache *cache);

#endif
