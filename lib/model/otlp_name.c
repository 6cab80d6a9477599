/*
 * Names: OpenTelemetry's `http.server.request.duration` in `s` is Belfry's
 * `http_server_request_duration_seconds`.
 */
#include "model/otlp_priv.h"

/* Units of UCUM as words (https://ucum.org/ucum, case sensitive) that a name may end with. */
static const struct {
  const char *code, *word;
} units[] = {
    {"s", "seconds"},      {"ms", "ms"},          {"us", "microseconds"}, {"ns", "nanoseconds"},
    {"min", "minutes"},    {"h", "hours"},        {"d", "days"},          {"By", "bytes"},
    {"kBy", "kilobytes"},  {"MBy", "megabytes"},  {"GBy", "gigabytes"},   {"KiBy", "kibibytes"},
    {"MiBy", "mebibytes"}, {"GiBy", "gibibytes"}, {"bit", "bits"},        {"%", "percent"},
    {"Cel", "celsius"},    {"Hz", "hertz"},       {"V", "volts"},         {"A", "amperes"},
    {"W", "watts"},        {"J", "joules"},       {"g", "grams"},         {"m", "meters"},
};

static const char *word_of(struct slice code) {
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (slice_is(code, units[i].code))
      return units[i].word;
  return "";
}

void otlp__put_name(struct buf *out, struct slice text, const char *also) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c >= 'A' && c <= 'Z')
      c = (char)(c - 'A' + 'a');
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    buf_put_char(out, plain || (c && strchr(also, c)) ? c : '_');
  }
}

/* What {request}, {packet}/s and the like count is in the name already. */
static bool is_annotation(struct slice code) {
  return code.len >= 2 && code.data[0] == '{' && code.data[code.len - 1] == '}';
}

static void put_unit(struct buf *out, struct slice unit, bool gauge) {
  struct slice rest = unit, above, below = {0};
  (void)slice_split(&rest, '/', &above);
  if (rest.data)
    below = rest;
  const char *what = is_annotation(above) ? "" : word_of(above);
  bool bare = is_annotation(above) || slice_is(above, "1");
  if (!below.data && slice_is(above, "1") && gauge)
    what = "ratio";
  if (what[0])
    buf_put_text(out, what);
  if (!below.data || (!what[0] && !bare))
    return;
  static const struct {
    const char *code, *word;
  } times[] = {{"s", "per_second"}, {"min", "per_minute"}, {"h", "per_hour"}, {"d", "per_day"}};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    if (slice_is(below, times[i].code))
      buf_printf(out, "%s%s", what[0] ? "_" : "", times[i].word);
}

bool otlp__put_metric_name(struct buf *out, struct slice name, struct slice unit, bool gauge) {
  size_t start = out->len;
  struct buf ending;
  /* Runs of what stands for nothing become one `_`, and none at the ends. */
  for (size_t i = 0; i < name.len; i++) {
    if (out->len == start && name.data[i] >= '0' && name.data[i] <= '9')
      buf_put_char(out, '_'); /* no name begins with a digit */
    otlp__put_name(out, slice_new(name.data + i, 1), "");
    if (buf_status(out))
      return false;
    const char *last = out->data + out->len - 1;
    if (*last == '_' && (out->len - 1 == start || last[-1] == '_'))
      out->data[--out->len] = '\0';
  }
  while (out->len > start && out->data[out->len - 1] == '_')
    out->data[--out->len] = '\0';
  if (out->len == start)
    return false;
  buf_init(&ending, 64);
  put_unit(&ending, unit, gauge);
  size_t len = out->len - start;
  bool there = len > ending.len && out->data[out->len - ending.len - 1] == '_' && ending.len &&
               memcmp(out->data + out->len - ending.len, ending.data, ending.len) == 0;
  if (ending.len && !there) {
    buf_put_char(out, '_');
    buf_put_slice(out, buf_slice(&ending));
  }
  if (buf_status(&ending))
    out->status = buf_status(&ending);
  buf_fini(&ending);
  return true;
}
