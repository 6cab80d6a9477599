/* Whether an event is wanted. The cheap conditions come first, the search in the text last. */
#include "history/filter.h"

#include "history/words.h"

static bool any_glob(const struct slice *patterns, size_t count, struct slice text) {
  for (size_t i = 0; i < count; i++)
    if (slice_glob(patterns[i], text))
      return true;
  return false;
}

bool event_filter_wants_type(const struct event_filter *filter, struct slice type) {
  return (!filter->type_count || any_glob(filter->types, filter->type_count, type)) &&
         !any_glob(filter->not_types, filter->not_type_count, type);
}

bool event_filter_wants_source(const struct event_filter *filter, struct slice source) {
  return !filter->source_count || any_glob(filter->sources, filter->source_count, source);
}

bool event_filter_match(const struct event_filter *filter, const struct event *event) {
  if (filter->from_ms && event->timestamp_ms < filter->from_ms)
    return false;
  if (filter->to_ms && event->timestamp_ms >= filter->to_ms)
    return false;
  if (filter->severities && !(filter->severities & 1u << event->severity))
    return false;
  return event_filter_wants_type(filter, event->type) &&
         event_filter_wants_source(filter, event->source) &&
         (filter->text.len == 0 || words_match(filter->text, event->data));
}
