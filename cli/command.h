/*
 * The commands of `belfry`: one file cmd_<name>.c and one row in commands.def each.
 */
#ifndef BELFRY_CLI_COMMAND_H
#define BELFRY_CLI_COMMAND_H

#include "base/error.h"

enum exit_status {
  EXIT_OK = 0,
  EXIT_FAILED = 1, /* what was asked for did not happen; why is on stderr */
  EXIT_USAGE = 2,
};

struct command {
  const char *name;
  const char *summary; /* one line for the list of commands */
  const char *usage;   /* what follows "usage: belfry NAME" */
  /* Takes: `argv[0]` is the command's name. Returns: an enum exit_status. */
  int (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command commands[];
extern const int command_count;

/* Returns: borrowed for ever; NULL when there is none, after saying so on stderr. */
const struct command *command_find(const char *name);

/* Writes "belfry: " and a line to stderr; control characters are shown escaped. */
void command_complain(const char *format, ...) BELFRY_PRINTF(1, 2);

/* Says what is wrong with the arguments and how they go. Returns: EXIT_USAGE. */
int command_misused(const struct command *command, const char *format, ...) BELFRY_PRINTF(2, 3);

/* Prints the usage for --help. Returns: EXIT_OK. */
int command_print_usage(const struct command *command);

#define COMMAND(name, function, summary, usage)                                                    \
  int function(const struct command *command, int argc, char **argv);
#include "cli/commands.def"
#undef COMMAND

#endif
