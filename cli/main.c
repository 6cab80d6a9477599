/*
 * belfry: the command line. Finds the command and runs it.
 */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static int run(int argc, char **argv) {
  char *help[] = {(char[]){"help"}, NULL}, *version[] = {(char[]){"version"}, NULL};
  if (argc < 2) {
    cmd_help(command_find("help"), 1, help);
    return EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
    return cmd_help(command_find("help"), 1, help);
  if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
    return cmd_version(command_find("version"), 1, version);
  const struct command *command = command_find(argv[1]);
  return command ? command->run(command, argc - 1, argv + 1) : EXIT_USAGE;
}

int main(int argc, char **argv) {
  int status = run(argc, argv);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    if (status == EXIT_OK)
      command_complain("cannot write the output");
    return status == EXIT_OK ? EXIT_FAILED : status;
  }
  return status;
}
