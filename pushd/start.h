/*
 * What a client asks to begin with, from a query string or from a subscribe command: the texts of
 * its conditions, where to start, metrics.
 */
#ifndef BELFRY_PUSHD_START_H
#define BELFRY_PUSHD_START_H

#include "auth/auth.h"
#include "base/buf.h"
#include "base/slice.h"
#include "pushd/follow.h"
#include "pushd/subscription.h"

#include <stdbool.h>

#define START_LAST_MAX       1000
#define START_INTERVAL_MAX_S 60
#define START_ID_MAX         (INT64_C(1) << 53)

/* Reads an id, or "epoch-id", into `since` (and `epoch`, borrowed). Returns: false when it is
 * neither. */
bool start_parse_since(struct slice text, struct follow_start *start);

/* Whether the comma list of globs names metrics_update, which is no event but may be asked for like
 * one. */
bool start_names_metrics(struct slice events);

/* Confines an ingest key to the commands for its own source. `name` is the key's; borrowed. */
void start_confine(enum auth_role role, struct slice name, struct audience_texts *texts);

#endif
