/*
 * What the writer does not believe: each record of a batch is checked before anything of it is
 * stored, also when it comes from one of our own programs.
 */
#ifndef BELFRY_HISTORYD_CHECK_H
#define BELFRY_HISTORYD_CHECK_H

#include "base/error.h"
#include "history/append.h"

#include <stdbool.h>
#include <stddef.h>

struct check_limits {
  int64_t max_records;    /* of a batch */
  int64_t max_data_bytes; /* of an event */
};

/* What a batch holds. */
struct check_counts {
  uint32_t events, samples, mutations;
};

/*
 * Checks a payload of HISTORY_VERB_APPEND. Returns: 0; BELFRY_EPROTO when it cannot be read;
 * BELFRY_ETOOBIG over a limit; BELFRY_EDENIED for a type of events that `origin` may not write;
 * BELFRY_EINVAL for anything else that is wrong.
 */
int check_batch(struct slice payload, enum history_origin origin, const struct check_limits *limits,
                struct check_counts *counts, struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
