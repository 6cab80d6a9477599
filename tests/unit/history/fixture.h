/* A history in a folder of its own, for the tests of lib/history and historyd. */
#ifndef BELFRY_TESTS_HISTORY_FIXTURE_H
#define BELFRY_TESTS_HISTORY_FIXTURE_H

#include "history/query.h"
#include "history/writer.h"

/* Makes an empty folder, below TMPDIR if that is set. Ends the test on failure. */
void fixture_make_dir(char dir[static 64]);
void fixture_remove_dir(const char *dir);

/* Opens a writer with small limits. */
struct history_writer *fixture_writer(const char *dir);
struct history *fixture_reader(const char *dir);

/* An event with everything set; `id` is its event_id, `at_ms` its timestamp. */
struct event fixture_event(const char *id, const char *type, int64_t at_ms, const char *data);

/* Stores one event in a group of its own. Returns: its id (0: a duplicate). */
int64_t fixture_store(struct history_writer *writer, struct event event);

#endif
