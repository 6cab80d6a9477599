#include "fcgi/prometheus.h"

#include "base/json.h"

struct metric {
  const char *type, *name;
  const char *from, *figure;
  const char *labels; /* as they are written; NULL for none */
  const char *each;   /* the label that takes the keys of a figure that is an object; NULL */
  const char *help;
};

#define COUNTER     "counter"
#define GAUGE       "gauge"
#define HISTORY     PROMETHEUS_HISTORY
#define NONE        NULL, NULL
#define LABEL(text) text, NULL
#define EACH(name)  NULL, name
#define METRIC(...) {__VA_ARGS__},
static const struct metric metrics[] = {
#include "fcgi/metrics.def"
};
#undef METRIC

/* Label values and help: `\`, `"` and line breaks are escaped. */
static void put_escaped(struct buf *out, struct slice text) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c == '\n')
      buf_put_text(out, "\\n");
    else if (c == '\\' || c == '"')
      buf_printf(out, "\\%c", c);
    else
      buf_put_char(out, c);
  }
}

void prometheus_put_head(struct buf *out, const char *name, const char *type, const char *help) {
  buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prometheus_put_label(struct buf *out, const char *before, const char *name,
                          struct slice value) {
  buf_printf(out, "%s%s=\"", before, name);
  put_escaped(out, value);
  buf_put_char(out, '"');
}

/* --- which daemons there are --------------------------------------------------------------------
 */

static bool is_daemon(const struct prometheus_source *source) {
  return strcmp(source->name, PROMETHEUS_HISTORY) != 0;
}

static void put_daemons(struct buf *out, const struct prometheus_source *sources, size_t count) {
  prometheus_put_head(out, "belfry_up", GAUGE, "Whether the daemon runs.");
  for (size_t i = 0; i < count; i++) {
    if (!is_daemon(&sources[i]))
      continue;
    buf_put_text(out, "belfry_up{");
    prometheus_put_label(out, "", "daemon", slice_of(sources[i].name));
    buf_printf(out, "} %d\n", sources[i].figures != NULL);
  }
  prometheus_put_head(out, "belfry_info", GAUGE, "Always 1; the version of the daemon is a label.");
  for (size_t i = 0; i < count; i++) {
    if (!is_daemon(&sources[i]) || !sources[i].figures)
      continue;
    buf_put_text(out, "belfry_info{");
    prometheus_put_label(out, "", "daemon", slice_of(sources[i].name));
    buf_put_char(out, ',');
    prometheus_put_label(out, "", "version", slice_of(sources[i].version));
    buf_put_text(out, "} 1\n");
  }
  prometheus_put_head(out, "belfry_start_time_seconds", GAUGE,
                      "When the daemon was started, since 1970.");
  for (size_t i = 0; i < count; i++) {
    if (!is_daemon(&sources[i]) || !sources[i].figures)
      continue;
    buf_put_text(out, "belfry_start_time_seconds{");
    prometheus_put_label(out, "", "daemon", slice_of(sources[i].name));
    buf_put_text(out, "} ");
    json_put_number(out, (double)sources[i].started_ms / 1000);
    buf_put_char(out, '\n');
  }
}

/* --- the table ----------------------------------------------------------------------------------
 */

static bool ends_with(const char *text, const char *end) {
  size_t text_len = strlen(text), end_len = strlen(end);
  return text_len >= end_len && strcmp(text + text_len - end_len, end) == 0;
}

static double in_base_units(const char *figure, double value) {
  bool us = ends_with(figure, "_us") || strstr(figure, "_us_");
  return us ? value / 1e6 : ends_with(figure, "_ms") ? value / 1e3 : value;
}

static void put_value(struct buf *out, const struct metric *metric, const json_t *value) {
  buf_put_char(out, ' ');
  json_put_number(out, in_base_units(metric->figure, json_number_value(value)));
  buf_put_char(out, '\n');
}

/* The figures by name of a close count; their label is the code itself. */
static const char *close_code(const char *name) {
  static const struct {
    const char *name, *code;
  } rows[] = {
#define PUSH_CLOSE(name, code, doc) {#name, #code},
#include "model/push_figures.def"
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].name, name) == 0 && strcmp(rows[i].code, "0") != 0)
      return rows[i].code;
  return name;
}

static void put_each(struct buf *out, const struct metric *metric, json_t *figures) {
  const char *key;
  json_t *value;
  bool codes = strcmp(metric->each, "code") == 0;
  json_object_foreach(figures, key, value) {
    if (!json_is_number(value))
      continue;
    buf_printf(out, "%s{", metric->name);
    prometheus_put_label(out, "", metric->each, slice_of(codes ? close_code(key) : key));
    buf_put_char(out, '}');
    put_value(out, metric, value);
  }
}

/* Returns: borrowed; NULL when there is no such figure. */
static json_t *find_figure(const struct metric *metric, const struct prometheus_source *sources,
                           size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(sources[i].name, metric->from) == 0) {
      json_t *figure = json_object_get(sources[i].figures, metric->figure);
      return metric->each ? (json_is_object(figure) ? figure : NULL)
                          : (json_is_number(figure) ? figure : NULL);
    }
  }
  return NULL;
}

void prometheus_put(struct buf *out, const struct prometheus_source *sources, size_t count) {
  const char *headed = "";
  put_daemons(out, sources, count);
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
    const struct metric *metric = &metrics[i];
    json_t *figure = find_figure(metric, sources, count);
    if (!figure)
      continue;
    if (strcmp(headed, metric->name) != 0)
      prometheus_put_head(out, metric->name, metric->type, metric->help);
    headed = metric->name;
    if (metric->each) {
      put_each(out, metric, figure);
    } else {
      buf_put_text(out, metric->name);
      if (metric->labels)
        buf_printf(out, "{%s}", metric->labels);
      put_value(out, metric, figure);
    }
  }
}
