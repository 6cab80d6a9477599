/*
 * Writing a damaged file of events anew, out of the blocks that can be read: with an index of words
 * that fits them. Offline: the caller holds the history's lock.
 */
#ifndef BELFRY_HISTORY_MEND_PRIV_H
#define BELFRY_HISTORY_MEND_PRIV_H

#include "history/segment_priv.h"

struct mended {
  int64_t events;      /* that are in the new file */
  int64_t lost_events; /* of those that hot.db says were in the old one */
};

/*
 * The new file takes the place of the old one in hot.db, open: it is finished by the keeper. The
 * old one stays in its folder, with `damaged-` before its name. Returns: 0; BELFRY_ECORRUPT when
 * nothing of it can be read, and everything is as it was.
 */
int mend__events(struct storage *hot, const char *dir, const struct segment_row *row,
                 struct mended *out, struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
