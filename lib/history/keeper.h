/*
 * The keeper: makes sealed files out of what hot.db holds, and looks after them. It owns every file
 * in the folder `segments` and reads hot.db; only the writer changes hot.db. So each piece of work
 * ends with a hand-over: the keeper has written and synced its part and says what the writer is to
 * record and to delete, in one transaction. Until that has committed, nobody sees the keeper's
 * part; if it never does, the next piece of work overwrites it. Each row is in one place, whatever
 * crashes when.
 *
 * A keeper belongs to one thread, which may be another one than the writer's.
 */
#ifndef BELFRY_HISTORY_KEEPER_H
#define BELFRY_HISTORY_KEEPER_H

#include "base/clock.h"
#include "base/error.h"
#include "history/writer.h"

#include <stdbool.h>
#include <stdint.h>

struct history_keeper;

/* What the writer is to do. Made by the keeper; good until the function that gets it returns. */
struct history_hand_over;

/* Has the writer run history_writer_take_over() and waits until that has returned.
 * Returns: 0 when it is durable; BELFRY_ECONFLICT when what was to be sealed has changed meanwhile;
 * another error when it could not be stored. */
typedef int (*history_hand_over_fn)(void *arg, const struct history_hand_over *hand_over,
                                    struct belfry_error *error);

/* How long sealed files are kept, by the end of the day (or month) that they are of; 0: for ever.
 * And how many bytes the history may take altogether; 0: any. */
struct history_retention {
  int64_t events_ms, samples_ms, minutes_ms, hours_ms;
  int64_t disk_bytes;
};

struct history_keeper_options {
  int64_t hot_events;     /* newest events that are not sealed before their day is over */
  int64_t hot_samples_ms; /* samples are not sealed before they are so old */
  const char *quantiles;  /* globs, a comma list, of metrics that keep sketches beside those that
                             are named like latencies; may be NULL; borrowed */
  struct history_retention retention;
};

#define HISTORY_KINDS 4 /* of sealed files: events, samples, minutes, hours */

/* What it has done since it was opened. */
struct history_keeper_figures {
  int64_t events, blocks; /* sealed */
  int64_t samples;        /* sealed */
  int64_t bytes;          /* of sealed files, now */
  int64_t files;          /* now */
  int64_t retired_files, retired_bytes;
  int64_t deletions;        /* ordered by an administrator and not carried out to their end yet */
  int64_t deleted;          /* events */
  int64_t samples_too_late; /* left out, since those that they would be rolled up with are gone */
  int64_t oldest_ms[HISTORY_KINDS]; /* how far back sealed files go, by kind; 0: there are none */
  int64_t growth_bytes_per_day;     /* what a day of the last week came to */
};

/*
 * `dir` is the history's folder; the writer must have opened it before. `clock` is borrowed.
 * Removes what a crash has left in the folder of sealed files. Returns: 0, `*out` owned, free with
 * history_keeper_close().
 */
int history_keeper_open(const char *dir, const struct history_keeper_options *options,
                        const struct clock *clock, history_hand_over_fn hand_over, void *arg,
                        struct history_keeper **out, struct belfry_error *error) BELFRY_MUST_CHECK;
void history_keeper_close(struct history_keeper *keeper);

/* Does a piece of work, if there is any; all but the copy of a finished day takes well under 100
 * ms. `*more`: there was, and there may be another at once. Returns: 0, or why it could not be
 * done; trying again later makes sense. BELFRY_ECONFLICT: what was to be sealed has changed. */
int history_keeper_step(struct history_keeper *keeper, bool *more,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

/* From any thread: a step that takes long gives up, with BELFRY_ETIMEDOUT. For good. */
void history_keeper_interrupt(struct history_keeper *keeper);

/* From the next step on. */
void history_keeper_set_retention(struct history_keeper *keeper,
                                  const struct history_retention *retention);

void history_keeper_figures(const struct history_keeper *keeper,
                            struct history_keeper_figures *out);

/* The writer's part, in a group of its own. Returns: 0 when it is durable; BELFRY_ECONFLICT when
 * things are not as the keeper knew them; after any error nothing was changed. */
int history_writer_take_over(struct history_writer *writer,
                             const struct history_hand_over *hand_over,
                             struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
