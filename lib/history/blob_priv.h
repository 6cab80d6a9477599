/*
 * What every blob in a sealed file has around it: the number of its format in front, and a CRC-32
 * of all before at the end.
 */
#ifndef BELFRY_HISTORY_BLOB_PRIV_H
#define BELFRY_HISTORY_BLOB_PRIV_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/wire.h"

#include <stddef.h>
#include <stdint.h>

/* Begins a blob behind what `out` holds. Returns: where it starts. */
size_t blob__begin(struct buf *out, uint8_t format);

/* Ends the blob that starts there. Returns: what became of `out`. */
int blob__end(struct buf *out, size_t start) BELFRY_MUST_CHECK;

/* Checks a blob. Takes: `what` it ought to be, for the error. Returns: 0 with `*in`, its fields
 * behind the format; BELFRY_ECORRUPT. */
int blob__open(struct slice blob, uint8_t format, const char *what, struct wire *in,
               struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
