#include "model/event_type.h"

#include "model/sample_json.h"

#include "base/buf.h"
#include "base/json.h"

#include <math.h>

static const struct event_type types[] = {
#define EVENT_TYPE(name, writers, severity, samples) {name, writers, severity, samples},
#include "model/event_types.def"
#undef EVENT_TYPE
};

static const struct {
  const char *type;
  enum sql_statement statement;
} projections[] = {
#define PROJECTION(type, statement) {type, statement},
#define PROJECTED(statement)
#include "model/projections.def"
#undef PROJECTED
#undef PROJECTION
};

const struct event_type *event_type_find(struct slice name) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (slice_is(name, types[i].name))
      return &types[i];
  return NULL;
}

bool event_type_valid(struct slice name) {
  if (name.len < 1 || name.len > 64)
    return false;
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == ':' ||
          c == '-'))
      return false;
  }
  return true;
}

bool event_type_writable(struct slice name, enum history_origin origin) {
  const struct event_type *type = event_type_find(name);
  return !type || type->writers == 0 || (type->writers & 1u << origin);
}

bool event_type_public(struct slice name) {
  const struct event_type *type = event_type_find(name);
  return !type || type->writers == 0;
}

size_t event_type_projections(struct slice name, enum sql_statement out[EVENT_PROJECTIONS_MAX]) {
  size_t count = 0;
  for (size_t i = 0; i < sizeof projections / sizeof *projections; i++) {
    bool every = strcmp(projections[i].type, "*") == 0 && !slice_is(name, "log");
    if ((every || slice_is(name, projections[i].type)) && count < EVENT_PROJECTIONS_MAX)
      out[count++] = projections[i].statement;
  }
  return count;
}

/* --- samples -----------------------------------------------------------------------------------
 */

/* Whether `key` is in a comma list. */
static bool listed(const char *list, struct slice key) {
  struct slice rest = slice_of(list), piece;
  while (slice_split(&rest, ',', &piece))
    if (slice_equal(piece, key))
      return true;
  return false;
}

static struct slice agent_of(struct slice data) {
  static const char *const keys[] = {"agent", "agent_name", "agent_id"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    struct slice raw = json_member(data, keys[i]);
    if (raw.len > 2 && raw.data[0] == '"')
      return raw;
  }
  return slice_new(NULL, 0);
}

static int event_labels(const struct event *event, struct buf *scratch, struct buf *out) {
  struct label labels[2];
  size_t count = 0;
  struct slice agent = agent_of(event->data);
  if (agent.data) {
    int status = json_decode_string(agent, scratch, &labels[0].value);
    if (status)
      return status;
    labels[count++].key = slice_of("agent");
  }
  labels[count++] = (struct label){slice_of("source"), event->source};
  for (size_t i = 0; i < count; i++)
    if (labels[i].value.len > SAMPLE_LABEL_VALUE_BYTES_MAX)
      labels[i].value.len =
          utf8_valid_prefix(slice_new(labels[i].value.data, SAMPLE_LABEL_VALUE_BYTES_MAX));
  labels_put_json(out, labels, count);
  return buf_status(out);
}

int event_samples(const struct event *event, sample_fn on_sample, void *arg) {
  const struct event_type *type = event_type_find(event->type);
  struct json_walk walk;
  struct slice key, raw;
  if (!type || type->samples[0] == '\0' || !json_walk_start(&walk, event->data))
    return BELFRY_OK;
  bool every = strcmp(type->samples, "*") == 0;
  struct buf scratch, labels;
  buf_init(&scratch, 0);
  buf_init(&labels, 0);
  struct sample sample = {.timestamp_ms = event->timestamp_ms};
  int status = BELFRY_OK;
  while (!status && json_walk_next(&walk, &key, &raw)) {
    if (!(every || listed(type->samples, key)) || !metric_name_valid(key) ||
        !slice_to_double(raw, &sample.value) || !isfinite(sample.value))
      continue;
    if (labels.len == 0)
      status = event_labels(event, &scratch, &labels);
    sample.metric = key;
    sample.labels = buf_slice(&labels);
    if (!status)
      status = on_sample(arg, &sample);
  }
  buf_fini(&labels);
  buf_fini(&scratch);
  return status;
}
