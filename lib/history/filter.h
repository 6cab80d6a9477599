/*
 * Which events somebody wants. Used by queries over the history and by the push daemon over its
 * ring.
 */
#ifndef BELFRY_HISTORY_FILTER_H
#define BELFRY_HISTORY_FILTER_H

#include "history/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_FILTER_PATTERNS_MAX 32

/* All conditions must hold; one that is zero holds always. All texts are borrowed. */
struct event_filter {
  struct slice types[EVENT_FILTER_PATTERNS_MAX]; /* globs, one must match */
  size_t type_count;
  struct slice not_types[EVENT_FILTER_PATTERNS_MAX]; /* globs, none may match */
  size_t not_type_count;
  struct slice sources[EVENT_FILTER_PATTERNS_MAX]; /* globs, one must match */
  size_t source_count;
  unsigned severities;    /* bit 1 << severity for each that is wanted */
  int64_t from_ms, to_ms; /* from <= timestamp < to; 0 for no bound */
  struct slice text;      /* words that must be in the data's values (history/words.h) */
};

bool event_filter_match(const struct event_filter *filter, const struct event *event);

/* The conditions on one field alone. */
bool event_filter_wants_type(const struct event_filter *filter, struct slice type);
bool event_filter_wants_source(const struct event_filter *filter, struct slice source);

#endif
