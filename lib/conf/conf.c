/*
 * Loading, checking and freeing a configuration, and the paths that follow from it.
 */
#include "conf/conf.h"

#include "base/fd.h"
#include "conf/conf_priv.h"
#include "config.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET_PATH_MAX 107 /* sun_path without its NUL, unix(7) */

void conf__problem(struct conf_reading *reading, const char *where, const char *format, ...) {
  char text[BELFRY_ERROR_TEXT_BYTES];
  va_list args;
  if (reading->problems >= CONF_PROBLEMS_MAX)
    return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  reading->problems++;
  reading->on_problem(reading->arg, where ? where : reading->path, text);
}

void conf__cross_check(struct conf_reading *reading) {
  const struct conf *conf = reading->conf;
  size_t longest = SOCKET_PATH_MAX - strlen("/history.sock");
  if (conf->paths_run && strlen(conf->paths_run) > longest)
    conf__problem(
        reading, NULL,
        "paths.run: has %zu bytes; with /history.sock a socket's path would hold more than "
        "%d: choose a folder of at most %zu bytes",
        strlen(conf->paths_run), SOCKET_PATH_MAX, longest);
}

bool conf__can_be_on(const struct conf_row *row, struct buf *why) {
#ifndef HAVE_LIBSYSTEMD
  if (row->section && strcmp(row->section, "journal") == 0) {
    buf_put_text(why, "this Belfry was built without libsystemd: build it where libsystemd-dev is "
                      "installed, or write false");
    return false;
  }
#else
  (void)row;
  (void)why;
#endif
  return true;
}

static struct conf *conf_new(void) {
  struct conf *conf = calloc(1, sizeof *conf);
  for (size_t i = 0; conf && i < conf__setting_count; i++)
    if (conf__set_fallback(&conf__settings[i], conf)) {
      conf_free(conf);
      return NULL;
    }
  return conf;
}

void conf_free(struct conf *conf) {
  if (!conf)
    return;
  for (size_t i = 0; i < conf__setting_count; i++)
    conf__free_value(&conf__settings[i], conf);
  for (size_t i = 0; i < conf__list_count; i++)
    conf__list_free(conf__lists[i], conf);
  free(conf->path);
  free(conf);
}

/* The absolute folder of the file. Returns: owned; NULL out of memory or when it is gone. */
static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  char *named = !slash          ? strdup(".")
                : slash == path ? strdup("/")
                                : strndup(path, (size_t)(slash - path));
  char *folder = named ? realpath(named, NULL) : NULL;
  free(named);
  return folder;
}

/* Takes: `optional`, whether the file may be absent. `error` gets why a file could not be read. */
static void read_file(struct conf_reading *reading, bool optional, struct belfry_error *error) {
  size_t len = 0;
  struct belfry_error why = {0};
  char *text = fd_read_file(reading->path, CONF_FILE_BYTES_MAX, &len, &why);
  if (!text && why.code == BELFRY_ENOENT && optional)
    return;
  if (text && !(reading->folder = folder_of(reading->path)))
    why.code = BELFRY_ENOMEM;
  if (why.code == BELFRY_ENOMEM) {
    reading->status = BELFRY_ENOMEM;
  } else if (!text) {
    conf__problem(reading, NULL, "%s", why.text);
    error->code = why.code;
  } else {
    conf__read_yaml(reading, slice_new(text, len));
  }
  free(text);
}

/*
 * Reads everything. Returns: owned, whatever the problems; NULL out of memory. `error->code` is set
 * when the file could not be read.
 */
static struct conf *read_all(const char *path, const struct conf_setting *settings, size_t count,
                             conf_problem_fn on_problem, void *arg, int *problems,
                             struct belfry_error *error) {
  const char *older = getenv("HEALTH_CONFIG_PATH");
  bool optional = !path && !(older && older[0]);
  struct conf_reading reading = {
      .conf = conf_new(),
      .path = path       ? path
              : optional ? BELFRY_SYSCONFDIR "/belfry/belfry.yaml"
                         : older,
      .on_problem = on_problem,
      .arg = arg,
  };
  if (!reading.conf)
    return NULL;
  if (path && !(reading.conf->path = strdup(path)))
    reading.status = BELFRY_ENOMEM;
  read_file(&reading, optional, error);
  for (size_t i = 0; i < conf__setting_count; i++)
    reading.conf->origins[i] = reading.in_file[i] ? CONF_FROM_FILE : CONF_FROM_DEFAULT;
  if (!reading.status)
    conf__read_settings(&reading, settings, count);
  if (!reading.status)
    conf__read_environment(&reading);
  if (!reading.status)
    conf__cross_check(&reading);
  free(reading.folder);
  if (reading.status) {
    conf_free(reading.conf);
    return NULL;
  }
  *problems = reading.problems;
  return reading.conf;
}

static void keep_first(void *arg, const char *where, const char *text) {
  belfry_error_set(arg, BELFRY_EINVAL, "%s: %s", where, text);
}

struct conf *conf_load(const char *path, struct belfry_error *error) {
  return conf_load_with(path, NULL, 0, error);
}

struct conf *conf_load_with(const char *path, const struct conf_setting *settings, size_t count,
                            struct belfry_error *error) {
  struct belfry_error first = {0}, unreadable = {0};
  int problems = 0;
  struct conf *conf = read_all(path, settings, count, keep_first, &first, &problems, &unreadable);
  if (!conf) {
    belfry_error_set(error, BELFRY_ENOMEM, "out of memory while reading the configuration");
    return NULL;
  }
  if (problems > 0) {
    belfry_error_set(error, unreadable.code ? unreadable.code : first.code, "%s", first.text);
    conf_free(conf);
    return NULL;
  }
  return conf;
}

int conf_check(const char *path, conf_problem_fn on_problem, void *arg) {
  struct belfry_error unreadable = {0};
  int problems = 0;
  struct conf *conf = read_all(path, NULL, 0, on_problem, arg, &problems, &unreadable);
  if (!conf)
    return BELFRY_ENOMEM;
  conf_free(conf);
  return problems;
}

static int join(const char *folder, const char *name, char *out, size_t size) {
  int len = snprintf(out, size, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
  return len >= 0 && (size_t)len < size ? BELFRY_OK : BELFRY_ETOOBIG;
}

int conf_state_path(const struct conf *conf, const char *name, char *out, size_t size) {
  return join(conf->paths_state, name, out, size);
}

int conf_run_path(const struct conf *conf, const char *name, char *out, size_t size) {
  return join(conf->paths_run, name, out, size);
}
