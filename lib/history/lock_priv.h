/* history.lock: whoever writes a history, or makes or mends one offline, holds it. */
#ifndef BELFRY_HISTORY_LOCK_PRIV_H
#define BELFRY_HISTORY_LOCK_PRIV_H

#include "base/error.h"

/* Makes the history's folder if it is not there, so that it survives a power cut. */
int lock__make_dir(const char *dir, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Takes the lock of `dir`. Returns: 0 with `*out_fd` owned, closing it lets the lock go;
 * BELFRY_ECONFLICT when another process has it, whose number the error says. */
int lock__take(const char *dir, int *out_fd, struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
