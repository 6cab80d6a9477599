/*
 * Cursors of lists: opaque to clients, good for one list of one history only.
 */
#ifndef BELFRY_FCGI_CURSOR_H
#define BELFRY_FCGI_CURSOR_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "history/event.h"

#include <stdint.h>

#define CURSOR_BYTES          96  /* as text, with its NUL */
#define CURSOR_NAME_BYTES_MAX 512 /* of the name in one that has a name */
#define CURSOR_TEXT_MAX       768 /* of one with a name */

/* Takes: `list` is a letter for the list and its order. `place` is where to go on. */
void cursor_format(const char epoch[HISTORY_EPOCH_BYTES], char list, int64_t place,
                   char out[CURSOR_BYTES]);

/* Returns: 0, or BELFRY_EINVAL for a cursor that is none, or of another list or history. */
int cursor_parse(struct slice text, const char epoch[HISTORY_EPOCH_BYTES], char list,
                 int64_t *place) BELFRY_MUST_CHECK;

/* The same for a list in which many may share a place: they follow each other by name. A longer
 * name than fits is cut, which may show one of them twice. */
void cursor_put_named(struct buf *out, const char epoch[HISTORY_EPOCH_BYTES], char list,
                      int64_t place, struct slice name);

/* `*name` is put into `scratch`. Returns: as cursor_parse. */
int cursor_parse_named(struct slice text, const char epoch[HISTORY_EPOCH_BYTES], char list,
                       int64_t *place, struct buf *scratch, struct slice *name) BELFRY_MUST_CHECK;

#endif
