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
     .doc = "The file whose new lines become events of type log, or a glob, such as "
            "/var/log/app/*.log, for all files that match it now and later. They may be rotated."},
    {.key = "source",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_log, source),
     .fallback_text = "",
     .max = 128,
     .doc = "The source of these events. The name of the file without its folders by default."},
    {.key = "format",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_log, format),
     .choices = "auto"
#define LOG_FORMAT(name, doc) "|" #name
#include "conf/log_formats.def"
#undef LOG_FORMAT
     ,
     .doc = "How its lines are written. By default each is taken for what it looks like. A line "
            "that is not in the format is kept as plain text."},
    {.key = "pattern",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_log, pattern),
     .fallback_text = "",
     .max = 4096,
     .doc =
         "A regular expression as of Perl (PCRE2) that the lines match. Its named groups `time`, "
         "`severity` and `message` are that, all others attributes."},
    {.key = "multiline",
     .kind = CONF_KIND_CHOICE,
     .offset = offsetof(struct conf_log, multiline),
     .choices = CONF_LOG_MULTILINES,
     .doc = "Whether the lines of a stack trace, and those that are indented, are one event with "
            "the line before them. auto by default."},
    {.key = "multiline_start",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_log, multiline_start),
     .fallback_text = "",
     .max = 1024,
     .doc = "A regular expression that the first line of each event matches; lines that do not "
            "match go on with it."},
};

bool conf_is_glob(const char *path) {
  return strpbrk(path, "*?[") != NULL;
}

/* Has a group with a name. */
static bool names_something(const char *pattern) {
  return strstr(pattern, "(?<") || strstr(pattern, "(?P<") || strstr(pattern, "(?'");
}

static void name_source(struct conf_log *log, struct buf *why) {
  const char *slash = strrchr(log->path, '/');
  log->source = strdup(slash ? slash + 1 : log->path);
  if (!log->source)
    why->status = BELFRY_ENOMEM;
}

static void finish(const struct conf *conf, void *entry, struct buf *why) {
  struct conf_log *log = entry;
  (void)conf;
  if (!log->source && !conf_is_glob(log->path))
    name_source(log, why);
  if (strstr(log->path, "**")) {
    buf_put_text(why, "** is not understood in a path: write a `*` for each folder");
    return;
  }
  if (log->pattern && log->format == CONF_LOG_auto)
    log->format = CONF_LOG_pattern;
  if (log->pattern && log->format != CONF_LOG_pattern) {
    buf_put_text(why, "`pattern` is for the format pattern: remove one of them");
  } else if (!log->pattern && log->format == CONF_LOG_pattern) {
    buf_put_text(why, "the format pattern needs `pattern`, such as "
                      "'^(?<time>\\S+) (?<severity>\\w+) (?<message>.*)$'");
  } else if (log->pattern) {
    conf__check_pattern(log->pattern, why);
    if (why->len == 0 && !names_something(log->pattern))
      buf_put_text(why, "the pattern has no named group: write (?<message>...) around what is the "
                        "message");
  }
  if (log->multiline_start && why->len == 0) {
    if (log->multiline == CONF_LOG_MULTILINE_OFF)
      buf_put_text(why, "`multiline_start` means nothing with multiline: off: remove one of them");
    conf__check_pattern(log->multiline_start, why);
  }
}

const struct conf_list conf__log_list = {
    CONF_LIST_OF(logs, log, log_rows),
    .finish = finish,
    .example = "- path: /var/log/app.log",
    .doc = "Log files that are followed.",
};

struct conf_log *conf_log_copy(const struct conf_log *log) {
  return conf__copy_entry(&conf__log_list, log);
}

void conf_log_free(struct conf_log *log) {
  conf__free_entry(&conf__log_list, log);
}

bool conf_log_same(const struct conf_log *a, const struct conf_log *b) {
  return conf__same_entry(&conf__log_list, a, b);
}
