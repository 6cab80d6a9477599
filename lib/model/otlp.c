/*
 * The envelope of all three signals: resources, in them scopes, in them records.
 */
#include "model/otlp_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define RESOURCE_BYTES_MAX 4096 /* of what is kept of one */
#define NAME_BYTES_MAX     128  /* of a source */
#define UUID_CHARS         36

static const struct {
  const char *resources, *scopes, *records, *name;
  int (*take)(struct otlp_parse *parse, struct slice raw);
} signals[] = {
    [OTLP_LOGS] = {"resourceLogs", "scopeLogs", "logRecords", "LogRecords", otlp__log},
    [OTLP_METRICS] = {"resourceMetrics", "scopeMetrics", "metrics", "DataPoints", otlp__metric},
    [OTLP_TRACES] = {"resourceSpans", "scopeSpans", "spans", "Spans", otlp__span},
};

const char *otlp_records_name(enum otlp_signal signal) {
  return signals[signal].name;
}

int otlp__wrong(struct otlp_parse *parse, const char *pointer, const char *format, ...) {
  va_list args;
  char detail[sizeof parse->problem.detail];
  va_start(args, format);
  vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  return model_problem_set(&parse->problem, BELFRY_EINVAL, pointer, "%s", detail);
}

void otlp__reject(struct otlp_parse *parse, unsigned depth, uint64_t count) {
  struct otlp_result *result = parse->result;
  if (result->rejected == 0 && count > 0) {
    char pointer[sizeof parse->problem.pointer];
    const char *const names[] = {signals[parse->signal].resources, signals[parse->signal].scopes,
                                 signals[parse->signal].records, "dataPoints"};
    size_t len = 0;
    for (unsigned i = 0; i < depth && len < sizeof pointer; i++)
      len += (size_t)snprintf(pointer + len, sizeof pointer - len, "/%s/%zu", names[i],
                              parse->indexes[i]);
    if (len < sizeof pointer)
      snprintf(pointer + len, sizeof pointer - len, "%s", parse->problem.pointer);
    (void)model_problem_set(&result->first, BELFRY_EINVAL, pointer, "%s", parse->problem.detail);
  }
  result->rejected += count;
}

static bool has_attribute(const struct otlp_parse *parse, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (slice_is(parse->attributes[i].key, name))
      return true;
  return false;
}

void otlp__put_context(struct otlp_parse *parse, struct slice trace, struct slice span, int count,
                       bool *first) {
  struct slice trace_id, span_id;
  struct buf *out = &parse->data;
  const struct {
    const char *name; /* as JSON */
    struct slice value;
  } members[] = {
      {"\"trace_id\"", otlp__hex_id(trace, 32, &trace_id) ? trace : slice_new(NULL, 0)},
      {"\"span_id\"", otlp__hex_id(span, 16, &span_id) ? span : slice_new(NULL, 0)},
      {"\"scope\"", parse->scope},
      {"\"resource\"", buf_slice(&parse->resource)},
  };
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    if (members[i].value.len == 0 || has_attribute(parse, count, members[i].name))
      continue;
    buf_printf(out, "%s%s:", *first ? "" : ",", members[i].name);
    buf_put_slice(out, members[i].value);
    *first = false;
  }
}

int otlp__data_status(struct otlp_parse *parse) {
  if (buf_status(&parse->data) == BELFRY_ETOOBIG)
    return otlp__wrong(parse, "", "makes more than %zu bytes of data",
                       parse->options->max_data_bytes);
  return buf_status(&parse->data);
}

/* Services that run more than once say which one they are; one that makes up a new name at each
   start would make new series each time. */
static bool is_uuid(struct slice text) {
  if (text.len != UUID_CHARS)
    return false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
      return false;
  }
  return true;
}

static bool has_control(struct slice text) {
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
      return true;
  return false;
}

/* Those that say who it is are labels, those of the SDK are of no interest to who reads a log. */
static bool is_kept(struct slice key) {
  return !slice_is(key, "\"service.name\"") && !slice_starts_with(key, "\"telemetry.sdk.");
}

static int keep_resource(struct otlp_parse *parse, const struct otlp_attribute *attributes,
                         int count) {
  struct buf *out = &parse->resource;
  bool first = true, fine = true;
  buf_clear(out);
  buf_put_char(out, '{');
  for (int i = 0; i < count && fine; i++)
    if (is_kept(attributes[i].key))
      fine = otlp__put_attributes(out, &attributes[i], 1, &first);
  buf_put_char(out, '}');
  if (buf_status(out) == BELFRY_ENOMEM)
    return BELFRY_ENOMEM;
  if (first || !fine || buf_status(out)) /* nothing, or more than is carried in each event */
    buf_clear(out);
  return BELFRY_OK;
}

static int take_resource(struct otlp_parse *parse, struct slice raw) {
  struct otlp_attribute *attributes = parse->attributes;
  int count = otlp__attributes(json_member(raw, "attributes"), attributes);
  struct buf *scratch = &parse->resource_scratch;
  buf_clear(scratch);
  if (!buf_reserve(scratch, 4 * raw.len + 1))
    return buf_status(scratch);
  if (count < 0)
    count = 0; /* a list that cannot be read tells nothing */
  struct slice service = otlp__attribute_text(attributes, count, "service.name", scratch);
  struct slice id = otlp__attribute_text(attributes, count, "service.instance.id", scratch);
  struct slice host = otlp__attribute_text(attributes, count, "host.name", scratch);
  service = otlp__cut(service, NAME_BYTES_MAX);
  parse->source =
      service.len > 0 && !has_control(service) ? service : parse->options->default_source;
  parse->instance = otlp__cut(id.len > 0 && !is_uuid(id) ? id : host, NAME_BYTES_MAX);
  parse->resource_raw = raw;
  return keep_resource(parse, attributes, count);
}

static int take_scope(struct otlp_parse *parse, struct slice scope) {
  parse->scope = json_member(scope, "name");
  if (!parse->scope.data || parse->scope.data[0] != '"' || parse->scope.len <= 2)
    parse->scope = slice_new(NULL, 0);
  const struct slice parts[] = {parse->resource_raw, scope};
  return derived_id_seed(&parse->ids, parts, 2, parse->seed);
}

static int take_record(struct otlp_parse *parse, struct slice raw) {
  buf_clear(&parse->scratch);
  if (!buf_reserve(&parse->scratch, 4 * raw.len + 1))
    return buf_status(&parse->scratch);
  parse->problem = (struct model_problem){0};
  int status = raw.data[0] == '{' ? signals[parse->signal].take(parse, raw)
                                  : otlp__wrong(parse, "", "must be an object");
  if (status != BELFRY_EINVAL || !parse->problem.detail[0])
    return status;
  otlp__reject(parse, 3, 1);
  return BELFRY_OK;
}

static int take_records(struct otlp_parse *parse, struct slice records) {
  struct json_walk walk;
  struct slice raw;
  int status = BELFRY_OK;
  parse->indexes[2] = 0;
  if (!json_walk_start(&walk, records))
    return BELFRY_OK;
  while (!status && json_walk_next(&walk, NULL, &raw)) {
    status = take_record(parse, raw);
    parse->indexes[2]++;
    parse->record++;
  }
  return status;
}

/* The list `name` of an object; absent or null is none. Returns: false when it is something else,
   for the reason in parse->problem. */
static bool find_list(struct otlp_parse *parse, struct slice object, const char *name,
                      struct slice *list) {
  char pointer[32];
  snprintf(pointer, sizeof pointer, "/%s", name);
  *list = slice_new(NULL, 0);
  if (object.data[0] == '{')
    *list = json_member(object, name);
  else
    (void)otlp__wrong(parse, "", "must be an object");
  if (list->data && !slice_is(*list, "null") && list->data[0] != '[')
    (void)otlp__wrong(parse, pointer, "must be an array");
  else if (object.data[0] == '{')
    return true;
  return false;
}

static int take_scopes(struct otlp_parse *parse, struct slice scopes) {
  struct json_walk walk;
  struct slice raw, records;
  int status = BELFRY_OK;
  parse->indexes[1] = 0;
  if (!json_walk_start(&walk, scopes))
    return BELFRY_OK;
  while (!status && json_walk_next(&walk, NULL, &raw)) {
    if (find_list(parse, raw, signals[parse->signal].records, &records)) {
      status = take_scope(parse, json_member(raw, "scope"));
      if (!status)
        status = take_records(parse, records);
    } else {
      otlp__reject(parse, 2, 1);
    }
    parse->indexes[1]++;
  }
  return status;
}

static int take_resources(struct otlp_parse *parse, struct slice resources) {
  struct json_walk walk;
  struct slice raw, scopes;
  int status = BELFRY_OK;
  if (!json_walk_start(&walk, resources))
    return BELFRY_OK;
  while (!status && json_walk_next(&walk, NULL, &raw)) {
    if (find_list(parse, raw, signals[parse->signal].scopes, &scopes)) {
      status = take_resource(parse, json_member(raw, "resource"));
      if (!status)
        status = take_scopes(parse, scopes);
    } else {
      otlp__reject(parse, 1, 1);
    }
    parse->indexes[0]++;
  }
  return status;
}

/* Whether the text is a request of this signal at all. */
static int check_body(enum otlp_signal signal, struct slice body, struct model_problem *problem) {
  struct belfry_error error = {0};
  json_t *checked = json_parse(body, OTLP_DEPTH_MAX, &error);
  if (!checked)
    return model_problem_set(problem, error.code, "", "%.200s", error.text);
  bool fine = json_is_object(checked) && (json_object_size(checked) == 0 ||
                                          json_object_get(checked, signals[signal].resources));
  json_decref(checked);
  if (fine)
    return BELFRY_OK;
  return model_problem_set(problem, BELFRY_EINVAL, "",
                           "is no such OTLP request: it must be an object with `%s`",
                           signals[signal].resources);
}

int otlp_parse(enum otlp_signal signal, struct slice body, const struct otlp_options *options,
               const struct otlp_sink *sink, struct otlp_result *result,
               struct model_problem *problem) {
  *result = (struct otlp_result){0};
  int status = check_body(signal, body, problem);
  if (status)
    return status;
  struct otlp_parse parse = {
      .signal = signal, .options = options, .sink = sink, .result = result, .body = body};
  struct slice resources;
  buf_init(&parse.resource_scratch, 0);
  buf_init(&parse.resource, RESOURCE_BYTES_MAX);
  buf_init(&parse.scratch, 0);
  buf_init(&parse.data, options->max_data_bytes);
  buf_init(&parse.labels, 0);
  buf_init(&parse.name, 0);
  status = derived_id_init(&parse.ids);
  parse.attributes = malloc(OTLP_ATTRIBUTES_MAX * sizeof *parse.attributes);
  if (!parse.attributes)
    status = BELFRY_ENOMEM;
  if (!status && !find_list(&parse, slice_trim(body), signals[signal].resources, &resources)) {
    *problem = parse.problem;
    status = BELFRY_EINVAL;
  }
  if (!status)
    status = take_resources(&parse, resources);
  free(parse.attributes);
  derived_id_fini(&parse.ids);
  buf_fini(&parse.name);
  buf_fini(&parse.labels);
  buf_fini(&parse.data);
  buf_fini(&parse.scratch);
  buf_fini(&parse.resource);
  buf_fini(&parse.resource_scratch);
  return status;
}
