/*
 * What is known of event types: who may write them, what they change, which samples they carry.
 */
#ifndef BELFRY_MODEL_EVENT_TYPE_H
#define BELFRY_MODEL_EVENT_TYPE_H

#include "base/error.h"
#include "base/slice.h"
#include "history/event.h"
#include "history/statements.h"
#include "model/severity.h"

#include <stdbool.h>
#include <stddef.h>

struct event_type {
  const char *name;
  unsigned writers;       /* 0: public; else bits 1 << enum history_origin */
  enum severity severity; /* of an event that says none */
  const char *samples;    /* see event_types.def */
};

/* Returns: borrowed for ever; NULL for a type that is not known. */
const struct event_type *event_type_find(struct slice name);

/* Whether `name` is [a-z0-9_.:-]{1,64}. */
bool event_type_valid(struct slice name);

/* Whether a program may write events of this type. Public types may come from every program. */
bool event_type_writable(struct slice name, enum history_origin origin);

/* Whether somebody outside may post events of this type. */
bool event_type_public(struct slice name);

#define EVENT_PROJECTIONS_MAX 12

/* The statements that project an event of this type, in order. Returns: how many. */
size_t event_type_projections(struct slice name, enum sql_statement out[EVENT_PROJECTIONS_MAX]);

/* Called for each sample that an event carries; its texts are borrowed until it returns. */
typedef int (*sample_fn)(void *arg, const struct sample *sample);

/*
 * Gives the samples that follow from a stored event: metric = the key, labels `source` and, where
 * the data has `agent`, `agent_name` or `agent_id`, `agent`. Keys that are no metric name are left
 * out. Returns: 0, what `on_sample` returned, or BELFRY_ENOMEM.
 */
int event_samples(const struct event *event, sample_fn on_sample, void *arg) BELFRY_MUST_CHECK;

#endif
