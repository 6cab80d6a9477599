#include "fcgi/field.h"

#include "base/json.h"
#include "base/timestamp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int duration_parse(struct slice text, int64_t *out_ms) {
  static const struct {
    const char *unit;
    int64_t ms;
  } units[] = {{"", 1000},     {"ms", 1},       {"s", 1000},     {"m", 60000},
               {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};
  size_t digits = 0;
  while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
    digits++;
  long long number;
  if (!slice_to_int64(slice_new(text.data, digits), &number) || number > TIMESTAMP_MAX_MS)
    return BELFRY_EINVAL;
  struct slice unit = slice_new(text.data + digits, text.len - digits);
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (slice_is(unit, units[i].unit))
      return __builtin_mul_overflow(number, units[i].ms, out_ms) ? BELFRY_EINVAL : BELFRY_OK;
  return BELFRY_EINVAL;
}

bool fields_need_any(const struct field *fields) {
  for (size_t i = 0; fields[i].name; i++)
    if (fields[i].required)
      return true;
  return false;
}

static int parse_choice(const struct field *field, struct slice text, int64_t *index) {
  struct slice rest = slice_of(field->choices), choice;
  for (int64_t i = 0; slice_split(&rest, '|', &choice); i++) {
    if (slice_equal(choice, text)) {
      *index = i;
      return BELFRY_OK;
    }
  }
  return BELFRY_EINVAL;
}

static bool parse_number(struct slice text, double *out) {
  char digits[32], *end;
  if (text.len == 0 || text.len >= sizeof digits || strspn(text.data, "-.0123456789eE+") < text.len)
    return false;
  memcpy(digits, text.data, text.len);
  digits[text.len] = '\0';
  *out = strtod(digits, &end);
  return *end == '\0' && isfinite(*out);
}

int field_parse(const struct field *field, struct slice text, int64_t now_ms,
                struct field_value *out, struct model_problem *problem) {
  *out = (struct field_value){.set = true, .text = text};
  long long number;
  switch (field->kind) {
  case FIELD_TEXT:
    if ((int64_t)text.len < field->min || (int64_t)text.len > field->max)
      return model_problem_set(problem, BELFRY_EINVAL, field->name,
                               "must be a text of %lld to %lld bytes", (long long)field->min,
                               (long long)field->max);
    return BELFRY_OK;
  case FIELD_INTEGER:
    if (!slice_to_int64(text, &number) || number < field->min || number > field->max)
      return model_problem_set(problem, BELFRY_EINVAL, field->name,
                               "must be a whole number from %lld to %lld", (long long)field->min,
                               (long long)field->max);
    out->number = number;
    return BELFRY_OK;
  case FIELD_NUMBER:
    if (!parse_number(text, &out->real) || out->real < (double)field->min ||
        out->real > (double)field->max)
      return model_problem_set(problem, BELFRY_EINVAL, field->name,
                               "must be a number from %lld to %lld", (long long)field->min,
                               (long long)field->max);
    return BELFRY_OK;
  case FIELD_TIME:
    if (timestamp_parse_relative(text, now_ms, &out->number))
      return model_problem_set(
          problem, BELFRY_EINVAL, field->name,
          "must be a time such as 2026-11-20T10:30:00Z, 'now', '-15m', or Unix "
          "seconds or milliseconds");
    return BELFRY_OK;
  case FIELD_DURATION:
    if (duration_parse(text, &out->number) || out->number < field->min || out->number > field->max)
      return model_problem_set(problem, BELFRY_EINVAL, field->name,
                               "must be a duration such as 90s, 15m, 24h or 7d, from %lldms to "
                               "%llds",
                               (long long)field->min, (long long)(field->max / 1000));
    return BELFRY_OK;
  case FIELD_CHOICE:
    if (parse_choice(field, text, &out->number))
      return model_problem_set(problem, BELFRY_EINVAL, field->name, "must be one of %s",
                               field->choices);
    return BELFRY_OK;
  case FIELD_BOOLEAN:
    out->number = slice_is(text, "true");
    if (!out->number && !slice_is(text, "false"))
      return model_problem_set(problem, BELFRY_EINVAL, field->name, "must be true or false");
    return BELFRY_OK;
  }
  return BELFRY_EINVAL;
}

/* A member's value as the text that field_parse takes. */
static int member_text(const struct field *field, struct slice raw, struct buf *arena,
                       struct slice *text) {
  if (field->kind == FIELD_BOOLEAN) {
    *text = raw;
    return BELFRY_OK;
  }
  if (raw.data[0] == '"')
    return json_decode_string(raw, arena, text);
  bool number = field->kind != FIELD_TEXT && field->kind != FIELD_CHOICE;
  if (!number || !strchr("-0123456789", raw.data[0]))
    return BELFRY_EINVAL;
  *text = raw;
  return BELFRY_OK;
}

static int parse_member(const struct field *field, struct slice raw, int64_t now_ms,
                        struct buf *arena, struct field_value *out, struct model_problem *problem) {
  static const char *const wanted[] = {
      [FIELD_TEXT] = "a string",
      [FIELD_INTEGER] = "a whole number",
      [FIELD_NUMBER] = "a number",
      [FIELD_TIME] = "a time",
      [FIELD_DURATION] = "a duration such as \"24h\"",
      [FIELD_CHOICE] = "one of the choices",
      [FIELD_BOOLEAN] = "true or false",
  };
  char pointer[80];
  snprintf(pointer, sizeof pointer, "/%s", field->name);
  struct slice text;
  int status = member_text(field, raw, arena, &text);
  if (status == BELFRY_EINVAL)
    return model_problem_set(problem, BELFRY_ECONFLICT, pointer, "must be %s", wanted[field->kind]);
  struct model_problem found = {0};
  if (!status && field_parse(field, text, now_ms, out, &found))
    return model_problem_set(problem, BELFRY_ECONFLICT, pointer, "%s", found.detail);
  return status;
}

int fields_parse_object(const struct field *fields, struct slice text, int64_t now_ms,
                        struct buf *arena, struct field_value *out, struct model_problem *problem) {
  struct belfry_error error = {0};
  json_t *checked = json_parse(text, JSON_DEPTH_DEFAULT, &error);
  if (!checked)
    return model_problem_set(problem, error.code, "", "%.200s", error.text);
  bool object = json_is_object(checked);
  json_decref(checked);
  if (!object)
    return model_problem_set(problem, BELFRY_ECONFLICT, "", "must be an object");
  if (!buf_reserve(arena, text.len))
    return BELFRY_ENOMEM;
  struct json_walk walk;
  struct slice key, raw;
  if (json_walk_start(&walk, slice_trim(text)))
    while (json_walk_next(&walk, &key, &raw))
      for (size_t i = 0; fields[i].name; i++) {
        if (!slice_is(key, fields[i].name) || slice_is(raw, "null"))
          continue;
        int status = parse_member(&fields[i], raw, now_ms, arena, &out[i], problem);
        if (status)
          return status;
      }
  for (size_t i = 0; fields[i].name; i++) {
    char pointer[80];
    snprintf(pointer, sizeof pointer, "/%s", fields[i].name);
    if (fields[i].required && !out[i].set)
      return model_problem_set(problem, BELFRY_ECONFLICT, pointer, "is missing");
  }
  return BELFRY_OK;
}
