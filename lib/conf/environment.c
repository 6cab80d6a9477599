/*
 * What the environment says: BELFRY_SECTION_KEY for every setting, and the variables of older
 * dashboards (aliases.def). An empty variable counts as not set. Relative paths are taken from the
 * working directory, as a shell's user expects.
 */
#include "conf/conf_priv.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum alias_how { ALIAS_VALUE, ALIAS_SECONDS, ALIAS_FOLDER };

struct alias {
  const char *variable, *section, *key;
  enum alias_how how;
};

static const struct alias aliases[] = {
#define CONF_ALIAS(variable, section, key, how, doc) {variable, #section, #key, ALIAS_##how},
#include "conf/aliases.def"
};

static const char *variable_value(const char *name) {
  const char *value = getenv(name);
  return value && value[0] ? value : NULL;
}

static void read_variable(struct conf_reading *reading, const struct conf_row *row,
                          const char *variable, struct slice text) {
  char folder[PATH_MAX];
  struct buf why;
  buf_init(&why, 0);
  if (!getcwd(folder, sizeof folder))
    strcpy(folder, "/");
  int status = conf__read_value(row, text, folder, reading->conf, &why);
  if (status == BELFRY_ENOMEM || buf_status(&why))
    reading->status = BELFRY_ENOMEM;
  else if (status)
    conf__problem(reading, variable, "%s.%s: %s", row->section, row->key, why.data);
  buf_fini(&why);
}

static void variable_of(const struct conf_row *row, char *out, size_t size) {
  snprintf(out, size, "BELFRY_%s_%s", row->section, row->key);
  for (char *c = out; *c; c++)
    *c = (char)toupper((unsigned char)*c);
}

static void read_alias(struct conf_reading *reading, const struct alias *alias,
                       const struct conf_row *row, const char *value) {
  char text[PATH_MAX + 8];
  struct slice slice = slice_new(value, strlen(value)); /* there is one: the variable is set */
  if (alias->how == ALIAS_SECONDS) {
    snprintf(text, sizeof text, "%.64ss", value);
    slice = slice_of(text);
    if (strspn(value, "0123456789") != strlen(value)) { /* 2m would else become 2ms */
      conf__problem(reading, alias->variable,
                    "%s.%s: '%.60s' is not a whole number of seconds from %lld to %lld",
                    row->section, row->key, value, (long long)row->min / 1000,
                    (long long)row->max / 1000);
      return;
    }
  } else if (alias->how == ALIAS_FOLDER) {
    const char *slash = strrchr(value, '/');
    slice = !slash           ? slice_of(".")
            : slash == value ? slice_of("/")
                             : slice_new(value, (size_t)(slash - value));
  }
  read_variable(reading, row, alias->variable, slice);
}

/* LOG_FILE_PATH is one more log to follow, unless the file names it already. */
static void read_log_alias(struct conf_reading *reading, const char *value) {
  const struct conf_list *list = NULL;
  char folder[PATH_MAX];
  struct conf_log found = {0};
  struct buf why;
  for (size_t i = 0; i < conf__list_count; i++)
    if (strcmp(conf__lists[i]->name, "logs") == 0)
      list = conf__lists[i];
  if (!getcwd(folder, sizeof folder))
    strcpy(folder, "/");
  buf_init(&why, 0);
  int status = conf__read_value(&list->rows[0], slice_of(value), folder, &found, &why);
  if (status == BELFRY_EINVAL && !buf_status(&why))
    conf__problem(reading, "LOG_FILE_PATH", "%s", why.data);
  buf_fini(&why);
  if (status == BELFRY_EINVAL)
    return;
  if (status)
    goto failed;
  for (size_t i = 0; i < reading->conf->log_count; i++)
    if (reading->conf->logs[i].path && strcmp(reading->conf->logs[i].path, found.path) == 0) {
      free(found.path);
      return;
    }
  found.source = strdup(strrchr(found.path, '/') + 1);
  struct conf_log *entry = found.source ? conf__list_append(list, reading->conf) : NULL;
  if (!entry)
    goto failed;
  *entry = found;
  return;
failed:
  free(found.path);
  free(found.source);
  reading->status = BELFRY_ENOMEM;
}

void conf__read_environment(struct conf_reading *reading) {
  bool set[CONF_ROWS_MAX];
  memcpy(set, reading->in_file, sizeof set);
  for (size_t i = 0; i < conf__setting_count; i++) {
    char variable[128];
    variable_of(&conf__settings[i], variable, sizeof variable);
    const char *value = variable_value(variable);
    if (!value)
      continue;
    set[i] = true;
    reading->conf->origins[i] = CONF_FROM_ENVIRONMENT;
    read_variable(reading, &conf__settings[i], variable, slice_of(value));
  }
  for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
    const char *value = variable_value(aliases[i].variable);
    size_t setting = conf__setting_index(slice_of(aliases[i].section), slice_of(aliases[i].key));
    if (value && !set[setting])
      reading->conf->origins[setting] = CONF_FROM_ENVIRONMENT;
    if (value && !set[setting])
      read_alias(reading, &aliases[i], &conf__settings[setting], value);
  }
  if (variable_value("LOG_FILE_PATH"))
    read_log_alias(reading, variable_value("LOG_FILE_PATH"));
}
