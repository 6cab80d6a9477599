/*
 * A history as a whole: a copy of it that was made while it was written (backup), the way back
 * (restore), and whether everything in it is as it should be (check).
 *
 * A backup is a folder with hot.db, segments/ and manifest.json, which names each file with its
 * size and SHA-256. It is of one moment: that of hot.db. Nothing here writes to a history that is
 * in use; restoring and mending take its lock.
 */
#ifndef BELFRY_HISTORY_BACKUP_H
#define BELFRY_HISTORY_BACKUP_H

#include "base/error.h"
#include "history/event.h"

#include <stdbool.h>
#include <stdint.h>

struct history_backup_summary {
  char epoch[HISTORY_EPOCH_BYTES]; /* of the history; of a restored one the new one */
  int64_t head;                    /* id of its newest event */
  int64_t files, bytes;
  int64_t linked; /* files that are the history's own, by another name */
};

/*
 * Backs the history in `dir` up to the folder `target`, which must not be there or be empty; it is
 * there as a whole or not at all. Finished files, which nobody ever writes again, are linked where
 * the file system can, unless `copy`. Returns: 0; BELFRY_EBUSY when there is no history, or when
 * sealed files go faster than they are copied.
 */
int history_backup(const char *dir, const char *target, bool copy,
                   struct history_backup_summary *out,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/*
 * Makes a history in `dir` of the backup in `source`. Every file is compared with the manifest, and
 * the history gets a new epoch, since what was appended after the backup is not in it. Returns: 0;
 * BELFRY_ECORRUPT with the file's name when one is damaged or missing, BELFRY_ECONFLICT when there
 * is a history in `dir` or it is in use; nothing is left behind then.
 */
int history_restore(const char *source, const char *dir, struct history_backup_summary *out,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

struct history_check_options {
  bool full;   /* unpacks every block and compares the index of words, not only what is quick */
  bool repair; /* writes damaged files of events anew, of what can be read of them, and sets others
                  aside (quarantine), so that the rest can be used; needs the lock */
};

struct history_check_counts {
  int64_t files, blocks, events, samples, buckets;
  int64_t damaged;     /* files that are not as they should be */
  int64_t quarantined; /* set aside, now or before */
  int64_t mended;      /* written anew */
};

/* Says what is wrong with `file`, hot.db or one in segments. */
typedef void (*history_problem_fn)(void *arg, const char *file, const char *text);

/* Looks at the history in `dir`, which may be in use. Returns: 0 when everything could be looked at
 * (what was found is in `counts`); else why not. */
int history_check(const char *dir, const struct history_check_options *options,
                  history_problem_fn on_problem, void *arg, struct history_check_counts *counts,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
