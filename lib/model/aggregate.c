#include "model/aggregate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define QUANTILE_DIGITS_MAX 7 /* p99.9999 */

static double of_avg(const struct sample_bucket *bucket, double quantile) {
  (void)quantile;
  return bucket->sum / (double)bucket->count;
}
static double of_min(const struct sample_bucket *bucket, double quantile) {
  (void)quantile;
  return bucket->min;
}
static double of_max(const struct sample_bucket *bucket, double quantile) {
  (void)quantile;
  return bucket->max;
}
static double of_sum(const struct sample_bucket *bucket, double quantile) {
  (void)quantile;
  return bucket->sum;
}
static double of_count(const struct sample_bucket *bucket, double quantile) {
  (void)quantile;
  return (double)bucket->count;
}
static double of_last(const struct sample_bucket *bucket, double quantile) {
  (void)quantile;
  return bucket->last;
}
static double of_rate(const struct sample_bucket *bucket, double quantile) {
  (void)quantile;
  return bucket->width_ms > 0 ? bucket->increase / ((double)bucket->width_ms / 1000) : NAN;
}

static const struct {
  const char *name;
  double (*of)(const struct sample_bucket *bucket, double quantile);
} figures[] = {
    {"avg", of_avg},     {"min", of_min},   {"max", of_max},   {"sum", of_sum},
    {"count", of_count}, {"last", of_last}, {"rate", of_rate},
};

/* "p95", "p99.9": digits and at most one dot between them, up to 100. */
static bool parse_quantile(struct slice name, double *out) {
  char text[AGGREGATE_NAME_BYTES];
  size_t digits = 0, dots = 0;
  if (name.len < 2 || name.len > QUANTILE_DIGITS_MAX + 1 || name.data[0] != 'p')
    return false;
  for (size_t i = 1; i < name.len; i++) {
    digits += name.data[i] >= '0' && name.data[i] <= '9';
    dots += name.data[i] == '.' && i > 1 && i + 1 < name.len;
  }
  if (digits + dots != name.len - 1 || dots > 1)
    return false;
  memcpy(text, name.data + 1, name.len - 1);
  text[name.len - 1] = '\0';
  *out = strtod(text, NULL) / 100;
  return *out <= 1;
}

static bool parse_one(struct slice name, struct aggregate *out) {
  *out = (struct aggregate){0};
  if (name.len >= sizeof out->name)
    return false;
  memcpy(out->name, name.data, name.len);
  for (size_t i = 0; i < sizeof figures / sizeof *figures && !out->of; i++)
    if (slice_is(name, figures[i].name))
      out->of = figures[i].of;
  if (!out->of && parse_quantile(name, &out->quantile))
    out->of = history_bucket_quantile;
  out->computed = out->of == of_avg || out->of == of_rate || out->of == history_bucket_quantile;
  return out->of != NULL;
}

static bool is_there(const struct aggregate_list *list, const char *name) {
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->items[i].name, name) == 0)
      return true;
  return false;
}

int aggregate_parse(struct slice text, struct aggregate_list *out, struct model_problem *problem) {
  struct slice name;
  *out = (struct aggregate_list){0};
  while (slice_split(&text, ',', &name)) {
    struct aggregate item;
    if (!parse_one(slice_trim(name), &item) || is_there(out, item.name) ||
        out->count == AGGREGATES_MAX)
      return model_problem_set(problem, BELFRY_EINVAL, "agg",
                               "must be a comma list of avg, min, max, sum, count, last, rate and "
                               "quantiles such as p50, p95 or p99.9, each once, at most %d",
                               AGGREGATES_MAX);
    out->increases |= item.of == of_rate;
    out->quantiles |= item.of == history_bucket_quantile;
    out->items[out->count++] = item;
  }
  return BELFRY_OK;
}
