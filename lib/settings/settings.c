#include "settings/settings.h"

#include "base/json.h"
#include "base/log.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* A running Belfry writes something every second: a history in which nothing happens any more was
   perhaps replaced on the disk, and is opened anew. */
#define STILL_LOOKS 5

#define UNKNOWN     (-1) /* as a version */

/* --- the rows --- */

struct reading {
  struct settings *settings;
  size_t starts[SETTINGS_MAX][3]; /* where the texts of a row begin, until all are there */
};

static size_t keep(struct buf *texts, struct slice text) {
  size_t at = texts->len;
  buf_put_slice(texts, text);
  return at;
}

static int on_row(void *arg, const struct history_value *values, size_t count) {
  struct reading *reading = arg;
  struct settings *settings = reading->settings;
  if (count < 5 || settings->count == SETTINGS_MAX)
    return count < 5 ? BELFRY_ECORRUPT : BELFRY_OK;
  struct setting_row *row = &settings->rows[settings->count];
  size_t *starts = reading->starts[settings->count++];
  *row = (struct setting_row){.setting = {values[0].text, values[1].text},
                              .version = values[2].integer,
                              .changed_ms = values[3].integer,
                              .changed_by = values[4].text};
  starts[0] = keep(&settings->texts, values[0].text);
  starts[1] = keep(&settings->texts, values[1].text);
  starts[2] = keep(&settings->texts, values[4].text);
  return buf_status(&settings->texts);
}

static int on_version(void *arg, const struct history_value *values, size_t count) {
  if (count > 0)
    *(int64_t *)arg = values[0].integer;
  return BELFRY_OK;
}

static int read_rows(struct history *history, struct settings *out, struct belfry_error *error) {
  struct reading reading = {.settings = out};
  int status =
      history_read(history, SQL_SETTINGS_VERSION, NULL, 0, on_version, &out->version, error);
  if (!status)
    status = history_read(history, SQL_SETTINGS, NULL, 0, on_row, &reading, error);
  for (size_t i = 0; i < out->count && !status; i++) {
    struct setting_row *row = &out->rows[i];
    row->setting.key.data = out->texts.data + reading.starts[i][0];
    row->setting.value.data = out->texts.data + reading.starts[i][1];
    row->changed_by.data = out->texts.data + reading.starts[i][2];
  }
  return status;
}

int settings_read_version(struct history *history, int64_t *out) {
  *out = 0;
  return history_read(history, SQL_SETTINGS_VERSION, NULL, 0, on_version, out, NULL);
}

int settings_read(struct history *history, struct settings *out, struct belfry_error *error) {
  if (!out->texts.data)
    buf_init(&out->texts, 0);
  buf_clear(&out->texts);
  out->count = 0;
  out->version = 0;
  int status = history_begin(history, error);
  if (status)
    return status;
  status = read_rows(history, out, error);
  history_end(history);
  return status;
}

void settings_fini(struct settings *settings) {
  buf_fini(&settings->texts);
}

struct conf *settings_load(const char *conf_path, const struct settings *settings,
                           struct belfry_error *error) {
  struct conf_setting rows[SETTINGS_MAX];
  for (size_t i = 0; i < settings->count; i++)
    rows[i] = settings->rows[i].setting;
  return conf_load_with(conf_path, rows, settings->count, error);
}

/* --- a change --- */

static int refuse(struct model_problem *problem, const char *key, const char *why) {
  char pointer[140];
  snprintf(pointer, sizeof pointer, "/%.120s", key);
  return model_problem_set(problem, BELFRY_ECONFLICT, pointer, "%s", why);
}

/* The value as it would stand in the file. Returns: false when it is none. */
static bool put_text(const json_t *value, struct buf *arena) {
  switch (json_typeof(value)) {
  case JSON_STRING:
    buf_put_slice(arena, slice_new(json_string_value(value), json_string_length(value)));
    return true;
  case JSON_INTEGER:
    buf_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return true;
  case JSON_TRUE:
  case JSON_FALSE:
    buf_put_text(arena, json_is_true(value) ? "true" : "false");
    return true;
  default:
    return false;
  }
}

static int take_change(const char *key, const json_t *value, struct setting_change *out,
                       struct buf *arena, struct model_problem *problem) {
  struct buf why;
  int index = conf_live_find(slice_of(key));
  if (index < 0)
    return refuse(problem, key,
                  "is no setting that can be changed while Belfry runs; GET /api/settings lists "
                  "those that can");
  *out = (struct setting_change){.index = (size_t)index};
  if (json_is_null(value))
    return BELFRY_OK;
  size_t start = arena->len;
  if (!put_text(value, arena))
    return refuse(problem, key,
                  "must be a text, a whole number, true, false, or null for what the "
                  "file says");
  if (buf_status(arena))
    return buf_status(arena);
  buf_init(&why, 0);
  struct slice text = slice_new(arena->data + start, arena->len - start);
  int status = conf_live_check(out->index, text, &why);
  if (status == BELFRY_EINVAL)
    status = refuse(problem, key, buf_status(&why) ? "does not fit" : why.data);
  buf_fini(&why);
  out->value = slice_new((const char *)(uintptr_t)(start + 1), text.len); /* + 1: not NULL */
  return status;
}

int settings_parse(struct slice text, struct setting_change out[SETTINGS_MAX], size_t *count,
                   struct buf *arena, struct model_problem *problem) {
  struct belfry_error why = {0};
  const char *key;
  json_t *value, *object = json_parse(text, JSON_DEPTH_DEFAULT, &why);
  *count = 0;
  if (!object)
    return model_problem_set(problem, why.code == BELFRY_ENOMEM ? why.code : BELFRY_EINVAL, "",
                             "%s", why.text);
  int status = BELFRY_OK;
  if (!json_is_object(object))
    status = model_problem_set(problem, BELFRY_ECONFLICT, "", "must be an object of settings");
  else if (json_object_size(object) == 0 || json_object_size(object) > SETTINGS_MAX)
    status = model_problem_set(problem, BELFRY_ECONFLICT, "", "must name 1 to %d settings",
                               SETTINGS_MAX);
  if (!status)
    json_object_foreach(object, key, value) {
      status = take_change(key, value, &out[*count], arena, problem);
      if (status)
        break;
      ++*count;
    }
  for (size_t i = 0; i < *count && !status; i++) /* the arena has moved meanwhile */
    if (out[i].value.data)
      out[i].value.data = arena->data + (uintptr_t)out[i].value.data - 1;
  json_decref(object);
  return status;
}

/* --- looking --- */

static bool open_history(struct settings_look *look, const struct conf *conf) {
  char dir[PATH_MAX];
  struct belfry_error ignored = {0};
  return look->history || (conf_state_path(conf, "history", dir, sizeof dir) == BELFRY_OK &&
                           history_open(dir, &look->history, &ignored) == BELFRY_OK);
}

static void forget_history(struct settings_look *look) {
  history_close(look->history);
  look->history = NULL;
  look->seen = 0;
}

struct conf *settings_reload(struct settings_look *look, const struct conf *conf,
                             struct belfry_error *error) {
  struct settings settings = {0};
  struct belfry_error why = {0};
  if (!open_history(look, conf) || settings_read(look->history, &settings, &why)) {
    forget_history(look); /* they are not known now; the next look finds them */
    settings.count = 0;
    look->version = UNKNOWN;
  } else {
    look->version = settings.version;
  }
  look->asked = true;
  struct conf *fresh = settings_load(conf->path, &settings, error);
  settings_fini(&settings);
  return fresh;
}

/* Whether the version is another one. */
static bool has_changed(struct settings_look *look) {
  struct belfry_error why = {0};
  int64_t version = 0;
  uint64_t seen = history_version(look->history);
  if (seen == look->seen && seen != 0) {
    if (++look->still > STILL_LOOKS)
      forget_history(look);
    return false;
  }
  look->still = 0;
  if (history_read(look->history, SQL_SETTINGS_VERSION, NULL, 0, on_version, &version, &why)) {
    forget_history(look);
    return false;
  }
  look->seen = seen;
  return look->asked ? version != look->version : version != 0;
}

struct conf *settings_look(struct settings_look *look, const struct conf *conf) {
  struct belfry_error error = {0};
  if (!open_history(look, conf) || !has_changed(look))
    return NULL;
  struct conf *fresh = settings_reload(look, conf, &error);
  if (!fresh)
    log_error(
        "settings that were changed are not used, since the configuration cannot be loaded: %s",
        error.text);
  return fresh;
}

void settings_look_end(struct settings_look *look) {
  forget_history(look);
}
