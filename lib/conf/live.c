/* Settings that are changed while Belfry runs. */
#include "base/json.h"
#include "base/log.h"
#include "conf/conf_priv.h"

#include <string.h>

static const struct {
  const char *section, *key, *name;
} live[] = {
#define LIVE(section, key) {#section, #key, #section "." #key},
#include "conf/live.def"
#undef LIVE
};
#define LIVE_COUNT (sizeof live / sizeof *live)

static size_t setting_of(size_t index) {
  return conf__setting_index(slice_of(live[index].section), slice_of(live[index].key));
}

bool conf__is_live(const struct conf_row *row) {
  for (size_t i = 0; i < LIVE_COUNT; i++)
    if (&conf__settings[setting_of(i)] == row)
      return true;
  return false;
}

size_t conf_live_count(void) {
  return LIVE_COUNT;
}

int conf_live_find(struct slice key) {
  for (size_t i = 0; i < LIVE_COUNT; i++)
    if (slice_is(key, live[i].name))
      return (int)i;
  return -1;
}

void conf_live_put_name(size_t index, struct buf *out) {
  buf_put_text(out, live[index].name);
}

enum conf_origin conf_live_origin(const struct conf *conf, size_t index) {
  return (enum conf_origin)conf->origins[setting_of(index)];
}

/* No path is live, so no folder is needed. */
static int read_setting(const struct conf_row *row, struct slice text, struct conf *conf,
                        struct buf *why) {
  int status = conf__read_value(row, text, "/", conf, why);
  return status ? status : buf_status(why);
}

int conf_live_check(size_t index, struct slice text, struct buf *why) {
  const struct conf_row *row = &conf__settings[setting_of(index)];
  struct conf scratch = {0};
  int status = read_setting(row, text, &scratch, why);
  conf__free_value(row, &scratch);
  return status;
}

void conf__read_settings(struct conf_reading *reading, const struct conf_setting *settings,
                         size_t count) {
  for (size_t i = 0; i < count && !reading->status; i++) {
    int index = conf_live_find(settings[i].key);
    size_t setting = index < 0 ? SIZE_MAX : setting_of((size_t)index);
    struct buf why;
    buf_init(&why, 0);
    int status =
        index < 0 ? BELFRY_ENOENT
                  : read_setting(&conf__settings[setting], settings[i].value, reading->conf, &why);
    if (status == BELFRY_ENOMEM)
      reading->status = status;
    else if (status)
      log_warning("the setting %.*s that was changed at run time is not used: %s",
                  SLICE_ARG(settings[i].key), index < 0 ? "there is none such" : why.data);
    else
      reading->conf->origins[setting] = CONF_FROM_SETTING;
    buf_fini(&why);
  }
}

void conf_live_put_value(const struct conf *conf, size_t index, struct buf *out) {
  const struct conf_row *row = &conf__settings[setting_of(index)];
  if (row->kind != CONF_KIND_TEXT)
    conf__put_value(row, conf, out);
  else if (!conf__value_absent(row, conf))
    buf_put_text(out, *(char *const *)(const void *)((const char *)conf + row->offset));
}

/* A number or a truth value as JSON has them, all else as a text. */
static void put_json_value(const struct conf_row *row, const struct conf *conf, struct buf *out) {
  struct buf text;
  buf_init(&text, 0);
  bool raw = row->kind == CONF_KIND_BOOL || row->kind == CONF_KIND_INT;
  if (conf__value_absent(row, conf))
    buf_put_text(out, "\"\"");
  else if (raw || row->kind == CONF_KIND_TEXT)
    conf__put_value(row, conf, out); /* a text is put as a JSON string */
  else
    conf__put_value(row, conf, &text);
  if (text.len > 0)
    json_put_string(out, buf_slice(&text));
  if (buf_status(&text))
    out->status = buf_status(&text);
  buf_fini(&text);
}

void conf_live_put_json(const struct conf *conf, size_t index, struct buf *out) {
  static const char *const types[] = {
      [CONF_KIND_BOOL] = "bool",   [CONF_KIND_INT] = "integer",   [CONF_KIND_DURATION] = "duration",
      [CONF_KIND_BYTES] = "bytes", [CONF_KIND_CHOICE] = "choice", [CONF_KIND_PATH] = "path",
      [CONF_KIND_TEXT] = "text",   [CONF_KIND_WORDS] = "list",
  };
  static const char *const origins[] = {"default", "file", "setting", "environment"};
  const struct conf_row *row = &conf__settings[setting_of(index)];
  struct conf fallback = {0};
  struct buf takes;
  buf_init(&takes, 0);
  buf_printf(out, "\"key\":\"%s\",\"value\":", live[index].name);
  put_json_value(row, conf, out);
  buf_printf(out, ",\"origin\":\"%s\",\"default\":", origins[conf_live_origin(conf, index)]);
  if (conf__set_fallback(row, &fallback))
    out->status = BELFRY_ENOMEM;
  else
    put_json_value(row, &fallback, out);
  conf__free_value(row, &fallback);
  buf_printf(out, ",\"type\":\"%s\",\"takes\":", types[row->kind]);
  conf__put_expectation(row, &takes);
  json_put_string(out, buf_slice(&takes));
  buf_put_text(out, ",\"about\":");
  json_put_string(out, slice_of(row->doc));
  if (buf_status(&takes))
    out->status = buf_status(&takes);
  buf_fini(&takes);
}
