#include "model/prometheus_text.h"

#include <math.h>

static bool is_name_char(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         (!first && c >= '0' && c <= '9');
}

static void skip_blanks(struct slice *rest) {
  while (rest->len > 0 && (*rest->data == ' ' || *rest->data == '\t'))
    *rest = slice_new(rest->data + 1, rest->len - 1);
}

static bool take_char(struct slice *rest, char c) {
  skip_blanks(rest);
  if (rest->len == 0 || *rest->data != c)
    return false;
  *rest = slice_new(rest->data + 1, rest->len - 1);
  return true;
}

static bool take_name(struct slice *rest, struct slice *out) {
  size_t len = 0;
  skip_blanks(rest);
  while (len < rest->len && is_name_char(rest->data[len], len == 0))
    len++;
  *out = slice_new(rest->data, len);
  *rest = slice_new(rest->data + len, rest->len - len);
  return len > 0;
}

/* "VALUE" with \\ \" and \n for what they stand for. The scratch has room for the whole line. */
static bool take_value(struct prometheus_text *text, struct slice *rest, struct slice *out) {
  if (!take_char(rest, '"'))
    return false;
  size_t start = text->scratch.len, at = 0;
  for (; at < rest->len && rest->data[at] != '"'; at++) {
    char c = rest->data[at];
    if (c == '\\' && at + 1 < rest->len) {
      c = rest->data[++at];
      c = c == 'n' ? '\n' : c;
    }
    buf_put_char(&text->scratch, c);
  }
  if (at >= rest->len || buf_status(&text->scratch))
    return false;
  *rest = slice_new(rest->data + at + 1, rest->len - at - 1);
  *out = slice_new(text->scratch.data + start, text->scratch.len - start);
  return true;
}

static bool take_labels(struct prometheus_text *text, struct slice *rest,
                        struct prometheus_sample *out) {
  if (!take_char(rest, '{'))
    return true;
  while (!take_char(rest, '}')) {
    struct label label;
    if (out->label_count > 0 && !take_char(rest, ','))
      return false;
    if (out->label_count > 0 && take_char(rest, '}')) /* a comma may stand behind the last */
      return true;
    if (!take_name(rest, &label.key) || memchr(label.key.data, ':', label.key.len) ||
        !take_char(rest, '=') || !take_value(text, rest, &label.value) ||
        out->label_count == SAMPLE_LABELS_MAX)
      return false;
    out->labels[out->label_count++] = label;
  }
  return true;
}

/* NaN and +Inf too. */
static bool take_number(struct slice *rest, double *out) {
  size_t len = 0;
  skip_blanks(rest);
  while (len < rest->len && rest->data[len] != ' ' && rest->data[len] != '\t')
    len++;
  struct slice word = slice_new(rest->data, len);
  *rest = slice_new(rest->data + len, rest->len - len);
  return slice_to_double(word, out);
}

static bool take_timestamp(struct prometheus_text *text, struct slice rest, int64_t *out) {
  double number;
  skip_blanks(&rest);
  *out = 0;
  if (rest.len == 0 || *rest.data == '#') /* an exemplar */
    return true;
  if (!take_number(&rest, &number) || !isfinite(number))
    return false;
  number = text->openmetrics ? number * 1000 : number;
  *out = number > 0 && number < 1e15 ? (int64_t)number : 0;
  return true;
}

static bool set_metric(struct slice name, struct prometheus_sample *out) {
  if (name.len >= sizeof out->metric)
    return false;
  for (size_t i = 0; i < name.len; i++)
    out->metric[i] = name.data[i] == ':'                          ? '_'
                     : name.data[i] >= 'A' && name.data[i] <= 'Z' ? (char)(name.data[i] | 0x20)
                                                                  : name.data[i];
  out->metric[name.len] = '\0';
  return true;
}

static bool parse(struct prometheus_text *text, struct slice line, struct prometheus_sample *out) {
  struct slice name;
  out->label_count = 0;
  buf_clear(&text->scratch);
  return buf_reserve(&text->scratch, line.len + 1) && take_name(&line, &name) &&
         set_metric(name, out) && take_labels(text, &line, out) &&
         take_number(&line, &out->value) && take_timestamp(text, line, &out->timestamp_ms);
}

void prometheus_text_start(struct prometheus_text *text, struct slice body, bool openmetrics) {
  *text = (struct prometheus_text){.rest = body, .openmetrics = openmetrics};
  buf_init(&text->scratch, 0);
}

bool prometheus_text_next(struct prometheus_text *text, struct prometheus_sample *out) {
  struct slice line;
  while (slice_split(&text->rest, '\n', &line)) {
    text->line++;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
      line.len--;
    skip_blanks(&line);
    if (line.len == 0 || *line.data == '#')
      continue;
    if (parse(text, line, out))
      return true;
    if (text->bad++ == 0)
      text->first_bad = text->line;
  }
  return false;
}

void prometheus_text_fini(struct prometheus_text *text) {
  buf_fini(&text->scratch);
}
