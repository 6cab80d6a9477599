/* belfry restore FOLDER: a history made of a backup, in an empty state folder. */
#include "cli/command.h"
#include "cli/history_dir.h"
#include "history/backup.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>

static int restore(const char *conf_path, const char *state, const char *source) {
  char dir[PATH_MAX], size[24];
  struct belfry_error error = {0};
  struct history_backup_summary summary;
  int status = history_dir_find(conf_path, state, dir, sizeof dir, &error);
  if (!status)
    status = history_restore(source, dir, &summary, &error);
  if (status) {
    command_complain("%s", error.text);
    return EXIT_FAILED;
  }
  history_dir_show_bytes(summary.bytes, size);
  printf("%s: events up to %lld, %lld files, %s, every checksum right; the epoch is now %s\n", dir,
         (long long)summary.head, (long long)summary.files, size, summary.epoch);
  return EXIT_OK;
}

int cmd_restore(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                          {"state", required_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  const char *conf_path = NULL, *state = NULL;
  int option;
  while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    else if (option == 'c')
      conf_path = optarg;
    else if (option == 's')
      state = optarg;
    else
      return command_misused(command, "these arguments are not understood");
  }
  if (optind != argc - 1)
    return command_misused(command, "name the folder that holds the backup");
  return restore(conf_path, state, argv[optind]);
}
