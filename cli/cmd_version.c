/* belfry version */
#include "cli/command.h"

#include <stdio.h>

#include "config.h"

int cmd_version(const struct command *command, int argc, char **argv) {
  (void)argv;
  if (argc > 1)
    return command_misused(command, "version takes no arguments");
  printf("belfry %s\n", PACKAGE_VERSION);
  return EXIT_OK;
}
