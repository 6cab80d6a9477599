/*
 * CSV as RFC 4180 has it, in UTF-8, and safe to open in a spreadsheet. Rows end in LF alone, which
 * all readers take, so that a last CR LF can show that a text is whole (see listing.h).
 */
#ifndef BELFRY_FCGI_CSV_H
#define BELFRY_FCGI_CSV_H

#include "base/buf.h"
#include "base/slice.h"

#define CSV_CONTENT_TYPE "text/csv; charset=utf-8; header=present"

/*
 * Puts foreign text as a cell, quoted where it must be. What a spreadsheet would take for a formula
 * (a text that begins with = + - @, one of their full-width forms, a tab or a line break) gets an
 * apostrophe in front, which shows that it is a text. A CR LF becomes LF.
 */
void csv_put_text(struct buf *out, struct slice text);

#endif
