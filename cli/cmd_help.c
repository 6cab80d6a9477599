/* belfry help [COMMAND] */
#include "cli/command.h"

#include <stdio.h>

int cmd_help(const struct command *command, int argc, char **argv) {
  if (argc > 2)
    return command_misused(command, "help takes one command at most");
  if (argc == 2) {
    const struct command *about = command_find(argv[1]);
    return about ? command_print_usage(about) : EXIT_USAGE;
  }
  printf("usage: belfry COMMAND [ARGUMENT ...]\n\n");
  for (int i = 0; i < command_count; i++)
    printf("  %-14s%s\n", commands[i].name, commands[i].summary);
  printf("\nCommands that ask a server take [--url URL] [--key-file FILE] [--timeout SECONDS];\n"
         "BELFRY_URL and BELFRY_KEY_FILE stand for the first two. See belfry(1).\n");
  return EXIT_OK;
}
