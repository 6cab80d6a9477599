#include "watchd/perfdata.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *uom, *suffix;
  double scale;
} units[] = {
    {"", "", 1},
    {"s", "_seconds", 1},
    {"ms", "_ms", 1},
    {"us", "_ms", 1e-3},
    {"%", "_percent", 1},
    {"B", "_bytes", 1},
    {"KB", "_bytes", 1024},
    {"MB", "_bytes", 1048576},
    {"GB", "_bytes", 1073741824},
    {"TB", "_bytes", 1099511627776.},
    {"c", "_total", 1},
};

/* Takes a label off the front: up to the `=`, or between quotes, of which two stand for one. */
static bool take_label(struct slice *text, char *out, size_t size) {
  size_t at = 0, len = 0;
  bool quoted = text->len > 0 && text->data[0] == '\'';
  for (at = quoted; at < text->len; at++) {
    char c = text->data[at];
    if (quoted && c == '\'') {
      if (at + 1 < text->len && text->data[at + 1] == '\'')
        at++;
      else
        break;
    } else if (!quoted && (c == '=' || c == ' ')) {
      break;
    }
    if (len + 1 < size)
      out[len++] = (unsigned char)c < 0x20 ? '?' : c;
  }
  out[len] = '\0';
  at += quoted && at < text->len;
  if (at >= text->len || text->data[at] != '=' || len == 0)
    return false;
  *text = slice_new(text->data + at + 1, text->len - at - 1);
  return true;
}

/* `value` is NUMBER[UOM], up to the first `;`. */
static void take_value(struct slice value, const char *label, struct probe_result *result) {
  char text[64], metric[64], *end;
  snprintf(text, sizeof text, "%.*s", SLICE_ARG(value));
  double number = strtod(text, &end);
  if (end == text) /* U: it is not known */
    return;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(end, units[i].uom) == 0 && isfinite(number * units[i].scale)) {
      snprintf(metric, sizeof metric, "service_perfdata%s", units[i].suffix);
      probe_result_add(result, metric, "label", label, number * units[i].scale);
      return;
    }
}

void perfdata_take(struct slice text, struct probe_result *result) {
  while (slice_trim(text).len > 0) {
    char label[64];
    text = slice_trim(text);
    if (!take_label(&text, label, sizeof label))
      return;
    struct slice figure, value;
    if (!slice_split(&text, ' ', &figure))
      figure = text;
    if (slice_split(&figure, ';', &value))
      take_value(value, label, result);
  }
}
