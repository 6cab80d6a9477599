#include "model/sample_json.h"

#include "base/json.h"
#include "model/timestamp_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define METRIC_BYTES_MAX 128

void sample_parsed_init(struct sample_parsed *parsed) {
  *parsed = (struct sample_parsed){0};
  buf_init(&parsed->scratch, 0);
}

void sample_parsed_fini(struct sample_parsed *parsed) {
  buf_fini(&parsed->scratch);
}

static bool name_valid(struct slice name, bool upper_case) {
  if (name.len < 1 || name.len > METRIC_BYTES_MAX)
    return false;
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    bool letter = (c >= 'a' && c <= 'z') || c == '_' || (upper_case && c >= 'A' && c <= 'Z');
    if (!letter && !(i > 0 && c >= '0' && c <= '9'))
      return false;
  }
  return true;
}

bool metric_name_valid(struct slice name) {
  return name_valid(name, false);
}

const char *metric_unit(struct slice name) {
  /* The longest ending first. */
  static const char *const units[] = {
      "bytes_per_second", "per_second", "percentage", "percent", "seconds", "bytes", "ratio",
      "celsius",          "ms",         "mos"};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    size_t len = strlen(units[i]);
    if (name.len > len + 1 && name.data[name.len - len - 1] == '_' &&
        memcmp(name.data + name.len - len, units[i], len) == 0)
      return strcmp(units[i], "percentage") == 0 ? "percent" : units[i];
  }
  return "";
}

static int by_key(const void *left, const void *right) {
  const struct label *a = left, *b = right;
  size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
  int order = memcmp(a->key.data, b->key.data, len);
  return order ? order : (a->key.len > b->key.len) - (a->key.len < b->key.len);
}

void labels_put_json(struct buf *out, struct label *labels, size_t count) {
  if (count > 1)
    qsort(labels, count, sizeof *labels, by_key);
  buf_put_char(out, '{');
  for (size_t i = 0; i < count; i++) {
    if (i > 0)
      buf_put_char(out, ',');
    json_put_string(out, labels[i].key);
    buf_put_char(out, ':');
    json_put_string(out, labels[i].value);
  }
  buf_put_char(out, '}');
}

static int take_labels(struct slice raw, struct sample_parsed *out, struct model_problem *problem) {
  struct label labels[SAMPLE_LABELS_MAX];
  size_t count = 0;
  struct json_walk walk;
  struct slice key, value;
  if (!json_walk_start(&walk, raw) || !walk.object)
    return model_problem_set(problem, BELFRY_ECONFLICT, "/labels", "must be an object of strings");
  while (json_walk_next(&walk, &key, &value)) {
    if (count == SAMPLE_LABELS_MAX)
      return model_problem_set(problem, BELFRY_ECONFLICT, "/labels", "holds more than %d labels",
                               SAMPLE_LABELS_MAX);
    if (!name_valid(key, true))
      return model_problem_set(problem, BELFRY_ECONFLICT, "/labels",
                               "holds the key '%.*s', which is not [a-zA-Z_][a-zA-Z0-9_]*",
                               key.len > 64 ? 64 : (int)key.len, key.data);
    int status = json_decode_string(value, &out->scratch, &labels[count].value);
    if (status == BELFRY_ENOMEM)
      return status;
    char pointer[80];
    snprintf(pointer, sizeof pointer, "/labels/%.*s", key.len > 64 ? 64 : (int)key.len, key.data);
    if (status || labels[count].value.len > SAMPLE_LABEL_VALUE_BYTES_MAX)
      return model_problem_set(problem, BELFRY_ECONFLICT, pointer,
                               "must be a string of at most %d bytes",
                               SAMPLE_LABEL_VALUE_BYTES_MAX);
    labels[count++].key = key;
  }
  size_t start = out->scratch.len;
  labels_put_json(&out->scratch, labels, count);
  out->sample.labels = slice_new(out->scratch.data + start, out->scratch.len - start);
  return buf_status(&out->scratch);
}

static int take_value(struct slice raw, struct sample_parsed *out, struct model_problem *problem) {
  if (!slice_to_double(raw, &out->sample.value) || !isfinite(out->sample.value))
    return model_problem_set(problem, BELFRY_ECONFLICT, "/value", "must be a finite number");
  return BELFRY_OK;
}

static int take_metric(struct slice raw, struct sample_parsed *out, struct model_problem *problem) {
  int status =
      raw.data ? json_decode_string(raw, &out->scratch, &out->sample.metric) : BELFRY_EINVAL;
  if (status == BELFRY_ENOMEM)
    return status;
  if (status || !metric_name_valid(out->sample.metric))
    return model_problem_set(problem, BELFRY_ECONFLICT, "/metric",
                             "must be a string [a-z_][a-z0-9_]* of at most %d bytes",
                             METRIC_BYTES_MAX);
  return BELFRY_OK;
}

int sample_parse(struct slice text, bool checked, int64_t now_ms, struct sample_parsed *out,
                 struct model_problem *problem) {
  if (!checked) {
    struct belfry_error error = {0};
    json_t *value = json_parse(text, JSON_DEPTH_DEFAULT, &error);
    if (!value)
      return model_problem_set(problem, error.code, "", "%.200s", error.text);
    json_decref(value);
  }
  text = slice_trim(text);
  if (text.len == 0 || text.data[0] != '{')
    return model_problem_set(problem, BELFRY_ECONFLICT, "", "must be an object");
  /* What is decoded is never longer than the text; quoting the labels again makes at most six bytes
   * of one. */
  buf_clear(&out->scratch);
  if (!buf_reserve(&out->scratch, text.len * 7))
    return model_problem_set(problem, buf_status(&out->scratch), "", "is too large");
  out->sample = (struct sample){.labels = slice_of("{}"), .timestamp_ms = now_ms};

  struct slice labels = json_member(text, "labels"), timestamp = json_member(text, "timestamp");
  int status = take_metric(json_member(text, "metric"), out, problem);
  if (!status)
    status = take_value(json_member(text, "value"), out, problem);
  if (!status && labels.data && !slice_is(labels, "null"))
    status = take_labels(labels, out, problem);
  if (!status && timestamp.data && !slice_is(timestamp, "null"))
    status = timestamp_take(timestamp, &out->scratch, &out->sample.timestamp_ms, problem);
  return status;
}
