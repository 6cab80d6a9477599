#include "watchd/quiet.h"

#include "base/slice.h"
#include "watchd/maintenance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct window {
  struct conf_maintenance *conf; /* owned */
  bool goes_on;
};

struct silence {
  json_t *matchers; /* owned: label to glob */
  int64_t starts_ms, ends_ms;
  char *comment, *by; /* owned */
  bool goes_on;
};

struct silences {
  struct silence *items; /* owned */
  size_t count;
};

struct quiet {
  struct window *windows; /* owned */
  size_t window_count;
  int64_t windows_minute; /* of which `goes_on` of recurring ones is */
  struct silences silences;
};

int quiet_new(struct quiet **out) {
  *out = calloc(1, sizeof **out);
  return *out ? BELFRY_OK : BELFRY_ENOMEM;
}

static void free_windows(struct window *windows, size_t count) {
  for (size_t i = 0; i < count; i++)
    conf_maintenance_free(windows[i].conf);
  free(windows);
}

static void free_silences(struct silences *silences) {
  for (size_t i = 0; i < silences->count; i++) {
    json_decref(silences->items[i].matchers);
    free(silences->items[i].comment);
    free(silences->items[i].by);
  }
  free(silences->items);
  *silences = (struct silences){0};
}

void quiet_free(struct quiet *quiet) {
  if (!quiet)
    return;
  free_windows(quiet->windows, quiet->window_count);
  free_silences(&quiet->silences);
  free(quiet);
}

int quiet_configure(struct quiet *quiet, const struct conf *conf) {
  size_t count = 0;
  struct window *windows = calloc(conf->maintenance_count + 1, sizeof *windows);
  if (!windows)
    return BELFRY_ENOMEM;
  for (; count < conf->maintenance_count; count++)
    if (!(windows[count].conf = conf_maintenance_copy(&conf->maintenance[count]))) {
      free_windows(windows, count);
      return BELFRY_ENOMEM;
    }
  free_windows(quiet->windows, quiet->window_count);
  quiet->windows = windows;
  quiet->window_count = count;
  quiet->windows_minute = 0;
  return BELFRY_OK;
}

/* Columns: silence_id, matchers, starts, ends, comment, created_by. */
static int on_silence(void *arg, const struct history_value *values, size_t count) {
  struct silences *silences = arg;
  if (count != 6)
    return BELFRY_ECORRUPT;
  struct silence *more = reallocarray(silences->items, silences->count + 1, sizeof *more);
  if (!more)
    return BELFRY_ENOMEM;
  silences->items = more;
  struct silence *silence = &more[silences->count];
  *silence = (struct silence){
      .matchers = json_loadb(values[1].text.data, values[1].text.len, 0, NULL),
      .starts_ms = values[2].integer,
      .ends_ms = values[3].integer,
      .comment = strndup(values[4].text.len ? values[4].text.data : "", values[4].text.len),
      .by = strndup(values[5].text.len ? values[5].text.data : "", values[5].text.len),
  };
  silences->count++;
  return silence->comment && silence->by && json_is_object(silence->matchers) ? 0 : BELFRY_ENOMEM;
}

int quiet_read(struct quiet *quiet, struct history *history, int64_t now_ms,
               struct belfry_error *error) {
  struct silences silences = {0};
  const struct history_value params[] = {HISTORY_VALUE_INTEGER("now", now_ms)};
  int status = history_read(history, SQL_SILENCES_OPEN, params, 1, on_silence, &silences, error);
  if (status) {
    free_silences(&silences);
    return status;
  }
  free_silences(&quiet->silences);
  quiet->silences = silences;
  return BELFRY_OK;
}

void quiet_look(struct quiet *quiet, int64_t now_ms) {
  bool minute_passed = now_ms / 60000 != quiet->windows_minute;
  quiet->windows_minute = now_ms / 60000;
  for (size_t i = 0; i < quiet->window_count; i++) {
    struct window *window = &quiet->windows[i];
    if (minute_passed || window->conf->from) /* those of the clock change with a minute */
      window->goes_on = maintenance_goes_on(window->conf, now_ms);
  }
  for (size_t i = 0; i < quiet->silences.count; i++) {
    struct silence *silence = &quiet->silences.items[i];
    silence->goes_on = silence->starts_ms <= now_ms && now_ms < silence->ends_ms;
  }
}

static bool glob_label(const json_t *labels, const char *name, const char *glob) {
  const char *value = json_string_value(json_object_get(labels, name));
  return value && slice_glob(slice_of(glob), slice_of(value));
}

static bool any_glob(const json_t *labels, const char *name, char *const *globs) {
  for (; *globs; globs++)
    if (glob_label(labels, name, *globs))
      return true;
  return false;
}

static bool window_matches(const struct window *window, const json_t *labels) {
  const struct conf_maintenance *conf = window->conf;
  bool all = !conf->services && !conf->alerts;
  return window->goes_on &&
         (all || (conf->services && any_glob(labels, "service", conf->services)) ||
          (conf->alerts && any_glob(labels, "alertname", conf->alerts)));
}

static bool silence_matches(const struct silence *silence, const json_t *labels) {
  const char *name;
  json_t *glob;
  bool matches = silence->goes_on && json_object_size(silence->matchers) > 0;
  json_object_foreach(silence->matchers, name, glob) {
    matches = matches && json_is_string(glob) && glob_label(labels, name, json_string_value(glob));
  }
  return matches;
}

bool quiet_match(const struct quiet *quiet, const json_t *labels, char *out, size_t size) {
  for (size_t i = 0; i < quiet->silences.count; i++) {
    const struct silence *silence = &quiet->silences.items[i];
    if (silence_matches(silence, labels)) {
      snprintf(out, size, "silenced by %.60s%s%.100s", silence->by, silence->comment[0] ? ": " : "",
               silence->comment);
      return true;
    }
  }
  for (size_t i = 0; i < quiet->window_count; i++)
    if (window_matches(&quiet->windows[i], labels)) {
      snprintf(out, size, "maintenance: %s", quiet->windows[i].conf->name);
      return true;
    }
  return false;
}
