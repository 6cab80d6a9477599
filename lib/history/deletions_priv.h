/*
 * Deletions that are not carried out yet: what readers must not see any more, and what the keeper
 * has to remove (keeper_delete.c).
 */
#ifndef BELFRY_HISTORY_DELETIONS_PRIV_H
#define BELFRY_HISTORY_DELETIONS_PRIV_H

#include "base/buf.h"
#include "history/filter.h"
#include "history/storage_priv.h"

struct deletion {
  int64_t id;
  int64_t last_id;            /* events up to this one */
  struct event_filter filter; /* its texts are in the list's buffer */
};

struct deletions {
  struct deletion *rows; /* owned; in order of id */
  size_t count, cap;
  struct buf texts; /* owned */
};

void deletions__init(struct deletions *deletions);
void deletions__fini(struct deletions *deletions);

/* Reads those of the storage's moment. Next to nothing when there are none. */
int deletions__read(struct deletions *deletions, struct storage *hot,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

/* Whether a deletion is about an event, of which everything but data and event_id must be known. */
bool deletion__covers(const struct deletion *deletion, const struct event *event);
bool deletions__cover(const struct deletions *deletions, const struct event *event);

#endif
