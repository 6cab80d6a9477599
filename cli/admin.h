/*
 * What the commands about keys and users share: a session with the server, and its lists as tables.
 */
#ifndef BELFRY_CLI_ADMIN_H
#define BELFRY_CLI_ADMIN_H

#include "base/json.h"
#include "cli/command.h"
#include "cli/http.h"

struct admin {
  struct connection_options options; /* filled while options are read */
  struct connection connection;
  struct http *http; /* owned */
};

/* What is called `belfry keys VERB`. Takes: the arguments behind the verb. */
typedef int (*admin_verb_fn)(const struct command *command, struct admin *admin, void *arg,
                             int argc, char **argv);

struct admin_verb {
  const char *name;
  admin_verb_fn run;
};

/* Runs the verb that `argv[0]` names, with a session. `verbs` ends with a NULL name. Returns: an
 * enum exit_status. */
int admin_run(const struct command *command, struct admin *admin, const struct admin_verb *verbs,
              void *arg, int argc, char **argv);

/* Asks, and tells what went wrong. Returns: owned, the answer's JSON (null for a 204); NULL when it
 * failed. */
json_t *admin_ask(struct admin *admin, const char *method, const char *path, struct slice body,
                  long wanted);

/* The same about one thing: `path` with `id` behind it. Returns: whether it was done. */
bool admin_ask_about(struct admin *admin, const char *method, const char *path, const char *id,
                     struct slice body, long wanted);

/* A column of a list. One whose value is a boolean shows the key when it is true. */
struct admin_column {
  const char *key, *title;
  int width; /* 0: the last */
};

/* Prints all pages of the list `name` at `path`. `columns` ends with one of width 0. Returns: an
 * enum exit_status. */
int admin_print_list(struct admin *admin, const char *path, const char *name,
                     const struct admin_column *columns);

#endif
