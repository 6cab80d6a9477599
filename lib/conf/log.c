/*
 * Entries of `logs`.
 */
#include "conf/conf_priv.h"

#include <string.h>

static const struct conf_row log_rows[] = {
    {.key = "path",
     .kind = CONF_KIND_PATH,
     .offset = offsetof(struct conf_log, path),
     .required = true,
     .fallback_text = "",
     .max = 4095,
     .doc = "The file whose new lines become events of type log. It may be rotated."},
    {.key = "source",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_log, source),
     .fallback_text = "",
     .max = 128,
     .doc = "The source of these events. The name of the file without its folders by default."},
};

static void finish(const struct conf *conf, void *entry, struct buf *why) {
  struct conf_log *log = entry;
  (void)conf;
  if (log->source)
    return;
  const char *slash = strrchr(log->path, '/');
  log->source = strdup(slash ? slash + 1 : log->path);
  if (!log->source)
    why->status = BELFRY_ENOMEM;
}

const struct conf_list conf__log_list = {
    CONF_LIST_OF(logs, log, log_rows),
    .finish = finish,
    .example = "- path: /var/log/app.log",
    .doc = "Log files that are followed.",
};
