/*
 * The member "timestamp" of events and samples.
 */
#ifndef BELFRY_MODEL_TIMESTAMP_JSON_H
#define BELFRY_MODEL_TIMESTAMP_JSON_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "model/problem.h"

#include <stdint.h>

/*
 * Takes: `raw` is the member's raw text, a JSON string or number (timestamp.h says which);
 * `scratch` as json_decode_string() wants it. Returns: 0; BELFRY_ECONFLICT with `problem` at
 * /timestamp when it is no time; BELFRY_ENOMEM.
 */
int timestamp_take(struct slice raw, struct buf *scratch, int64_t *out_ms,
                   struct model_problem *problem) BELFRY_MUST_CHECK;

#endif
