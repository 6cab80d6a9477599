/*
 * A history on disk for tests of what events mean: events are stored with all that follows from
 * them, as belfry-historyd does it.
 */
#ifndef BELFRY_TESTS_STORED_H
#define BELFRY_TESTS_STORED_H

#include "history/query.h"
#include "history/writer.h"

#include <stdint.h>

#define STORED_NOW_MS INT64_C(1795170600000) /* when everything is stored */

struct stored {
  char dir[64];
  struct history_writer *writer;
  struct history *history;
};

/* For cmocka; the state is a struct stored. */
int stored_set_up(void **state);
int stored_tear_down(void **state);

/* Several events may be stored in one go between these two. */
void stored_begin(struct stored *stored);
void stored_commit(struct stored *stored);

/* Stores an event; within stored_begin() and stored_commit(). */
void stored_put(struct stored *stored, const char *type, const char *source, int64_t timestamp_ms,
                const char *data);

/* Stores one event of the source "test" that happens now. */
void stored_event(struct stored *stored, const char *type, const char *data);

/* Fails the test. */
void stored_must(int status, const struct belfry_error *error);

#endif
