/*
 * Which alerts nobody wants to be told of now: silences, which people set by hand, and maintenance,
 * which the configuration says.
 */
#ifndef BELFRY_WATCHD_QUIET_H
#define BELFRY_WATCHD_QUIET_H

#include "base/error.h"
#include "conf/conf.h"
#include "history/query.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quiet;

/* Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with quiet_free(). */
int quiet_new(struct quiet **out) BELFRY_MUST_CHECK;
void quiet_free(struct quiet *quiet);

/* Takes over what `conf` says of maintenance. Returns: 0 or BELFRY_ENOMEM (then nothing changed).
 */
int quiet_configure(struct quiet *quiet, const struct conf *conf) BELFRY_MUST_CHECK;

/* Reads the silences that are not over. Returns: as history_read; what was known stays on failure.
 */
int quiet_read(struct quiet *quiet, struct history *history, int64_t now_ms,
               struct belfry_error *error) BELFRY_MUST_CHECK;

/* Looks which of them are so now; before quiet_match(), once for many. */
void quiet_look(struct quiet *quiet, int64_t now_ms);

/* Whether an alert with these labels is not to be told. Then `out` says why. */
bool quiet_match(const struct quiet *quiet, const json_t *labels, char *out, size_t size);

#endif
