/*
 * Data points of metrics as samples. Labels are `source` (the service), `instance` where the
 * resource says which one it is, and the point's attributes.
 *
 *   gauge, sum              one series. A sum of deltas is flagged as an increment: the history
 * adds it up, so that every sum is a counter that rates can be made of. histogram NAME_count,
 * NAME_sum, and NAME_bucket with `le`: how many were at most so much. Counters all three: a rate of
 * any range is exact, and buckets of several services can be added. exponential histogram   the
 * same with powers of two (or, over a wide range, of 4, 16...) as `le`, so that the series stay the
 * same when its scale changes summary                 NAME with `quantile`, NAME_count, NAME_sum
 */
#include "model/otlp_priv.h"

#include "base/timestamp.h"
#include "history/append.h"
#include "model/sample_json.h"

#include <math.h>
#include <stdio.h>

#define METRIC_BYTES_MAX     128
#define SUFFIX_BYTES_MAX     7                       /* "_bucket" */
#define BUCKETS_MAX          64                      /* of one data point: series */
#define POINT_ATTRIBUTES_MAX (SAMPLE_LABELS_MAX - 3) /* beside source, instance, le or quantile */
#define NO_RECORDED_VALUE    1

enum temporality { TEMPORALITY_UNSPECIFIED, TEMPORALITY_DELTA, TEMPORALITY_CUMULATIVE };

static const char *const temporalities[] = {"UNSPECIFIED", "DELTA", "CUMULATIVE"};

/* A data point, as far as all kinds have the same. */
struct point {
  struct slice raw;
  struct label labels[SAMPLE_LABELS_MAX];
  size_t label_count;
  int64_t timestamp_ms;
  unsigned flags; /* of enum history_sample_flags */
};

/* Gives a sample of the point. `key` and `value` are a label of its own, or NULL. */
static int give(struct otlp_parse *parse, const struct point *point, const char *suffix,
                const char *key, const char *value, double number, unsigned flags) {
  struct label labels[SAMPLE_LABELS_MAX];
  size_t count = point->label_count;
  memcpy(labels, point->labels, count * sizeof *labels);
  if (key)
    labels[count++] = (struct label){slice_of(key), slice_of(value)};
  buf_clear(&parse->labels);
  labels_put_json(&parse->labels, labels, count);
  char metric[METRIC_BYTES_MAX + 1];
  snprintf(metric, sizeof metric, "%.*s%s", SLICE_ARG(buf_slice(&parse->name)), suffix);
  const struct sample sample = {.metric = slice_of(metric),
                                .labels = buf_slice(&parse->labels),
                                .timestamp_ms = point->timestamp_ms,
                                .value = number};
  int status = buf_status(&parse->labels);
  return status ? status : parse->sink->sample(parse->sink->arg, &sample, flags);
}

/* --- kinds of data points --- */

static int take_number(struct otlp_parse *parse, const struct point *point) {
  struct slice integer = {0}, number = {0};
  const struct otlp_member members[] = {{"asInt", &integer}, {"asDouble", &number}};
  otlp__members(point->raw, members, 2);
  double value;
  int64_t whole;
  if (integer.data && otlp__integer(integer, &whole))
    value = (double)whole;
  else if (integer.data || !otlp__double(number, &value) || !isfinite(value))
    return otlp__wrong(parse, integer.data ? "/asInt" : "/asDouble", "must be a finite number");
  return give(parse, point, "", NULL, NULL, value, point->flags);
}

static int give_count_and_sum(struct otlp_parse *parse, const struct point *point,
                              struct slice count_raw, struct slice sum_raw) {
  uint64_t count = 0;
  double sum;
  if (!otlp__unsigned(count_raw, &count))
    return otlp__wrong(parse, "/count", "must be how many values there were");
  int status = give(parse, point, "_count", NULL, NULL, (double)count, point->flags);
  /* A histogram of values below zero has none. */
  if (!status && sum_raw.data && otlp__double(sum_raw, &sum) && isfinite(sum))
    status = give(parse, point, "_sum", NULL, NULL, sum, point->flags);
  return status;
}

static int give_bucket(struct otlp_parse *parse, const struct point *point, double bound,
                       uint64_t count) {
  char le[32] = "+Inf";
  if (isfinite(bound)) {
    struct buf text;
    buf_init(&text, sizeof le);
    json_put_number(&text, bound);
    int status = buf_status(&text);
    snprintf(le, sizeof le, "%.*s", SLICE_ARG(buf_slice(&text)));
    buf_fini(&text);
    if (status)
      return status;
  }
  return give(parse, point, "_bucket", "le", le, (double)count, point->flags);
}

static size_t list_length(struct slice list) {
  struct json_walk walk;
  struct slice raw;
  size_t count = 0;
  if (list.data && json_walk_start(&walk, list) && !walk.object)
    while (json_walk_next(&walk, NULL, &raw))
      count++;
  return count;
}

/* Checks bounds and counts before anything of them is given. */
static int check_buckets(struct otlp_parse *parse, struct slice bounds, struct slice counts,
                         size_t bound_count) {
  struct json_walk walk;
  struct slice raw;
  double bound, last = -INFINITY;
  uint64_t count;
  if (list_length(counts) != bound_count + 1)
    return otlp__wrong(parse, "/bucketCounts", "must have one element more than explicitBounds");
  if (bound_count > 0 && json_walk_start(&walk, bounds))
    while (json_walk_next(&walk, NULL, &raw)) {
      if (!otlp__double(raw, &bound) || !isfinite(bound) || bound <= last)
        return otlp__wrong(parse, "/explicitBounds", "must be numbers that grow");
      last = bound;
    }
  if (json_walk_start(&walk, counts))
    while (json_walk_next(&walk, NULL, &raw))
      if (!otlp__unsigned(raw, &count))
        return otlp__wrong(parse, "/bucketCounts", "must be whole numbers");
  return BELFRY_OK;
}

static int take_histogram(struct otlp_parse *parse, const struct point *point) {
  struct slice count = {0}, sum = {0}, bounds = {0}, counts = {0}, raw;
  const struct otlp_member members[] = {
      {"count", &count}, {"sum", &sum}, {"explicitBounds", &bounds}, {"bucketCounts", &counts}};
  otlp__members(point->raw, members, 4);
  size_t bound_count = list_length(bounds);
  bool buckets = list_length(counts) > 0;
  int status = buckets ? check_buckets(parse, bounds, counts, bound_count) : BELFRY_OK;
  if (!status)
    status = give_count_and_sum(parse, point, count, sum);
  if (status || !buckets)
    return status;
  /* Every so many bounds make a series, where there are more than may be; the last one, +Inf,
     always does. */
  size_t step = (bound_count + 1 + BUCKETS_MAX - 1) / BUCKETS_MAX;
  struct json_walk bound_walk, count_walk;
  uint64_t total = 0, one = 0;
  if (!json_walk_start(&count_walk, counts))
    return BELFRY_OK;
  bool bounded = bound_count > 0 && json_walk_start(&bound_walk, bounds);
  for (size_t i = 0; !status && json_walk_next(&count_walk, NULL, &raw); i++) {
    double bound = INFINITY;
    struct slice bound_raw;
    (void)otlp__unsigned(raw, &one);
    total += one;
    if (bounded && i < bound_count && json_walk_next(&bound_walk, NULL, &bound_raw))
      (void)otlp__double(bound_raw, &bound);
    if ((i + 1) % step == 0 || i == bound_count)
      status = give_bucket(parse, point, bound, total);
  }
  return status;
}

/* One side of an exponential histogram: bucket i is of the values in (base^(offset+i),
   base^(offset+i+1)], base = 2^(2^-scale). */
struct side {
  struct slice counts;
  int64_t offset, scale;
  size_t count;
};

/* The power of two that bounds bucket `i` from above, in steps of 2^step. */
static int64_t power_of(const struct side *side, size_t i, unsigned step) {
  int64_t index = side->offset + (int64_t)i;
  if (side->scale > 0)
    index >>= side->scale; /* the bucket of scale 0 that it lies in */
  int64_t power = side->scale < 0 ? (index + 1) * ((int64_t)1 << -side->scale) : index + 1;
  int64_t width = (int64_t)1 << step;
  int64_t up = power >= 0 ? (power + width - 1) / width : -(-power / width);
  return up * width;
}

static bool read_side(struct slice raw, int64_t scale, struct side *side) {
  struct slice offset = {0};
  *side = (struct side){.scale = scale};
  if (!raw.data)
    return true;
  const struct otlp_member members[] = {{"offset", &offset}, {"bucketCounts", &side->counts}};
  otlp__members(raw, members, 2);
  side->count = list_length(side->counts);
  struct json_walk walk;
  struct slice one;
  uint64_t number;
  if (side->count > 0 && json_walk_start(&walk, side->counts))
    while (json_walk_next(&walk, NULL, &one))
      if (!otlp__unsigned(one, &number))
        return false;
  return !offset.data || (otlp__integer(offset, &side->offset) && side->offset > -(1 << 30) &&
                          side->offset < 1 << 30);
}

static uint64_t total_of(const struct side *side) {
  struct json_walk walk;
  struct slice raw;
  uint64_t total = 0, one = 0;
  if (side->count > 0 && json_walk_start(&walk, side->counts))
    while (json_walk_next(&walk, NULL, &raw))
      total += otlp__unsigned(raw, &one) ? one : 0;
  return total;
}

/* Values of at most zero are below all bounds; `below` says how many. */
static int give_powers(struct otlp_parse *parse, const struct point *point,
                       const struct side *positive, uint64_t below) {
  unsigned step = 0;
  while (positive->count > 0 && step < 40 &&
         (power_of(positive, positive->count - 1, step) - power_of(positive, 0, step)) >> step >=
             BUCKETS_MAX)
    step++;
  struct json_walk walk;
  struct slice raw;
  uint64_t total = below, one = 0;
  int status = BELFRY_OK;
  if (below > 0)
    status = give_bucket(parse, point, 0, below);
  if (positive->count > 0 && json_walk_start(&walk, positive->counts))
    for (size_t i = 0; !status && json_walk_next(&walk, NULL, &raw); i++) {
      (void)otlp__unsigned(raw, &one);
      total += one;
      int64_t power = power_of(positive, i, step);
      bool last = i + 1 == positive->count || power_of(positive, i + 1, step) != power;
      if (last && power >= -1022 && power <= 1023)
        status = give_bucket(parse, point, ldexp(1, (int)power), total);
    }
  return status ? status : give_bucket(parse, point, INFINITY, total);
}

static int take_exponential(struct otlp_parse *parse, const struct point *point) {
  struct slice count = {0}, sum = {0}, scale_raw = {0}, zero = {0}, up = {0}, down = {0};
  const struct otlp_member members[] = {{"count", &count},     {"sum", &sum},
                                        {"scale", &scale_raw}, {"zeroCount", &zero},
                                        {"positive", &up},     {"negative", &down}};
  otlp__members(point->raw, members, 6);
  int64_t scale = 0;
  uint64_t zeros = 0;
  struct side positive, negative;
  if (scale_raw.data && (!otlp__integer(scale_raw, &scale) || scale < -10 || scale > 20))
    return otlp__wrong(parse, "/scale", "must be -10 to 20");
  if (zero.data && !otlp__unsigned(zero, &zeros))
    return otlp__wrong(parse, "/zeroCount", "must be a whole number");
  if (!read_side(up, scale, &positive) || !read_side(down, scale, &negative))
    return otlp__wrong(parse, "/positive", "must have an offset and bucketCounts");
  int status = give_count_and_sum(parse, point, count, sum);
  return status ? status : give_powers(parse, point, &positive, zeros + total_of(&negative));
}

static int take_summary(struct otlp_parse *parse, const struct point *point) {
  struct slice count = {0}, sum = {0}, quantiles = {0}, raw;
  const struct otlp_member members[] = {
      {"count", &count}, {"sum", &sum}, {"quantileValues", &quantiles}};
  struct json_walk walk;
  otlp__members(point->raw, members, 3);
  if (list_length(quantiles) > BUCKETS_MAX)
    return otlp__wrong(parse, "/quantileValues", "has more than %d quantiles", BUCKETS_MAX);
  int status = give_count_and_sum(parse, point, count, sum);
  if (status || !quantiles.data || !json_walk_start(&walk, quantiles))
    return status;
  while (!status && json_walk_next(&walk, NULL, &raw)) {
    struct slice which = {0}, value = {0};
    const struct otlp_member parts[] = {{"quantile", &which}, {"value", &value}};
    otlp__members(raw, parts, 2);
    double quantile = 0, number = 0;
    if (which.data && !(otlp__double(which, &quantile) && quantile >= 0 && quantile <= 1))
      continue;
    char text[32];
    snprintf(text, sizeof text, "%.10g", quantile);
    /* What nobody has measured is not a number. */
    if ((!value.data || otlp__double(value, &number)) && isfinite(number))
      status = give(parse, point, "", "quantile", text, number, HISTORY_SAMPLE_OPTIONAL);
  }
  return status;
}

/* --- what all have in common --- */

static bool is_taken(const struct point *point, struct slice key) {
  for (size_t i = 0; i < point->label_count; i++)
    if (slice_equal(point->labels[i].key, key))
      return true;
  return false;
}

/* Labels that are ours. */
static bool is_ours(struct slice key) {
  return slice_is(key, "source") || slice_is(key, "instance") || slice_is(key, "le") ||
         slice_is(key, "quantile");
}

/* An attribute as a label: its key as a name, its value as a text. */
static int take_label(struct otlp_parse *parse, const struct otlp_attribute *attribute,
                      struct point *point) {
  struct label label;
  struct slice key, value;
  if (!otlp__text(attribute->key, &parse->scratch, &key) || key.len == 0 || key.len > 64)
    return otlp__wrong(parse, "/attributes", "must have keys of 1 to 64 bytes");
  size_t start = parse->scratch.len;
  if (key.data[0] >= '0' && key.data[0] <= '9')
    buf_put_char(&parse->scratch, '_');
  if (is_ours(key))
    buf_put_text(&parse->scratch, "attribute_");
  otlp__put_name(&parse->scratch, key, "");
  label.key = slice_new(parse->scratch.data + start, parse->scratch.len - start);
  if (is_taken(point, label.key))
    return otlp__wrong(parse, "/attributes", "have two labels named %.*s", SLICE_ARG(label.key));
  start = parse->scratch.len;
  if (!otlp__put_value(&parse->scratch, attribute->value))
    return otlp__wrong(parse, "/attributes", "holds a value that is none of OTLP's");
  value = slice_new(parse->scratch.data + start, parse->scratch.len - start);
  label.value = value;
  if (value.len > 0 && value.data[0] == '"' && !otlp__text(value, &parse->scratch, &label.value))
    return BELFRY_ENOMEM;
  if (label.value.len > SAMPLE_LABEL_VALUE_BYTES_MAX)
    return otlp__wrong(parse, "/attributes", "has a value of more than %d bytes as %.*s",
                       SAMPLE_LABEL_VALUE_BYTES_MAX, SLICE_ARG(label.key));
  point->labels[point->label_count++] = label;
  return buf_status(&parse->scratch);
}

static int take_point(struct otlp_parse *parse, struct slice raw, unsigned flags,
                      struct point *point, bool *recorded) {
  struct slice time = {0}, attributes = {0}, point_flags = {0};
  const struct otlp_member members[] = {
      {"timeUnixNano", &time}, {"attributes", &attributes}, {"flags", &point_flags}};
  uint64_t bits = 0;
  otlp__members(raw, members, 3);
  *point = (struct point){.raw = raw, .timestamp_ms = parse->options->now_ms, .flags = flags};
  *recorded = !(point_flags.data && otlp__unsigned(point_flags, &bits) && bits & NO_RECORDED_VALUE);
  if (raw.data[0] != '{')
    return otlp__wrong(parse, "", "must be an object");
  if (!otlp__time(time, &point->timestamp_ms))
    return otlp__wrong(parse, "/timeUnixNano", "must be nanoseconds since 1970, before year 10000");
  point->labels[point->label_count++] = (struct label){slice_of("source"), parse->source};
  int count = otlp__attributes(attributes, parse->attributes);
  if (count < 0 || count > POINT_ATTRIBUTES_MAX)
    return otlp__wrong(parse, "/attributes",
                       "must be an array of at most %d {key, value}; leave some out by a view",
                       POINT_ATTRIBUTES_MAX);
  int status = BELFRY_OK;
  for (int i = 0; !status && i < count; i++)
    status = take_label(parse, &parse->attributes[i], point);
  if (parse->instance.len > 0)
    point->labels[point->label_count++] = (struct label){slice_of("instance"), parse->instance};
  return status;
}

typedef int (*take_fn)(struct otlp_parse *parse, const struct point *point);

static int take_points(struct otlp_parse *parse, struct slice points, unsigned flags,
                       take_fn take) {
  struct json_walk walk;
  struct slice raw;
  parse->indexes[3] = 0;
  if (!points.data || !json_walk_start(&walk, points))
    return BELFRY_OK;
  while (json_walk_next(&walk, NULL, &raw)) {
    struct point point;
    bool recorded = true;
    buf_clear(&parse->scratch);
    if (!buf_reserve(&parse->scratch, 8 * raw.len + 1))
      return buf_status(&parse->scratch);
    parse->problem = (struct model_problem){0};
    int status = take_point(parse, raw, flags, &point, &recorded);
    if (!status && recorded)
      status = take(parse, &point);
    if (status == BELFRY_EINVAL && parse->problem.detail[0])
      otlp__reject(parse, 4, 1);
    else if (status)
      return status;
    parse->indexes[3]++;
  }
  return BELFRY_OK;
}

static const struct {
  const char *name;
  take_fn take;
  bool gauge;    /* what it says is so now, and not added up */
  bool temporal; /* says whether it is of all time or since the last */
} kinds[] = {
    {"gauge", take_number, true, false},
    {"sum", take_number, false, true},
    {"histogram", take_histogram, false, true},
    {"exponentialHistogram", take_exponential, false, true},
    {"summary", take_summary, false, false},
};

#define KIND_COUNT (sizeof kinds / sizeof *kinds)

/* Rejects all data points of the metric, for the reason in parse->problem. */
static int reject_all(struct otlp_parse *parse, struct slice points) {
  size_t count = list_length(points);
  otlp__reject(parse, 3, count ? count : 1);
  return BELFRY_OK;
}

int otlp__metric(struct otlp_parse *parse, struct slice raw) {
  struct slice name = {0}, unit = {0}, found[KIND_COUNT] = {{0}}, points = {0}, when = {0};
  struct otlp_member members[2 + KIND_COUNT] = {{"name", &name}, {"unit", &unit}};
  for (size_t i = 0; i < KIND_COUNT; i++)
    members[2 + i] = (struct otlp_member){kinds[i].name, &found[i]};
  otlp__members(raw, members, 2 + KIND_COUNT);
  size_t kind = 0;
  while (kind < KIND_COUNT && !found[kind].data)
    kind++;
  if (kind == KIND_COUNT)
    return otlp__wrong(parse, "",
                       "is neither gauge, sum, histogram, exponentialHistogram nor "
                       "summary");
  const struct otlp_member parts[] = {{"dataPoints", &points}, {"aggregationTemporality", &when}};
  otlp__members(found[kind], parts, 2);
  struct slice text = {0}, unit_text = {0};
  if (unit.data)
    (void)otlp__text(unit, &parse->scratch, &unit_text);
  buf_clear(&parse->name);
  bool named = otlp__text(name, &parse->scratch, &text) &&
               otlp__put_metric_name(&parse->name, text, unit_text, kinds[kind].gauge);
  if (buf_status(&parse->name))
    return buf_status(&parse->name);
  if (!named || parse->name.len > METRIC_BYTES_MAX - SUFFIX_BYTES_MAX) {
    (void)otlp__wrong(parse, "/name", "must make a name of 1 to %d bytes",
                      METRIC_BYTES_MAX - SUFFIX_BYTES_MAX);
    return reject_all(parse, points);
  }
  int temporality = TEMPORALITY_CUMULATIVE;
  if (kinds[kind].temporal &&
      (!when.data ||
       !otlp__enum(when, "AGGREGATION_TEMPORALITY_", temporalities, 3, &temporality) ||
       temporality == TEMPORALITY_UNSPECIFIED)) {
    (void)otlp__wrong(parse, "",
                      "must have an aggregationTemporality of 1 (delta) or 2 "
                      "(cumulative)");
    return reject_all(parse, points);
  }
  unsigned flags = HISTORY_SAMPLE_OPTIONAL;
  if (temporality == TEMPORALITY_DELTA)
    flags |= HISTORY_SAMPLE_INCREMENT;
  return take_points(parse, points, flags, kinds[kind].take);
}
