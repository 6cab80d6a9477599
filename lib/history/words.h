/*
 * Words: what a text is cut into for the index, and how a search is compared with a text.
 *
 * A word is a run of ASCII letters, digits, `_` and bytes of other scripts, as grep -w has it; case
 * of ASCII letters does not matter. Searched are the values within an event's data, at any depth,
 * strings with their escapes decoded; not the names of members.
 *
 * A search is a list of terms between blanks, all of which must be found: `word`, several words
 * that belong together as they are typed (`10.0.0.5`, `a-b`), "a phrase in quotes", `begin*` for
 * words that begin so, and -term for what must not be there. A term stands in a text where its
 * bytes do, and no word goes on beyond its ends.
 */
#ifndef BELFRY_HISTORY_WORDS_H
#define BELFRY_HISTORY_WORDS_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* A walk over the values of a JSON text that is known to be valid. */
struct words_walk {
  const char *at, *end;
  struct buf *scratch; /* borrowed; holds a decoded string until the next step */
};

void words_walk_start(struct words_walk *walk, struct slice json, struct buf *scratch);

/* The next string, number or literal. Returns: false at the end, or when memory is out (see the
 * scratch buffer's status). */
bool words_walk_next(struct words_walk *walk, struct slice *value);

/* Takes the next word off the front of `*text`, as it stands there. */
bool words_next(struct slice *text, struct slice *word);

/* --- a search --- */

struct words_term {
  struct slice text; /* without quotes, `-` and `*`; never empty */
  bool negated;
  bool begins; /* the last word may go on */
};

/* Takes the next term off the front of `*search`. Returns: false at the end. */
bool words_next_term(struct slice *search, struct words_term *term);

/* Whether what `search` asks for is in the values of `json`. Returns: also true when memory is out
 * for a string with escapes. */
bool words_match(struct slice search, struct slice json);

/* Puts the words that every match must have, as an expression of FTS5, with AND between. Nothing is
 * put when the search has none (only exclusions, or no word at all). */
void words_put_fts(struct slice search, struct buf *out);

#endif
