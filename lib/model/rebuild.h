/*
 * Making the projections anew, of the log.
 */
#ifndef BELFRY_MODEL_REBUILD_H
#define BELFRY_MODEL_REBUILD_H

#include "base/error.h"

#include <stdint.h>

struct rebuild_counts {
  int64_t events; /* read */
  int64_t unfit;  /* whose data did not fit a projection */
};

/*
 * Empties what events are projected into (the rows PROJECTED of projections.def) and projects all
 * events of the history in `dir` again, in one transaction; belfry-historyd must not run. Returns:
 * 0; BELFRY_ECONFLICT when the history is in use, or when events are gone by retention, of which
 * the totals could not be made again; BELFRY_ECORRUPT when some cannot be read: then everything is
 * as it was.
 */
int rebuild_projections(const char *dir, struct rebuild_counts *out,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
