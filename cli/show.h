/*
 * What a person sees of an event: one line, coloured by severity. Text from outside never reaches a
 * terminal raw: control characters (and what turns the direction of text around) are shown escaped.
 */
#ifndef BELFRY_CLI_SHOW_H
#define BELFRY_CLI_SHOW_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

/* Puts text with control characters as \n, \t, \x1b or \u202e, and bytes that are not UTF-8 as
 * \xff. */
void show_put_escaped(struct buf *out, struct slice text);

/* Puts valid JSON text so that no control character is in it: it stays the same JSON. */
void show_put_json(struct buf *out, struct slice text);

/*
 * Puts an event of the API (valid JSON) as one line with a line break: local time, severity,
 * source, type, and the facts of its data. Takes: `tz` is that of the process (tzset(3)).
 */
void show_put_event(struct buf *out, struct slice event, bool coloured);

/* Whether what goes to stdout may be coloured: a terminal, and NO_COLOR is not set. */
bool show_wants_colour(void);

#endif
