/*
 * Samples of a metric in buckets.
 *
 * The samples lie by time and then by series. To read a few series out of many without reading them
 * all, a cursor walks the rows while they are wanted, and after a run of rows that are not it seeks
 * the next place where one could be: the next wanted series of the same moment, else the first of
 * the next. A seek costs about as much as ten rows; so the run that is walked first grows while
 * seeks find nothing (samples that share no moments) and shrinks when they do (scrapes).
 *
 * Measured with 5,000 series x 180 moments (900,000 rows): one series 0.6 to 1.2 ms wherever it is
 * among the others, of which 0.4 ms find it by its labels; all of them 158 ms.
 */
#include "history/query_priv.h"

#include "base/json.h"

#include <stdlib.h>

#define RUN_SHORTEST 8
#define RUN_LONGEST  512

struct wanted_series {
  int64_t id;
  struct buf labels;
  struct sample_bucket *buckets; /* owned */
  uint32_t count, cap;
  uint32_t place; /* in the order of labels, in which they are given */
};

struct collection {
  struct history *history;
  const struct sample_query *query;
  struct wanted_series *series; /* owned; by id while reading */
  size_t count, cap;
  uint32_t bucket_count; /* over all series */
  struct belfry_error *error;
};

static int out_of_memory(struct collection *all) {
  return belfry_error_set(all->error, BELFRY_ENOMEM, "out of memory while reading samples");
}

/* --- which series --- */

/* Labels are compared as they are written: the writer of the canonical text and json_put_string
 * write a string in one way only. */
static bool has_label(struct slice labels, struct slice key, struct slice value) {
  struct json_walk walk;
  struct slice name, found;
  if (!json_walk_start(&walk, labels))
    return false;
  while (json_walk_next(&walk, &name, &found))
    if (slice_equal(name, key) && slice_equal(found, value))
      return true;
  return false;
}

/* The labels asked for as they stand in the canonical text: key without, value with quotes. */
struct label_texts {
  struct buf text;
  struct slice keys[16], values[16];
};

#define LABELS_MAX (sizeof((struct label_texts *)0)->keys / sizeof(struct slice))

static int encode_labels(struct collection *all, struct label_texts *texts) {
  size_t ends[2 * LABELS_MAX];
  const struct sample_query *query = all->query;
  if (query->label_count > LABELS_MAX)
    return belfry_error_set(all->error, BELFRY_ETOOBIG, "at most %zu labels can be asked for",
                            LABELS_MAX);
  for (size_t i = 0; i < query->label_count; i++) {
    json_put_string(&texts->text, query->labels[i].key);
    ends[2 * i] = texts->text.len;
    json_put_string(&texts->text, query->labels[i].value);
    ends[2 * i + 1] = texts->text.len;
  }
  if (buf_status(&texts->text))
    return out_of_memory(all);
  size_t start = 0;
  for (size_t i = 0; i < query->label_count; i++) {
    texts->keys[i] = slice_new(texts->text.data + start + 1, ends[2 * i] - start - 2);
    texts->values[i] = slice_new(texts->text.data + ends[2 * i], ends[2 * i + 1] - ends[2 * i]);
    start = ends[2 * i + 1];
  }
  return BELFRY_OK;
}

static bool labels_wanted(const struct collection *all, const struct label_texts *texts,
                          struct slice labels) {
  for (size_t i = 0; i < all->query->label_count; i++)
    if (!has_label(labels, texts->keys[i], texts->values[i]))
      return false;
  return true;
}

static int add_series(struct collection *all, int64_t id, struct slice labels) {
  if (all->count == all->cap) {
    size_t cap = all->cap ? all->cap * 2 : 16;
    struct wanted_series *series = realloc(all->series, cap * sizeof *series);
    if (!series)
      return out_of_memory(all);
    all->series = series;
    all->cap = cap;
  }
  struct wanted_series *series = &all->series[all->count];
  *series = (struct wanted_series){.id = id, .place = (uint32_t)all->count};
  all->count++;
  buf_init(&series->labels, 0);
  buf_put_slice(&series->labels, labels);
  return buf_status(&series->labels) ? out_of_memory(all) : BELFRY_OK;
}

static int select_series(struct collection *all) {
  sqlite3_stmt *statement = NULL;
  int code = SQLITE_DONE;
  struct label_texts texts = {0};
  buf_init(&texts.text, 0);
  int status = encode_labels(all, &texts);
  if (!status)
    status =
        query__statement(all->history, SQL_SERIES_OF_METRIC,
                         (struct history_value[]){HISTORY_VALUE_TEXT("metric", all->query->metric)},
                         1, &statement, all->error);
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct slice labels = storage__text(statement, 1);
    if (labels_wanted(all, &texts, labels))
      status = add_series(all, sqlite3_column_int64(statement, 0), labels);
  }
  if (!status && code == SQLITE_INTERRUPT)
    status = BELFRY_ETIMEDOUT;
  else if (!status && code != SQLITE_DONE)
    status = storage__fail(&all->history->storage, code, "cannot read the series", all->error);
  if (statement)
    sqlite3_reset(statement);
  buf_fini(&texts.text);
  return status;
}

static int by_id(const void *a, const void *b) {
  const struct wanted_series *left = a, *right = b;
  return (left->id > right->id) - (left->id < right->id);
}

static int by_place(const void *a, const void *b) {
  const struct wanted_series *left = a, *right = b;
  return (left->place > right->place) - (left->place < right->place);
}

/* Returns: the index of the first series with an id of at least `id`. */
static size_t lower_bound(const struct collection *all, int64_t id) {
  size_t low = 0, high = all->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (all->series[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* --- their samples --- */

static int64_t bucket_start(int64_t ts, int64_t step) {
  if (step <= 0)
    return ts;
  int64_t rest = ts % step;
  return ts - (rest < 0 ? rest + step : rest);
}

/* The samples of a series come in order of time, so it is always the last bucket or a new one. */
static int add_sample(struct collection *all, struct wanted_series *series, int64_t ts,
                      double value) {
  int64_t start = bucket_start(ts, all->query->step_ms);
  struct sample_bucket *last = series->count ? &series->buckets[series->count - 1] : NULL;
  if (last && last->start_ms == start) {
    last->count++;
    last->min = value < last->min ? value : last->min;
    last->max = value > last->max ? value : last->max;
    last->sum += value;
    last->last = value;
    return BELFRY_OK;
  }
  if (all->bucket_count >= all->query->max_buckets)
    return belfry_error_set(all->error, BELFRY_ETOOBIG,
                            "more than %u points: ask for a shorter time, a wider step or fewer "
                            "series",
                            all->query->max_buckets);
  if (series->count == series->cap) {
    uint32_t cap = series->cap ? series->cap * 2 : 16;
    struct sample_bucket *buckets = realloc(series->buckets, cap * sizeof *buckets);
    if (!buckets)
      return out_of_memory(all);
    series->buckets = buckets;
    series->cap = cap;
  }
  series->buckets[series->count++] = (struct sample_bucket){
      .start_ms = start, .count = 1, .min = value, .max = value, .sum = value, .last = value};
  all->bucket_count++;
  return BELFRY_OK;
}

/* The walk over the rows. */
struct cursor {
  int64_t ts, series_id; /* where it seeks next */
  size_t next;           /* index of the first wanted series that is not behind the row */
  int64_t row_ts;        /* of the last row */
  unsigned passed, run;  /* rows passed that were not wanted, and how many are before a seek */
  bool sought;           /* the next row is the first after a seek */
};

/* Takes a row. `*seek`: the cursor is to be moved to (ts, series_id). */
static int take_row(struct collection *all, struct cursor *cursor, int64_t ts, int64_t id,
                    sqlite3_stmt *row, bool *seek) {
  if (ts != cursor->row_ts || cursor->sought) {
    cursor->row_ts = ts;
    cursor->next = lower_bound(all, id);
  }
  while (cursor->next < all->count && all->series[cursor->next].id < id)
    cursor->next++;
  bool wanted = cursor->next < all->count && all->series[cursor->next].id == id;
  if (cursor->sought)
    cursor->run =
        wanted ? RUN_SHORTEST : (cursor->run < RUN_LONGEST ? cursor->run * 2 : RUN_LONGEST);
  cursor->sought = false;
  if (wanted) {
    cursor->passed = 0;
    return add_sample(all, &all->series[cursor->next], ts, sqlite3_column_double(row, 2));
  }
  if (++cursor->passed < cursor->run)
    return BELFRY_OK;
  bool same_moment = cursor->next < all->count;
  cursor->ts = same_moment ? ts : ts + 1;
  cursor->series_id = all->series[same_moment ? cursor->next : 0].id;
  *seek = true;
  return BELFRY_OK;
}

static int walk_from(struct collection *all, struct cursor *cursor, bool *seek) {
  sqlite3_stmt *statement;
  struct history_value values[] = {
      HISTORY_VALUE_INTEGER("ts", cursor->ts),
      HISTORY_VALUE_INTEGER("series_id", cursor->series_id),
      HISTORY_VALUE_INTEGER("to", all->query->to_ms),
  };
  int status = query__statement(all->history, SQL_SAMPLES_FROM, values, 3, &statement, all->error);
  if (status)
    return status;
  int code = SQLITE_DONE;
  cursor->sought = true;
  cursor->passed = 0;
  *seek = false;
  while (!status && !*seek && (code = sqlite3_step(statement)) == SQLITE_ROW)
    status = take_row(all, cursor, sqlite3_column_int64(statement, 0),
                      sqlite3_column_int64(statement, 1), statement, seek);
  if (!status && code == SQLITE_INTERRUPT)
    status = BELFRY_ETIMEDOUT;
  else if (!status && code != SQLITE_ROW && code != SQLITE_DONE)
    status = storage__fail(&all->history->storage, code, "cannot read samples", all->error);
  sqlite3_reset(statement);
  return status;
}

static int collect(struct collection *all) {
  int status = select_series(all);
  if (status || all->count == 0)
    return status;
  qsort(all->series, all->count, sizeof *all->series, by_id);
  struct cursor cursor = {
      .ts = all->query->from_ms, .series_id = all->series[0].id, .run = RUN_SHORTEST};
  for (bool seek = true; seek && !status;)
    status = walk_from(all, &cursor, &seek);
  return status;
}

static int give(struct collection *all, sample_bucket_fn on_bucket, void *arg) {
  qsort(all->series, all->count, sizeof *all->series, by_place);
  for (size_t i = 0; i < all->count; i++) {
    const struct wanted_series *series = &all->series[i];
    for (uint32_t b = 0; b < series->count; b++) {
      int status = on_bucket(arg, buf_slice(&series->labels), &series->buckets[b]);
      if (status)
        return status;
    }
  }
  return BELFRY_OK;
}

int history_samples(struct history *history, const struct sample_query *query,
                    sample_bucket_fn on_bucket, void *arg, bool *partial,
                    struct belfry_error *error) {
  struct collection all = {.history = history, .query = query, .error = error};
  *partial = false;
  int status = history_begin(history, error);
  if (status)
    return status;
  query__limit(history, query->budget_ms);
  status = collect(&all);
  query__unlimit(history);
  history_end(history);
  if (status == BELFRY_ETIMEDOUT) {
    *partial = true;
    status = BELFRY_OK;
  }
  if (!status && all.count > 0)
    status = give(&all, on_bucket, arg);
  for (size_t i = 0; i < all.count; i++) {
    buf_fini(&all.series[i].labels);
    free(all.series[i].buckets);
  }
  free(all.series);
  return status;
}
