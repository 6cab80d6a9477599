/*
 * Real daemons in a folder of their own, for the tests of belfry-watchd: started from the build
 * folder (where `make check` runs), killed at will, and looked at through the history.
 */
#ifndef BELFRY_TESTS_WATCHD_RUNNING_H
#define BELFRY_TESTS_WATCHD_RUNNING_H

#include "history/query.h"

#include <stdbool.h>
#include <sys/types.h>

struct running {
  char folder[64];
  pid_t historyd, watchd; /* 0: not running */
  struct history *history;
};

/* Makes the folder. `lists` is the rest of the configuration, YAML. */
void running_make(struct running *running, const char *lists);
void running_configure(struct running *running, const char *lists);

/* Ends what runs and removes the folder; after a failed test it is kept, and named. */
void running_end(struct running *running, bool keep);

void running_start_historyd(struct running *running);
void running_start_watchd(struct running *running);

/* Sends a signal and waits for the end. */
void running_stop(pid_t *pid, int signal_number);

/* Asks `done` again and again until it says yes; fails the test after a minute. */
void running_until(bool (*done)(void *arg), void *arg, const char *what);

/* Gives the stored events of a type, in order. */
void running_events(struct running *running, const char *type, event_fn on_event, void *arg);

/* The path of a file in the folder. Returns: borrowed until the fourth call after. */
const char *running_path(const struct running *running, const char *name);

#endif
