/*
 * The writer's side of the storage, for belfry-historyd alone: one handle, one thread, every write
 * and every checkpoint.
 */
#ifndef BELFRY_HISTORY_WRITER_H
#define BELFRY_HISTORY_WRITER_H

#include "base/clock.h"
#include "base/error.h"
#include "history/event.h"
#include "history/statements.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history_writer;

struct history_writer_options {
  int64_t max_series;
  int64_t max_series_per_source; /* 0: no such limit */
  int64_t ballast_bytes;
};

/*
 * Takes the lock (history.lock), makes or migrates the database, prepares every statement (a typo
 * fails here), brings what an earlier writer left in the log into the database. Returns: 0, `*out`
 * owned, free with history_writer_close(); BELFRY_ECONFLICT when another process has the lock;
 * BELFRY_EVERSION when the schema is newer than this program.
 */
int history_writer_open(const char *dir, const struct history_writer_options *options,
                        struct history_writer **out, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Checkpoints and closes. Leaves the files so that readers of other users go on. */
void history_writer_close(struct history_writer *writer);

/* Closes after BELFRY_EIO or BELFRY_ECORRUPT, without another write: after a failed fsync nobody
 * knows which pages reached the disk, and the next start reads what did. */
void history_writer_discard(struct history_writer *writer);

int history_writer_position(struct history_writer *writer, struct history_position *out,
                            struct belfry_error *error) BELFRY_MUST_CHECK;

/*
 * Whether events and samples can be taken: false after the disk was full, until there is room again
 * (`error` says how much is missing). Then the ballast was given up, and what is left is for
 * checkpoints and small changes of state. Cheap; asks the disk only when it was full.
 */
bool history_writer_has_room(struct history_writer *writer, struct belfry_error *error);

/* A group is one transaction of many batches. BELFRY_EIO also when somebody has removed or replaced
 * the database: nothing may be acknowledged that is written to the old one. */
int history_writer_begin_group(struct history_writer *writer,
                               struct belfry_error *error) BELFRY_MUST_CHECK;

/* Durable when it returns 0. After any failure nothing of the group is stored; BELFRY_EFULL says
 * the disk is full. */
int history_writer_commit_group(struct history_writer *writer,
                                struct belfry_error *error) BELFRY_MUST_CHECK;
void history_writer_abandon_group(struct history_writer *writer);

/*
 * A batch between begin and end can be undone. That costs a copy of each page it changes, so one
 * that cannot be refused any more once it was checked (events only) does without. After
 * BELFRY_EFULL, BELFRY_EIO, BELFRY_ENOMEM or BELFRY_ECORRUPT from any of these the whole group is
 * to be abandoned.
 */
int history_writer_begin_batch(struct history_writer *writer,
                               struct belfry_error *error) BELFRY_MUST_CHECK;
int history_writer_end_batch(struct history_writer *writer,
                             struct belfry_error *error) BELFRY_MUST_CHECK;
int history_writer_undo_batch(struct history_writer *writer,
                              struct belfry_error *error) BELFRY_MUST_CHECK;

/* Sets `event->id`; leaves it 0 when (source, event_id) is there already. `received_ms` and
 * `origin` must be set; a `received_ms` before that of the last event is raised to it. */
int history_writer_event(struct history_writer *writer, struct event *event,
                         struct belfry_error *error) BELFRY_MUST_CHECK;

/* The later of two samples of one series at one millisecond wins. BELFRY_ETOOBIG: too many series.
 */
int history_writer_sample(struct history_writer *writer, const struct sample *sample,
                          struct belfry_error *error) BELFRY_MUST_CHECK;

/* The same for a sample that says what came on top of the series' last value; one that is not later
 * than the last is taken for one that came again, and changes nothing. */
int history_writer_increment(struct history_writer *writer, const struct sample *sample,
                             struct belfry_error *error) BELFRY_MUST_CHECK;

/* How many series there are, and how often a sample was refused since the start because there would
 * be too many. */
void history_writer_series(const struct history_writer *writer, int64_t *count, int64_t *refused);

/* Runs a projection for a stored event, of this group or read from the log. Its parameters are the
   event's columns and what its data says (history/event_values_priv.h). */
int history_writer_project(struct history_writer *writer, enum sql_statement statement,
                           const struct event *event, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Runs a mutation by its statement's name, if `origin` is among its writers (else BELFRY_EDENIED).
 * `*changed` rows. */
int history_writer_mutate(struct history_writer *writer, struct slice statement,
                          enum history_origin origin, const struct history_value *values,
                          size_t value_count, int64_t *changed,
                          struct belfry_error *error) BELFRY_MUST_CHECK;

/* Size of the write-ahead log in pages after the last commit. */
int64_t history_writer_wal_pages(const struct history_writer *writer);

/* Brings the write-ahead log into the database: PASSIVE, or RESTART when `wait_for_readers`. */
int history_writer_checkpoint(struct history_writer *writer, bool wait_for_readers,
                              struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
