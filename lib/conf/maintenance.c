/*
 * Entries of `maintenance`: times, either once or again and again.
 */
#include "base/timestamp.h"
#include "conf/conf_priv.h"

#include <string.h>

static const struct conf_row maintenance_rows[] = {
    {.key = "name",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_maintenance, name),
     .required = true,
     .fallback_text = "",
     .max = 64,
     .form = CONF_FORM_ANY,
     .doc = "What is done then. Unique."},
    {.key = "services",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_maintenance, services),
     .max = 64,
     .form = CONF_FORM_ANY,
     .doc = "The services that it is for: globs, of the label `service` of alerts."},
    {.key = "alerts",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_maintenance, alerts),
     .max = 64,
     .form = CONF_FORM_ANY,
     .doc = "The rules that it is for: globs. With neither, it is for all."},
    {.key = "from",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_maintenance, from),
     .fallback_text = "",
     .max = 40,
     .form = CONF_FORM_TIME,
     .doc = "When it begins, once."},
    {.key = "to",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_maintenance, to),
     .fallback_text = "",
     .max = 40,
     .form = CONF_FORM_TIME,
     .doc = "When that is over."},
    {.key = "days",
     .kind = CONF_KIND_WORDS,
     .offset = offsetof(struct conf_maintenance, days),
     .max = 3,
     .form = CONF_FORM_LABEL,
     .doc = "The days on which it begins, again and again: mon, tue, wed, thu, fri, sat, sun. Each "
            "day by default."},
    {.key = "start",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_maintenance, start),
     .fallback_text = "",
     .max = 5,
     .form = CONF_FORM_CLOCK,
     .doc = "When it begins on these days."},
    {.key = "end",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_maintenance, end),
     .fallback_text = "",
     .max = 5,
     .form = CONF_FORM_CLOCK,
     .doc = "When it is over; of the next day when that is not after the start."},
    {.key = "timezone",
     .kind = CONF_KIND_TEXT,
     .offset = offsetof(struct conf_maintenance, timezone),
     .fallback_text = "",
     .max = 64,
     .form = CONF_FORM_ZONE,
     .doc = "The time zone of IANA that start and end are of. UTC by default. A time that a change "
            "to summer time leaves out counts as so much later; of one that comes twice, a start "
            "is the first and an end the second."},
};

static bool is_day(const char *name) {
  static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  for (size_t i = 0; i < sizeof days / sizeof *days; i++)
    if (strcmp(name, days[i]) == 0)
      return true;
  return false;
}

static bool is_repeated(const struct conf *conf, const struct conf_maintenance *maintenance) {
  for (const struct conf_maintenance *other = conf->maintenance; other < maintenance; other++)
    if (other->name && strcmp(other->name, maintenance->name) == 0)
      return true;
  return false;
}

static void finish(const struct conf *conf, void *entry, struct buf *why) {
  const struct conf_maintenance *maintenance = entry;
  bool once = maintenance->from || maintenance->to,
       again = maintenance->days || maintenance->start || maintenance->end || maintenance->timezone;
  int64_t from_ms, to_ms;
  if (is_repeated(conf, maintenance))
    buf_printf(why, "there is a maintenance '%s' already: names must differ", maintenance->name);
  else if (once == again)
    buf_put_text(why,
                 "needs either `from` and `to` (once), or `start` and `end` (again and again)");
  else if (once && !(maintenance->from && maintenance->to))
    buf_printf(why, "`%s` is missing", maintenance->from ? "to" : "from");
  else if (again && !(maintenance->start && maintenance->end))
    buf_printf(why, "`%s` is missing", maintenance->start ? "end" : "start");
  else if (once && timestamp_parse(slice_of(maintenance->from), &from_ms) == BELFRY_OK &&
           timestamp_parse(slice_of(maintenance->to), &to_ms) == BELFRY_OK && to_ms <= from_ms)
    buf_put_text(why, "`to` must be after `from`");
  for (char **day = maintenance->days; day && *day && why->len == 0; day++)
    if (!is_day(*day))
      buf_printf(why, "'%s' is not a day: write mon, tue, wed, thu, fri, sat or sun", *day);
}

const struct conf_list conf__maintenance_list = {
    CONF_LIST_OF(maintenance, maintenance, maintenance_rows),
    .finish = finish,
    .example = "- name: nightly backup",
    .doc = "Times in which alerts are shown, but not told.",
};

struct conf_maintenance *conf_maintenance_copy(const struct conf_maintenance *maintenance) {
  return conf__copy_entry(&conf__maintenance_list, maintenance);
}

void conf_maintenance_free(struct conf_maintenance *maintenance) {
  conf__free_entry(&conf__maintenance_list, maintenance);
}
