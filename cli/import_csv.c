/*
 * CSV of metrics (RFC 4180, a record a line). The first line names the columns. One is the time.
 * With columns `metric` and `value` each line is a sample, and the other columns are its labels;
 * else each other column is a metric, and a cell that is empty is no sample.
 */
#include "base/json.h"
#include "base/timestamp.h"
#include "cli/import.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COLUMNS_MAX    256
#define NAME_BYTES_MAX 128

struct csv {
  size_t columns;
  size_t time, metric, value; /* columns; without the latter two, a wide file: COLUMNS_MAX */
  char names[COLUMNS_MAX][NAME_BYTES_MAX + 1]; /* of metrics, or of labels */
};

void import_csv_free(struct csv *csv) {
  free(csv);
}

/* --- cells --- */

/* Takes a cell off the front of `*at`, which is NULL behind the last one. Quotes are taken off in
 * place. Returns: 0, or BELFRY_EINVAL for quotes that are not as they should be. */
static int next_cell(char **at, char *end, struct slice *cell) {
  char *from = *at, *to = from;
  if (from < end && *from == '"') {
    for (from++; from < end && (*from != '"' || (from + 1 < end && from[1] == '"')); from++) {
      from += *from == '"';
      *to++ = *from;
    }
    if (from == end || (from + 1 < end && from[1] != ','))
      return BELFRY_EINVAL;
    *cell = slice_new(*at, (size_t)(to - *at));
    from++;
  } else {
    char *comma = memchr(from, ',', (size_t)(end - from));
    from = comma ? comma : end;
    *cell = slice_trim(slice_new(*at, (size_t)(from - *at)));
  }
  *at = from < end ? from + 1 : NULL;
  return BELFRY_OK;
}

/* Returns: 0 with the cells, which are borrowed from file->data. */
static int split(struct import_file *file, struct slice line, struct slice cells[COLUMNS_MAX],
                 size_t *count, struct belfry_error *error) {
  *count = 0;
  buf_clear(&file->data);
  buf_put_slice(&file->data, line);
  if (buf_status(&file->data))
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory for a line");
  char *at = file->data.data, *end = at + file->data.len;
  while (at) {
    if (*count == COLUMNS_MAX)
      return belfry_error_set(error, BELFRY_EINVAL, "has more than %d columns", COLUMNS_MAX);
    if (next_cell(&at, end, &cells[(*count)++]))
      return belfry_error_set(error, BELFRY_EINVAL,
                              "column %zu: a quote that is not closed, or that something follows",
                              *count);
  }
  return BELFRY_OK;
}

/* --- the header --- */

/* Makes a name of a metric or label: lower case, `_` for what cannot be in one. */
static void make_name(struct slice text, char out[NAME_BYTES_MAX + 1]) {
  size_t len = 0;
  if (text.len > 0 && text.data[0] >= '0' && text.data[0] <= '9')
    out[len++] = '_';
  for (size_t i = 0; i < text.len && len < NAME_BYTES_MAX; i++) {
    char c = text.data[i];
    if (c >= 'A' && c <= 'Z')
      c = (char)(c - 'A' + 'a');
    bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (fits || (len > 0 && out[len - 1] != '_'))
      out[len++] = fits ? c : '_';
  }
  while (len > 0 && out[len - 1] == '_')
    len--;
  out[len] = '\0';
}

static bool is_name(struct slice cell, const char *name) {
  return cell.len == strlen(name) && strncasecmp(cell.data, name, cell.len) == 0;
}

static bool is_time(const struct import_options *options, struct slice cell) {
  static const char *const names[] = {"timestamp", "time", "ts", "date", "datetime"};
  if (options->time_column)
    return slice_is(cell, options->time_column);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (is_name(cell, names[i]))
      return true;
  return false;
}

static int find_columns(struct import_file *file, struct csv *csv, const struct slice *cells,
                        struct belfry_error *error) {
  const struct import_options *options = file->options;
  csv->time = csv->metric = csv->value = COLUMNS_MAX;
  for (size_t i = 0; i < csv->columns; i++) {
    if (csv->time == COLUMNS_MAX && is_time(options, cells[i]))
      csv->time = i;
    else if (is_name(cells[i], "metric"))
      csv->metric = i;
    else if (is_name(cells[i], "value"))
      csv->value = i;
  }
  if (csv->time == COLUMNS_MAX && options->time_column)
    return belfry_error_set(error, BELFRY_EINVAL, "there is no column '%s'", options->time_column);
  if (csv->time == COLUMNS_MAX)
    return belfry_error_set(error, BELFRY_EINVAL,
                            "the first line must name the columns, one of them timestamp, time, "
                            "ts, date or datetime; or name it with --time-column");
  if (csv->columns < 2)
    return belfry_error_set(error, BELFRY_EINVAL, "there is no column beside the time");
  if (csv->metric == COLUMNS_MAX || csv->value == COLUMNS_MAX)
    csv->metric = csv->value = COLUMNS_MAX;
  if (options->metric && (csv->metric != COLUMNS_MAX || csv->columns > 2))
    return belfry_error_set(error, BELFRY_EINVAL,
                            "--metric names the metric of a file with one column beside the time");
  return BELFRY_OK;
}

static int name_columns(struct import_file *file, struct csv *csv, const struct slice *cells,
                        struct belfry_error *error) {
  for (size_t i = 0; i < csv->columns; i++) {
    struct slice name = cells[i];
    if (i == csv->time || i == csv->metric || i == csv->value)
      continue;
    if (csv->metric == COLUMNS_MAX && csv->columns == 2) {
      if (file->options->metric)
        name = slice_of(file->options->metric);
      else if (is_name(name, "value"))
        name = slice_of(file->base);
    }
    make_name(name, csv->names[i]);
    if (!metric_name_valid(slice_of(csv->names[i])))
      return belfry_error_set(error, BELFRY_EINVAL,
                              "column %zu has no name of which one of a metric can be made", i + 1);
    for (size_t k = 0; k < i; k++)
      if (strcmp(csv->names[k], csv->names[i]) == 0)
        return belfry_error_set(error, BELFRY_EINVAL, "columns %zu and %zu have the same name, %s",
                                k + 1, i + 1, csv->names[i]);
  }
  return BELFRY_OK;
}

static int take_header(struct import_file *file, const struct slice *cells, size_t count,
                       struct belfry_error *error) {
  struct csv *csv = calloc(1, sizeof *csv);
  if (!csv)
    return belfry_error_set(error, BELFRY_ENOMEM, "out of memory for the columns");
  csv->columns = count;
  int status = find_columns(file, csv, cells, error);
  if (!status)
    status = name_columns(file, csv, cells, error);
  if (status)
    free(csv);
  else
    file->csv = csv;
  return status;
}

/* --- samples --- */

static int parse_value(struct slice text, double *out) {
  char copy[64], *end;
  if (text.len == 0 || text.len >= sizeof copy)
    return BELFRY_EINVAL;
  memcpy(copy, text.data, text.len);
  copy[text.len] = '\0';
  *out = strtod(copy, &end);
  return *end == '\0' && isfinite(*out) ? BELFRY_OK : BELFRY_EINVAL;
}

static void put_labels(struct import_file *file, const struct slice *cells, struct buf *out) {
  const struct import_options *options = file->options;
  const struct csv *csv = file->csv;
  const char *separator = "";
  for (size_t i = 0; csv->metric != COLUMNS_MAX && i < csv->columns; i++) {
    if (i == csv->time || i == csv->metric || i == csv->value || cells[i].len == 0)
      continue;
    buf_printf(out, "%s\"%s\":", separator, csv->names[i]);
    json_put_string(out, cells[i]);
    separator = ",";
  }
  for (size_t i = 0; i < options->label_count; i++) {
    buf_put_text(out, separator);
    json_put_string(out, options->labels[i].key);
    buf_put_char(out, ':');
    json_put_string(out, options->labels[i].value);
    separator = ",";
  }
  if (options->source) {
    buf_printf(out, "%s\"source\":", separator);
    json_put_string(out, slice_of(options->source));
  }
}

static int put_sample(struct import_file *file, const struct slice *cells, struct slice metric,
                      struct slice value, int64_t ts_ms, struct import_batch *batch,
                      struct belfry_error *error) {
  struct model_problem problem = {0};
  double number;
  if (parse_value(value, &number))
    return belfry_error_set(error, BELFRY_EINVAL, "'%.*s' is no finite number",
                            value.len < 40 ? (int)value.len : 40, value.data);
  buf_clear(&file->record);
  buf_put_text(&file->record, "{\"metric\":");
  json_put_string(&file->record, metric);
  buf_put_text(&file->record, ",\"value\":");
  json_put_number(&file->record, number);
  buf_put_text(&file->record, ",\"labels\":{");
  put_labels(file, cells, &file->record);
  char when[TIMESTAMP_BYTES];
  timestamp_format(ts_ms, when);
  buf_printf(&file->record, "},\"timestamp\":\"%s\"}", when);
  int status = sample_parse(buf_slice(&file->record), false, ts_ms, &file->sample, &problem);
  return status ? import_refuse(&problem, status, error)
                : import_put(batch, buf_slice(&file->record), error);
}

static int put_row(struct import_file *file, const struct slice *cells, int64_t ts_ms,
                   struct import_batch *batch, struct belfry_error *error) {
  const struct csv *csv = file->csv;
  if (csv->metric != COLUMNS_MAX)
    return put_sample(file, cells, cells[csv->metric], cells[csv->value], ts_ms, batch, error);
  int status = BELFRY_OK;
  for (size_t i = 0; i < csv->columns && !status; i++)
    if (i != csv->time && cells[i].len > 0)
      status = put_sample(file, cells, slice_of(csv->names[i]), cells[i], ts_ms, batch, error);
  return status;
}

int import_take_csv(struct import_file *file, struct slice line, struct import_batch *batch,
                    struct belfry_error *error) {
  struct slice cells[COLUMNS_MAX];
  size_t before = batch->text.len;
  uint32_t records = batch->records;
  size_t count;
  int64_t ts_ms;
  int status = split(file, line, cells, &count, error);
  if (status)
    return status;
  if (!file->csv)
    return take_header(file, cells, count, error);
  if (count != file->csv->columns)
    return belfry_error_set(error, BELFRY_EINVAL, "has %zu columns where the first line has %zu",
                            count, file->csv->columns);
  struct slice when = cells[file->csv->time];
  if (timestamp_parse(when, &ts_ms))
    return belfry_error_set(error, BELFRY_EINVAL,
                            "'%.*s' is not a time: 2026-11-20T10:30:00Z, 2026-11-20 10:30:00 "
                            "(UTC), Unix seconds or milliseconds are",
                            when.len < 40 ? (int)when.len : 40, when.data);
  status = put_row(file, cells, ts_ms, batch, error);
  if (status) { /* nothing of a line that is wrong */
    batch->text.len = before;
    batch->records = records;
  }
  return status;
}
