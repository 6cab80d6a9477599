/*
 * Follows the history: opens it, notices when it is gone or another one, reads what is new into the
 * hub's ring, finds where a client starts.
 */
#ifndef BELFRY_PUSHD_FOLLOW_H
#define BELFRY_PUSHD_FOLLOW_H

#include "base/error.h"
#include "base/slice.h"
#include "pushd/subscription.h"

#include <stdbool.h>
#include <stdint.h>

struct hub;

/* Looks for new events now, within a bound. Returns: false when the history cannot be read. */
bool follow_look(struct hub *hub);

/* Once a second: is it still the history that it was, and how far does it reach back? */
void follow_check(struct hub *hub);

/* Reads the history's position again. Returns: 0, or why not. Everybody is sent away when it is
 * another history than before. */
int follow_position(struct hub *hub, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Gives the handle up; the next look opens another. */
void follow_close(struct hub *hub);

/* After a read failed: says so once, and gives the handle up; a new one is tried every second. */
void follow_lost(struct hub *hub, const struct belfry_error *error);

/* Where a client asks to start. */
struct follow_start {
  bool has_since;
  int64_t since;
  struct slice epoch; /* that `since` is of; NULL data: not said */
  bool has_last;
  int64_t last; /* so many of the newest */
};

/*
 * Finds the cursor at which a client starts. `*complete` says whether nothing is missing after
 * `since`; when something is, the cursor is the head (or what `last` says). Returns: 0, or
 * BELFRY_EBUSY when the history cannot be read now.
 */
int follow_resolve(struct hub *hub, const struct follow_start *start, struct audience *audience,
                   int64_t *cursor, bool *complete, struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
