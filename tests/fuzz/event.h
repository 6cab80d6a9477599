/* What holds for every event that comes out of a parser. */
#ifndef BELFRY_TESTS_FUZZ_EVENT_H
#define BELFRY_TESTS_FUZZ_EVENT_H

#include "base/json.h"
#include "base/timestamp.h"
#include "history/event.h"
#include "model/event_type.h"
#include "property.h"

static inline void check_event(const struct event *event, size_t max_data_bytes) {
  json_t *data = json_parse(event->data, JSON_DEPTH_DEFAULT, NULL);
  PROPERTY(json_is_object(data), "data is an object of bounded depth without duplicate keys");
  json_decref(data);
  PROPERTY(event->data.len <= max_data_bytes, "data is bounded");
  PROPERTY(event_type_valid(event->type) && event_type_public(event->type), "a public type");
  PROPERTY(event->event_id.len > 0 && event->event_id.len <= 128, "an id");
  PROPERTY(event->source.len > 0 && event->source.len <= 128, "a source");
  PROPERTY(utf8_valid_prefix(event->source) == event->source.len, "the source is UTF-8");
  PROPERTY(event->severity >= 0 && event->severity < SEVERITY_COUNT, "a severity");
  PROPERTY(event->timestamp_ms >= 0 && event->timestamp_ms <= TIMESTAMP_MAX_MS, "a time");
}

#endif
