#include "history/sample_series_priv.h"

#include "base/json.h"

#include <stdlib.h>

struct selection {
  struct history *history;
  const struct sample_query *query;
  struct wanted_list *list;
  struct buf key; /* labels of the group of the series at hand */
  struct belfry_error *error;
};

static int out_of_memory(struct selection *all) {
  return belfry_error_set(all->error, BELFRY_ENOMEM, "out of memory while reading samples");
}

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

/* `labels` or, where it is NULL, `keys` alone. */
static int encode_labels(struct selection *all, const struct label_match *labels,
                         const struct slice *keys, size_t count, struct label_texts *texts) {
  size_t ends[2 * LABELS_MAX];
  if (count > LABELS_MAX)
    return belfry_error_set(all->error, BELFRY_ETOOBIG, "at most %zu labels can be asked for",
                            LABELS_MAX);
  for (size_t i = 0; i < count; i++) {
    json_put_string(&texts->text, labels ? labels[i].key : keys[i]);
    ends[2 * i] = texts->text.len;
    json_put_string(&texts->text, labels ? labels[i].value : slice_of(""));
    ends[2 * i + 1] = texts->text.len;
  }
  if (buf_status(&texts->text))
    return out_of_memory(all);
  size_t start = 0;
  for (size_t i = 0; i < count; i++) {
    texts->keys[i] = slice_new(texts->text.data + start + 1, ends[2 * i] - start - 2);
    texts->values[i] = slice_new(texts->text.data + ends[2 * i], ends[2 * i + 1] - ends[2 * i]);
    start = ends[2 * i + 1];
  }
  return BELFRY_OK;
}

static bool labels_wanted(const struct selection *all, const struct label_texts *texts,
                          struct slice labels) {
  for (size_t i = 0; i < all->query->label_count; i++)
    if (!has_label(labels, texts->keys[i], texts->values[i]))
      return false;
  return true;
}

static bool is_asked(const struct label_texts *texts, size_t count, struct slice key) {
  for (size_t i = 0; i < count; i++)
    if (slice_equal(texts->keys[i], key))
      return true;
  return false;
}

/* The labels of the group of a series: those of its own that are asked for. */
static int name_group(struct selection *all, const struct label_texts *by, struct slice labels) {
  struct json_walk walk;
  struct slice key, value;
  buf_clear(&all->key);
  if (!all->query->by) {
    buf_put_slice(&all->key, labels);
    return buf_status(&all->key);
  }
  buf_put_char(&all->key, '{');
  if (json_walk_start(&walk, labels))
    while (json_walk_next(&walk, &key, &value))
      if (is_asked(by, all->query->by_count, key))
        buf_printf(&all->key, "%s\"%.*s\":%.*s", all->key.len > 1 ? "," : "", SLICE_ARG(key),
                   SLICE_ARG(value));
  buf_put_char(&all->key, '}');
  return buf_status(&all->key);
}

static int find_group(struct selection *all, uint32_t *out) {
  struct wanted_list *list = all->list;
  size_t first = all->query->by ? 0 : list->group_count; /* series by themselves differ all */
  for (size_t i = first; i < list->group_count; i++)
    if (slice_equal(buf_slice(&list->groups[i]), buf_slice(&all->key))) {
      *out = (uint32_t)i;
      return BELFRY_OK;
    }
  if (list->group_count == list->group_cap) {
    size_t cap = list->group_cap ? list->group_cap * 2 : 16;
    struct buf *groups = realloc(list->groups, cap * sizeof *groups);
    if (!groups)
      return BELFRY_ENOMEM;
    list->groups = groups;
    list->group_cap = cap;
  }
  *out = (uint32_t)list->group_count;
  struct buf *labels = &list->groups[list->group_count++];
  buf_init(labels, 0);
  buf_put_slice(labels, buf_slice(&all->key));
  return buf_status(labels);
}

static int add_series(struct selection *all, int64_t id, const struct label_texts *by,
                      struct slice labels) {
  struct wanted_list *list = all->list;
  if (list->count == list->cap) {
    size_t cap = list->cap ? list->cap * 2 : 16;
    struct wanted_series *series = realloc(list->series, cap * sizeof *series);
    if (!series)
      return out_of_memory(all);
    list->series = series;
    list->cap = cap;
  }
  struct wanted_series *series = &list->series[list->count];
  *series = (struct wanted_series){.id = id, .place = (uint32_t)list->count};
  if (name_group(all, by, labels) || find_group(all, &series->group))
    return out_of_memory(all);
  list->count++;
  return BELFRY_OK;
}

int wanted_select(struct wanted_list *list, struct history *history,
                  const struct sample_query *query, struct belfry_error *error) {
  sqlite3_stmt *statement = NULL;
  int code = SQLITE_DONE;
  struct label_texts texts = {0}, by = {0};
  struct selection all = {.history = history, .query = query, .list = list, .error = error};
  *list = (struct wanted_list){0};
  buf_init(&texts.text, 0);
  buf_init(&by.text, 0);
  buf_init(&all.key, 0);
  int status = encode_labels(&all, query->labels, NULL, query->label_count, &texts);
  if (!status)
    status = encode_labels(&all, NULL, query->by, query->by ? query->by_count : 0, &by);
  if (!status)
    status = query__statement(history, SQL_SERIES_OF_METRIC,
                              (struct history_value[]){HISTORY_VALUE_TEXT("metric", query->metric)},
                              1, &statement, error);
  while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    struct slice labels = storage__text(statement, 1);
    if (labels_wanted(&all, &texts, labels))
      status = add_series(&all, sqlite3_column_int64(statement, 0), &by, labels);
  }
  if (!status && code == SQLITE_INTERRUPT)
    status = BELFRY_ETIMEDOUT;
  else if (!status && code != SQLITE_DONE)
    status = storage__fail(&history->storage, code, "cannot read the series", error);
  if (statement)
    sqlite3_reset(statement);
  buf_fini(&texts.text);
  buf_fini(&by.text);
  buf_fini(&all.key);
  return status;
}

void wanted_fini(struct wanted_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    sample_run_fini(&list->series[i].hot);
    sample_run_fini(&list->series[i].late);
  }
  for (size_t i = 0; i < list->group_count; i++)
    buf_fini(&list->groups[i]);
  free(list->series);
  free(list->groups);
  *list = (struct wanted_list){0};
}
