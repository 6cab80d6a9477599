/*
 * A history writer and a push daemon of the build folder, on temporary paths, for tests.
 */
#ifndef BELFRY_TESTS_INSTANCE_H
#define BELFRY_TESTS_INSTANCE_H

#include "auth/auth.h"

#include <stdint.h>
#include <sys/types.h>

struct instance {
  char dir[64];
  char socket[96]; /* push.sock */
  char admin[256]; /* the header line that shows the admin's key */
  pid_t historyd, pushd;
  struct history_client *history;
  int64_t sent; /* events appended so far; numbers their data */
};

/* Makes the folders and a configuration with `push` (lines of the section push, each indented by
 * two), and starts both daemons. */
void instance_start(struct instance *instance, const char *push);
void instance_end(struct instance *instance);

void instance_configure(struct instance *instance, const char *push);
void instance_start_historyd(struct instance *instance);
void instance_start_pushd(struct instance *instance);

/* The two halves of instance_start_pushd: it listens before it can read the history; ready is when
 * it lets somebody in. */
void instance_launch_pushd(struct instance *instance);
void instance_await_pushd(struct instance *instance);

/* Sends the signal to a daemon and waits until it has ended. Returns: its status as of waitpid(2).
 */
int instance_stop(pid_t *pid, int signal);

/* Appends `count` events with data {"n":...,"pad":...}. Returns: the id of the last. */
int64_t instance_append(struct instance *instance, int count, const char *type, const char *source,
                        int severity, int pad_bytes);

/* Makes a key; `ttl_ms` 0: never expires. `header` becomes the line that shows it. */
void instance_make_key(struct instance *instance, const char *name, enum auth_role role,
                       int64_t ttl_ms, char header[256]);

#endif
