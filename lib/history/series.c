/*
 * Series by metric and labels, in a hash table with chains of indexes.
 *
 * A group may be rolled back, as a whole or by one batch, and the cache with it: before a series
 * changes for the first time since the last mark, what it was goes to a list that undo walks
 * backwards.
 *
 * Sources are counted by a hash of their name: two names with one hash of 64 bits would share a
 * limit, and nothing else.
 */
#include "history/series_priv.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define NONE          UINT32_MAX
#define SOURCE_CHAINS 1024 /* a power of two */

struct series {
  int64_t id;
  char *metric; /* owned, one block with the labels */
  uint32_t metric_len, labels_len;
  uint32_t hash;
  uint32_t next;    /* in its chain */
  uint32_t source;  /* its place among the sources */
  uint64_t changed; /* number of the mark after which it was noted; 0: not */
  bool dirty;       /* changed in this group */
  int64_t count, last_ts;
  double last_value;
};

/* What a series was before a change. */
struct change {
  uint32_t index;
  uint64_t changed;
  bool is_new, dirty;
  int64_t count, last_ts;
  double last_value;
};

/* What has series, and how many. */
struct series_source {
  uint64_t hash;
  int64_t count;
  uint32_t next; /* in its chain */
};

struct series_cache {
  struct storage *storage; /* borrowed */
  struct series_limits limits;
  int64_t next_id;
  int64_t refused;
  struct series_source *sources; /* owned */
  uint32_t source_count, source_cap;
  uint32_t source_chains[SOURCE_CHAINS];
  struct series *series; /* owned */
  uint32_t count, cap;
  uint32_t *chains; /* owned; a power of two of them */
  uint32_t chain_count;
  struct change *changes; /* owned */
  size_t change_count, change_cap;
  uint64_t mark; /* grows with each mark */
};

static uint32_t hash_bytes(uint32_t hash, struct slice text) {
  for (size_t i = 0; i < text.len; i++) /* FNV-1a (RFC 9923, 32 bits) */
    hash = (hash ^ (unsigned char)text.data[i]) * UINT32_C(16777619);
  return hash;
}

static uint32_t hash_of(struct slice metric, struct slice labels) {
  return hash_bytes((hash_bytes(UINT32_C(2166136261), metric) ^ 0xff) * UINT32_C(16777619), labels);
}

static uint64_t hash_source(struct slice labels) {
  struct slice source = json_member(labels, "source");
  uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a, of 64 bits */
  for (size_t i = 0; i < source.len; i++)
    hash = (hash ^ (unsigned char)source.data[i]) * UINT64_C(1099511628211);
  return hash;
}

/* Finds the source of some labels, or makes it. Returns: 0 or BELFRY_ENOMEM. */
static int find_source(struct series_cache *cache, struct slice labels, uint32_t *out) {
  uint64_t hash = hash_source(labels);
  uint32_t *chain = &cache->source_chains[hash & (SOURCE_CHAINS - 1)];
  for (*out = *chain; *out != NONE; *out = cache->sources[*out].next)
    if (cache->sources[*out].hash == hash)
      return BELFRY_OK;
  if (cache->source_count == cache->source_cap) {
    uint32_t cap = cache->source_cap ? cache->source_cap * 2 : 16;
    struct series_source *sources = realloc(cache->sources, cap * sizeof *sources);
    if (!sources)
      return BELFRY_ENOMEM;
    cache->sources = sources;
    cache->source_cap = cap;
  }
  *out = cache->source_count++;
  cache->sources[*out] = (struct series_source){.hash = hash, .next = *chain};
  *chain = *out;
  return BELFRY_OK;
}

static int grow_chains(struct series_cache *cache) {
  uint32_t count = cache->chain_count ? cache->chain_count * 2 : 1024;
  uint32_t *chains = malloc(count * sizeof *chains);
  if (!chains)
    return BELFRY_ENOMEM;
  memset(chains, 0xff, count * sizeof *chains);
  for (uint32_t i = 0; i < cache->count; i++) {
    uint32_t *chain = &chains[cache->series[i].hash & (count - 1)];
    cache->series[i].next = *chain;
    *chain = i;
  }
  free(cache->chains);
  cache->chains = chains;
  cache->chain_count = count;
  return BELFRY_OK;
}

/* Adds a series that is not there. Returns: 0 or BELFRY_ENOMEM. */
static int add(struct series_cache *cache, int64_t id, struct slice metric, struct slice labels,
               uint32_t hash) {
  uint32_t source;
  if (find_source(cache, labels, &source))
    return BELFRY_ENOMEM;
  if (cache->count == cache->cap) {
    uint32_t cap = cache->cap ? cache->cap * 2 : 256;
    struct series *series = realloc(cache->series, cap * sizeof *series);
    if (!series)
      return BELFRY_ENOMEM;
    cache->series = series;
    cache->cap = cap;
  }
  if (cache->count >= cache->chain_count && grow_chains(cache))
    return BELFRY_ENOMEM;
  char *texts = malloc(metric.len + labels.len + 1);
  if (!texts)
    return BELFRY_ENOMEM;
  memcpy(texts, metric.data, metric.len);
  memcpy(texts + metric.len, labels.data, labels.len);
  uint32_t *chain = &cache->chains[hash & (cache->chain_count - 1)];
  cache->series[cache->count] = (struct series){.id = id,
                                                .metric = texts,
                                                .metric_len = (uint32_t)metric.len,
                                                .labels_len = (uint32_t)labels.len,
                                                .hash = hash,
                                                .source = source,
                                                .next = *chain};
  *chain = cache->count++;
  cache->sources[source].count++;
  if (id >= cache->next_id)
    cache->next_id = id + 1;
  return BELFRY_OK;
}

/* Takes the newest series out again. */
static void drop_newest(struct series_cache *cache) {
  uint32_t index = --cache->count;
  struct series *series = &cache->series[index];
  uint32_t *link = &cache->chains[series->hash & (cache->chain_count - 1)];
  while (*link != index)
    link = &cache->series[*link].next;
  *link = series->next;
  cache->next_id = series->id;
  cache->sources[series->source].count--;
  free(series->metric);
}

static int note(struct series_cache *cache, uint32_t index, bool is_new) {
  if (cache->change_count == cache->change_cap) {
    size_t cap = cache->change_cap ? cache->change_cap * 2 : 256;
    struct change *changes = realloc(cache->changes, cap * sizeof *changes);
    if (!changes)
      return BELFRY_ENOMEM;
    cache->changes = changes;
    cache->change_cap = cap;
  }
  struct series *series = &cache->series[index];
  cache->changes[cache->change_count++] = (struct change){.index = index,
                                                          .changed = series->changed,
                                                          .is_new = is_new,
                                                          .dirty = series->dirty,
                                                          .count = series->count,
                                                          .last_ts = series->last_ts,
                                                          .last_value = series->last_value};
  series->changed = cache->mark;
  return BELFRY_OK;
}

int series__load(struct storage *storage, const struct series_limits *limits,
                 struct series_cache **out, struct belfry_error *error) {
  struct series_cache *cache = calloc(1, sizeof *cache);
  if (!cache || grow_chains(cache)) {
    free(cache);
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while reading the series");
  }
  cache->storage = storage;
  cache->limits = *limits;
  memset(cache->source_chains, 0xff, sizeof cache->source_chains);
  cache->mark = 1;
  cache->next_id = 1;
  sqlite3_stmt *statement;
  int code = SQLITE_DONE;
  int status = storage__statement(storage, SQL_SERIES_ALL, &statement, error);
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct slice metric = storage__text(statement, 1), labels = storage__text(statement, 2);
    status =
        add(cache, sqlite3_column_int64(statement, 0), metric, labels, hash_of(metric, labels));
    if (status)
      break;
    struct series *series = &cache->series[cache->count - 1];
    series->count = sqlite3_column_int64(statement, 3);
    series->last_ts = sqlite3_column_int64(statement, 4);
    series->last_value = sqlite3_column_double(statement, 5);
  }
  if (status)
    belfry_error_set(error, status, "out of memory while reading the series");
  else if (code != SQLITE_DONE)
    status = storage__fail(storage, code, "cannot read the series", error);
  if (storage->statements[SQL_SERIES_ALL])
    sqlite3_reset(storage->statements[SQL_SERIES_ALL]);
  if (status) {
    series__free(cache);
    return status;
  }
  *out = cache;
  return BELFRY_OK;
}

void series__free(struct series_cache *cache) {
  if (!cache)
    return;
  for (uint32_t i = 0; i < cache->count; i++)
    free(cache->series[i].metric);
  free(cache->series);
  free(cache->chains);
  free(cache->sources);
  free(cache->changes);
  free(cache);
}

static int insert(struct series_cache *cache, const struct sample *sample,
                  struct belfry_error *error) {
  sqlite3_stmt *statement;
  int status = storage__statement(cache->storage, SQL_SERIES_INSERT, &statement, error);
  if (!status)
    status = storage__bind(statement,
                           (struct history_value[]){HISTORY_VALUE_INTEGER("id", cache->next_id),
                                                    HISTORY_VALUE_TEXT("metric", sample->metric),
                                                    HISTORY_VALUE_TEXT("labels", sample->labels)},
                           3, error);
  return status ? status : storage__run(cache->storage, statement, NULL, error);
}

/* Whether there may be one more series of the sample's source. */
static int check_limits(struct series_cache *cache, const struct sample *sample,
                        struct belfry_error *error) {
  int shown = (int)(sample->labels.len < 160 ? sample->labels.len : 160);
  if (cache->count >= cache->limits.max || cache->count == NONE - 1) {
    cache->refused++;
    return belfry_error_set(
        error, BELFRY_ETOOBIG,
        "there are %lld metric series already, and history.max_series is %lld: %.*s%.*s is new",
        (long long)cache->count, (long long)cache->limits.max, (int)sample->metric.len,
        sample->metric.data, shown, sample->labels.data);
  }
  uint32_t source;
  if (find_source(cache, sample->labels, &source))
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory while adding a series");
  int64_t count = cache->sources[source].count, max = cache->limits.max_per_source;
  if (max == 0 || count < max)
    return BELFRY_OK;
  cache->refused++;
  return belfry_error_set(
      error, BELFRY_ETOOBIG,
      "this source has %lld metric series already, and history.max_series_per_source is %lld: "
      "%.*s%.*s is new",
      (long long)count, (long long)max, (int)sample->metric.len, sample->metric.data, shown,
      sample->labels.data);
}

int64_t series__count_all(const struct series_cache *cache) {
  return cache->count;
}

int64_t series__refused(const struct series_cache *cache) {
  return cache->refused;
}

int series__find(struct series_cache *cache, const struct sample *sample, uint32_t *index,
                 struct belfry_error *error) {
  uint32_t hash = hash_of(sample->metric, sample->labels);
  for (uint32_t i = cache->chains[hash & (cache->chain_count - 1)]; i != NONE;
       i = cache->series[i].next) {
    const struct series *series = &cache->series[i];
    if (series->hash == hash &&
        slice_equal(slice_new(series->metric, series->metric_len), sample->metric) &&
        slice_equal(slice_new(series->metric + series->metric_len, series->labels_len),
                    sample->labels)) {
      *index = i;
      return BELFRY_OK;
    }
  }
  int status = check_limits(cache, sample, error);
  if (status)
    return status;
  status = insert(cache, sample, error);
  if (status)
    return status;
  status = add(cache, cache->next_id, sample->metric, sample->labels, hash);
  if (status)
    return belfry_error_set(error, status, "out of memory while adding a series");
  status = note(cache, cache->count - 1, true);
  if (status) {
    drop_newest(cache);
    return belfry_error_set(error, status, "out of memory while adding a series");
  }
  *index = cache->count - 1;
  return BELFRY_OK;
}

int64_t series__id(const struct series_cache *cache, uint32_t index) {
  return cache->series[index].id;
}

bool series__last(const struct series_cache *cache, uint32_t index, int64_t *ts_ms, double *value) {
  const struct series *series = &cache->series[index];
  *ts_ms = series->last_ts;
  *value = series->last_value;
  return series->count > 0;
}

int series__count(struct series_cache *cache, uint32_t index, const struct sample *sample,
                  bool added) {
  if (cache->series[index].changed != cache->mark) {
    int status = note(cache, index, false);
    if (status)
      return status;
  }
  struct series *series = &cache->series[index];
  series->dirty = true;
  series->count += added;
  if (sample->timestamp_ms >= series->last_ts || series->count == 1) {
    series->last_ts = sample->timestamp_ms;
    series->last_value = sample->value;
  }
  return BELFRY_OK;
}

int series__flush(struct series_cache *cache, struct belfry_error *error) {
  if (cache->change_count == 0)
    return BELFRY_OK;
  sqlite3_stmt *statement;
  int status = storage__statement(cache->storage, SQL_SERIES_UPDATE, &statement, error);
  for (size_t i = 0; i < cache->change_count && !status; i++) {
    struct series *series = &cache->series[cache->changes[i].index];
    if (!series->dirty) /* written already for an earlier note of it */
      continue;
    status = storage__bind(
        statement,
        (struct history_value[]){HISTORY_VALUE_INTEGER("id", series->id),
                                 HISTORY_VALUE_INTEGER("count", series->count),
                                 HISTORY_VALUE_INTEGER("last_ts", series->last_ts),
                                 HISTORY_VALUE_REAL("last_value", series->last_value)},
        4, error);
    if (!status)
      status = storage__run(cache->storage, statement, NULL, error);
    series->dirty = false;
  }
  return status;
}

size_t series__mark(struct series_cache *cache) {
  cache->mark++;
  return cache->change_count;
}

void series__undo(struct series_cache *cache, size_t mark) {
  while (cache->change_count > mark) {
    const struct change *change = &cache->changes[--cache->change_count];
    if (change->is_new) {
      drop_newest(cache);
      continue;
    }
    struct series *series = &cache->series[change->index];
    series->changed = change->changed;
    series->dirty = change->dirty;
    series->count = change->count;
    series->last_ts = change->last_ts;
    series->last_value = change->last_value;
  }
}

void series__keep(struct series_cache *cache) {
  cache->change_count = 0;
  cache->mark++;
}
