#include "cli/command.h"

#include "base/buf.h"
#include "cli/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct command commands[] = {
#define COMMAND(name, function, summary, usage) {name, summary, usage, function},
#include "cli/commands.def"
};
const int command_count = sizeof commands / sizeof *commands;

const struct command *command_find(const char *name) {
  for (int i = 0; i < command_count; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  command_complain("there is no command '%s': `belfry help` lists them", name);
  return NULL;
}

BELFRY_PRINTF(1, 0)
static void complain(const char *format, va_list args) {
  char text[2048];
  struct buf line;
  vsnprintf(text, sizeof text, format, args);
  buf_init(&line, 0);
  show_put_escaped(&line, slice_of(text));
  fflush(stdout);
  fprintf(stderr, "belfry: %s\n", line.data ? line.data : "out of memory");
  buf_fini(&line);
}

void command_complain(const char *format, ...) {
  va_list args;
  va_start(args, format);
  complain(format, args);
  va_end(args);
}

static void print_usage(FILE *to, const struct command *command) {
  fprintf(to, "usage: belfry %s%s%s\n", command->name, command->usage[0] ? " " : "",
          command->usage);
}

int command_misused(const struct command *command, const char *format, ...) {
  va_list args;
  va_start(args, format);
  complain(format, args);
  va_end(args);
  print_usage(stderr, command);
  return EXIT_USAGE;
}

int command_print_usage(const struct command *command) {
  print_usage(stdout, command);
  printf("%s\nSee belfry(1).\n", command->summary);
  return EXIT_OK;
}
