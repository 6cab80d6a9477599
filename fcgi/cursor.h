/*
 * Cursors of lists: opaque to clients, good for one list of one history only.
 */
#ifndef BELFRY_FCGI_CURSOR_H
#define BELFRY_FCGI_CURSOR_H

#include "base/error.h"
#include "base/slice.h"
#include "history/event.h"

#include <stdint.h>

#define CURSOR_BYTES 96 /* as text, with its NUL */

/* Takes: `list` is a letter for the list and its order. `place` is where to go on. */
void cursor_format(const char epoch[HISTORY_EPOCH_BYTES], char list, int64_t place,
                   char out[CURSOR_BYTES]);

/* Returns: 0, or BELFRY_EINVAL for a cursor that is none, or of another list or history. */
int cursor_parse(struct slice text, const char epoch[HISTORY_EPOCH_BYTES], char list,
                 int64_t *place) BELFRY_MUST_CHECK;

#endif
