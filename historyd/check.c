/* Checks of a batch before it is stored. */
#include "historyd/check.h"

#include "base/json.h"
#include "base/timestamp.h"
#include "model/event_type.h"
#include "model/sample_json.h"

#include <math.h>

#define NAME_BYTES_MAX   128
#define LABELS_BYTES_MAX 4096

static bool is_text(struct slice text, size_t max) {
  return text.len >= 1 && text.len <= max && !memchr(text.data, '\0', text.len) &&
         utf8_valid_prefix(text) == text.len;
}

/* Looks like a JSON object. Whether it is one was found out by the program that accepted it; this
 * catches what went astray on the way. */
static bool is_object(struct slice text, size_t max) {
  return is_text(text, max) && text.len >= 2 && text.data[0] == '{' &&
         text.data[text.len - 1] == '}';
}

static bool is_time(int64_t ms) {
  return ms >= 0 && ms <= TIMESTAMP_MAX_MS;
}

static int check_event(const struct event *event, enum history_origin origin,
                       const struct check_limits *limits, struct belfry_error *error) {
  if (!event_type_valid(event->type))
    return belfry_error_set(error, BELFRY_EINVAL, "the type of an event is not [a-z0-9_.:-]{1,64}");
  if (!event_type_writable(event->type, origin))
    return belfry_error_set(error, BELFRY_EDENIED, "this program may not write events of type %.*s",
                            SLICE_ARG(event->type));
  if (event->severity < 0 || event->severity >= SEVERITY_COUNT)
    return belfry_error_set(error, BELFRY_EINVAL, "an event's severity is %d, not 0 to %d",
                            event->severity, SEVERITY_COUNT - 1);
  if (!is_text(event->source, NAME_BYTES_MAX))
    return belfry_error_set(error, BELFRY_EINVAL, "an event's source is not 1 to %d bytes of UTF-8",
                            NAME_BYTES_MAX);
  if (!is_text(event->event_id, NAME_BYTES_MAX))
    return belfry_error_set(error, BELFRY_EINVAL,
                            "an event's event_id is not 1 to %d bytes of UTF-8", NAME_BYTES_MAX);
  if (!is_time(event->timestamp_ms))
    return belfry_error_set(error, BELFRY_EINVAL, "an event's timestamp is not in 1970 to 9999");
  if (event->data.len > (size_t)limits->max_data_bytes)
    return belfry_error_set(error, BELFRY_ETOOBIG, "an event's data has %zu bytes, over %lld",
                            event->data.len, (long long)limits->max_data_bytes);
  if (!is_object(event->data, event->data.len))
    return belfry_error_set(error, BELFRY_EINVAL, "an event's data is not a JSON object");
  return BELFRY_OK;
}

static int check_sample(const struct sample *sample, struct belfry_error *error) {
  if (!metric_name_valid(sample->metric))
    return belfry_error_set(error, BELFRY_EINVAL,
                            "a sample's metric is not [a-z_][a-z0-9_]{0,127}");
  if (!is_object(sample->labels, LABELS_BYTES_MAX))
    return belfry_error_set(error, BELFRY_EINVAL,
                            "a sample's labels are not a JSON object of at most %d bytes",
                            LABELS_BYTES_MAX);
  if (!is_time(sample->timestamp_ms))
    return belfry_error_set(error, BELFRY_EINVAL, "a sample's timestamp is not in 1970 to 9999");
  if (!isfinite(sample->value))
    return belfry_error_set(error, BELFRY_EINVAL, "a sample's value is not a finite number");
  return BELFRY_OK;
}

static int check_values(const struct history_record *record, struct belfry_error *error) {
  for (size_t i = 0; i < record->mutation.value_count; i++) {
    const struct history_value *value = &record->mutation.values[i];
    if (value->kind == HISTORY_TEXT && utf8_valid_prefix(value->text) != value->text.len)
      return belfry_error_set(error, BELFRY_EINVAL, "the value %s of a change is not UTF-8",
                              value->name);
    if (value->kind == HISTORY_REAL && !isfinite(value->real))
      return belfry_error_set(error, BELFRY_EINVAL, "the value %s of a change is not finite",
                              value->name);
  }
  return BELFRY_OK;
}

static int check_record(const struct history_record *record, enum history_origin origin,
                        const struct check_limits *limits, struct check_counts *counts,
                        struct belfry_error *error) {
  switch (record->kind) {
  case HISTORY_RECORD_EVENT:
    counts->events++;
    return check_event(&record->event, origin, limits, error);
  case HISTORY_RECORD_SAMPLE:
    counts->samples++;
    return check_sample(&record->sample, error);
  case HISTORY_RECORD_MUTATION:
    counts->mutations++;
    return check_values(record, error);
  }
  return BELFRY_EPROTO;
}

int check_batch(struct slice payload, enum history_origin origin, const struct check_limits *limits,
                struct check_counts *counts, struct belfry_error *error) {
  struct history_record record;
  struct wire wire = wire_read(payload);
  *counts = (struct check_counts){0};
  uint32_t count = wire_get_u32(&wire), taken = 0;
  if (!wire.failed && count > limits->max_records)
    return belfry_error_set(error, BELFRY_ETOOBIG,
                            "a batch of %u records is over history.max_batch_events, %lld", count,
                            (long long)limits->max_records);
  int status = wire.failed ? BELFRY_EPROTO : BELFRY_OK;
  while (!status && taken < count) {
    status = history_record_take(&wire, &record);
    if (!status)
      status = check_record(&record, origin, limits, counts, error);
    taken++;
  }
  if (status == BELFRY_EMORE || status == BELFRY_EPROTO || (!status && !wire_at_end(&wire)))
    return belfry_error_set(error, BELFRY_EPROTO, "a batch of %u records cannot be read", count);
  return status;
}
