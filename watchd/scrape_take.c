#include "watchd/scrape_take.h"

#include "base/json.h"
#include "model/prometheus_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define JSON_LEVELS_MAX 8

struct taking {
  const struct conf_scrape *scrape;
  int64_t now_ms;
  scrape_sample_fn on_sample;
  void *arg;
  struct scrape_taken *taken;
  struct buf labels;
};

/* --- one sample --- */

static bool is_wanted(const struct conf_scrape *scrape, const char *metric) {
  if (!scrape->metrics)
    return true;
  for (char **glob = scrape->metrics; *glob; glob++)
    if (slice_glob(slice_of(*glob), slice_of(metric)))
      return true;
  return false;
}

static void give(struct taking *taking, const char *metric, struct label *labels, size_t count,
                 double value, int64_t timestamp_ms) {
  if (!isfinite(value) || !is_wanted(taking->scrape, metric))
    return; /* NaN is how a target says that it has none */
  bool fits =
      metric_name_valid(slice_of(metric)) && taking->taken->samples < taking->scrape->max_series;
  for (size_t i = 0; i < count; i++)
    fits &= labels[i].value.len <= SAMPLE_LABEL_VALUE_BYTES_MAX;
  buf_clear(&taking->labels);
  labels_put_json(&taking->labels, labels, count);
  if (!fits || buf_status(&taking->labels)) {
    taking->taken->left_out++;
    return;
  }
  const struct sample sample = {slice_of(metric), buf_slice(&taking->labels),
                                timestamp_ms ? timestamp_ms : taking->now_ms, value};
  taking->on_sample(taking->arg, &sample);
  taking->taken->samples++;
}

/* --- Prometheus' text --- */

static void take_text(struct taking *taking, struct slice body, bool openmetrics) {
  struct prometheus_text text;
  struct prometheus_sample sample;
  prometheus_text_start(&text, body, openmetrics);
  while (prometheus_text_next(&text, &sample)) {
    struct label labels[SAMPLE_LABELS_MAX + 1];
    size_t count = sample.label_count;
    memcpy(labels, sample.labels, count * sizeof *labels);
    for (size_t i = 0; i < count; i++)
      if (slice_is(labels[i].key, "source"))
        labels[i].key = slice_of("exported_source");
    if (count == SAMPLE_LABELS_MAX) {
      taking->taken->left_out++;
      continue;
    }
    labels[count++] = (struct label){slice_of("source"), slice_of(taking->scrape->source)};
    give(taking, sample.metric, labels, count, sample.value, sample.timestamp_ms);
  }
  if (text.bad)
    snprintf(taking->taken->problem, sizeof taking->taken->problem,
             "%zu lines make no sense, the first is line %zu", text.bad, text.first_bad);
  prometheus_text_fini(&text);
}

/* --- JSON --- */

static void give_number(struct taking *taking, const char *metric, const json_t *value) {
  struct label labels[] = {{slice_of("source"), slice_of(taking->scrape->source)}};
  give(taking, metric, labels, 1,
       json_is_boolean(value) ? json_is_true(value) : json_number_value(value), 0);
}

/* Puts what a key is in a metric's name behind what stands there. Returns: false when it is too
 * long. */
static bool put_key(char metric[static 129], const char *key) {
  size_t len = strlen(metric);
  if (len > 0 && len < 128)
    metric[len++] = '_';
  for (; *key && len < 128; key++) {
    char c = *key >= 'A' && *key <= 'Z' ? (char)(*key | 0x20) : *key;
    bool digit = c >= '0' && c <= '9' && len > 0;
    metric[len++] = (c >= 'a' && c <= 'z') || digit ? c : '_';
  }
  metric[len] = '\0';
  return *key == '\0';
}

static void take_all(struct taking *taking, json_t *value, const char *prefix, int levels) {
  const char *key;
  json_t *member;
  json_object_foreach(value, key, member) {
    char metric[129];
    memcpy(metric, prefix, sizeof metric);
    if (!put_key(metric, key))
      taking->taken->left_out++;
    else if (json_is_number(member))
      give_number(taking, metric, member);
    else if (json_is_object(member) && levels > 1)
      take_all(taking, member, metric, levels - 1);
  }
}

static void take_named(struct taking *taking, const json_t *answer) {
  for (char **entry = taking->scrape->json; *entry; entry++) {
    const char *sign = strchr(*entry, '=');
    char metric[129];
    snprintf(metric, sizeof metric, "%.*s", (int)(sign - *entry), *entry);
    const json_t *value = json_at(answer, slice_of(sign + 1));
    if (json_is_number(value) || json_is_boolean(value))
      give_number(taking, metric, value);
    else if (!taking->taken->problem[0])
      snprintf(taking->taken->problem, sizeof taking->taken->problem,
               "there is no number at %.100s", sign + 1);
  }
}

static void take_json(struct taking *taking, struct slice body) {
  static const char nothing[129];
  struct belfry_error error = {0};
  json_t *answer = json_parse(body, JSON_DEPTH_DEFAULT, &error);
  if (!answer)
    snprintf(taking->taken->problem, sizeof taking->taken->problem, "is not JSON: %.150s",
             error.text);
  else if (taking->scrape->json)
    take_named(taking, answer);
  else
    take_all(taking, answer, nothing, JSON_LEVELS_MAX);
  json_decref(answer);
}

void scrape_take(const struct conf_scrape *scrape, const char *type, struct slice body,
                 int64_t now_ms, scrape_sample_fn on_sample, void *arg, struct scrape_taken *out) {
  struct taking taking = {
      .scrape = scrape, .now_ms = now_ms, .on_sample = on_sample, .arg = arg, .taken = out};
  *out = (struct scrape_taken){0};
  buf_init(&taking.labels, 0);
  if (scrape->json || strncasecmp(type, "application/json", strlen("application/json")) == 0)
    take_json(&taking, body);
  else
    take_text(&taking, body,
              strncasecmp(type, "application/openmetrics-text",
                          strlen("application/openmetrics-text")) == 0);
  buf_fini(&taking.labels);
}
