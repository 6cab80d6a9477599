/* belfry backup FOLDER: a copy of the history, made while it is in use. */
#include "cli/command.h"
#include "cli/history_dir.h"
#include "history/backup.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

static int back_up(const char *conf_path, const char *state, bool copy, const char *target) {
  char dir[PATH_MAX], size[24];
  struct belfry_error error = {0};
  struct history_backup_summary summary;
  int status = history_dir_find(conf_path, state, dir, sizeof dir, &error);
  if (!status)
    status = history_backup(dir, target, copy, &summary, &error);
  if (status) {
    command_complain("%s", error.text);
    return EXIT_FAILED;
  }
  history_dir_show_bytes(summary.bytes, size);
  printf("%s: events up to %lld of the history %s, %lld files, %s", target, (long long)summary.head,
         summary.epoch, (long long)summary.files, size);
  if (summary.linked > 0)
    printf(" (%lld of them linked to the history's)", (long long)summary.linked);
  printf("\n");
  return EXIT_OK;
}

int cmd_backup(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                          {"state", required_argument, NULL, 's'},
                                          {"copy", no_argument, NULL, 'C'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  const char *conf_path = NULL, *state = NULL;
  bool copy = false;
  int option;
  while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    else if (option == 'c')
      conf_path = optarg;
    else if (option == 's')
      state = optarg;
    else if (option == 'C')
      copy = true;
    else
      return command_misused(command, "these arguments are not understood");
  }
  if (optind != argc - 1)
    return command_misused(command, "name the folder that is to become the backup");
  return back_up(conf_path, state, copy, argv[optind]);
}
