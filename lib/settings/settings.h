/*
 * Settings that were changed while Belfry ran: they are rows of the history, and win over the
 * configuration file. Every program looks once a second whether there is something new, and loads
 * its configuration again.
 */
#ifndef BELFRY_SETTINGS_SETTINGS_H
#define BELFRY_SETTINGS_SETTINGS_H

#include "base/buf.h"
#include "base/error.h"
#include "conf/conf.h"
#include "history/query.h"
#include "model/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_MAX 64

struct setting_row {
  struct conf_setting setting;
  int64_t version, changed_ms;
  struct slice changed_by;
};

/* The rows, as of one moment. Zero it before the first use; settings_fini() once. */
struct settings {
  int64_t version; /* of all together; 0: none was ever changed */
  size_t count;
  struct setting_row rows[SETTINGS_MAX]; /* their texts are in `texts` */
  struct buf texts;
};

int settings_read(struct history *history, struct settings *out,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

/* Their version alone. */
int settings_read_version(struct history *history, int64_t *out) BELFRY_MUST_CHECK;
void settings_fini(struct settings *settings);

/* Loads the configuration with them. Returns: as conf_load. */
struct conf *settings_load(const char *conf_path, const struct settings *settings,
                           struct belfry_error *error);

/* A change that is asked for. */
struct setting_change {
  size_t index;       /* of conf_live_... */
  struct slice value; /* as in the file; NULL data: the setting is to go */
};

/*
 * Reads an object of settings, {"push.interval":"10s","thresholds.cpu_max":80,"web.title":null},
 * and checks each value as the file's is. Texts lie in `arena`. Returns: 0; BELFRY_EINVAL when it
 * is not JSON; BELFRY_ECONFLICT with the pointer of what is wrong; BELFRY_ETOOBIG; BELFRY_ENOMEM.
 */
int settings_parse(struct slice text, struct setting_change out[SETTINGS_MAX], size_t *count,
                   struct buf *arena, struct model_problem *problem) BELFRY_MUST_CHECK;

/* Looks, now and then, whether settings were changed. Zero it; settings_look_end() at the end. */
struct settings_look {
  struct history *history; /* owned; NULL while it cannot be opened */
  uint64_t seen;           /* of history_version */
  int64_t version;         /* of the settings that are in force */
  bool asked;              /* `version` was asked for once */
  unsigned still;          /* looks in a row that saw no change */
};

/*
 * Loads the configuration anew when settings were changed since the last time (or at all, the first
 * time). Cheap while nothing was. A history that cannot be read now is looked at again later.
 * Returns: owned; NULL when there is nothing new, or when it cannot be loaded, which was logged.
 */
struct conf *settings_look(struct settings_look *look, const struct conf *conf);

/* The same in any case, for who was asked to load it again. */
struct conf *settings_reload(struct settings_look *look, const struct conf *conf,
                             struct belfry_error *error);
void settings_look_end(struct settings_look *look);

#endif
