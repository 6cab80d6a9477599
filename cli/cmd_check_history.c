/* belfry check-history: whether hot.db and the sealed files are as they should be. */
#include "base/buf.h"
#include "cli/command.h"
#include "cli/history_dir.h"
#include "cli/show.h"
#include "history/backup.h"
#include "model/rebuild.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

static void print_problem(void *arg, const char *file, const char *text) {
  struct buf line;
  (void)arg;
  buf_init(&line, 0);
  show_put_escaped(&line, slice_of(file));
  buf_put_text(&line, ": ");
  show_put_escaped(&line, slice_of(text));
  fprintf(stderr, "%s\n", line.data ? line.data : "out of memory");
  buf_fini(&line);
}

static int check(const char *conf_path, const char *state,
                 const struct history_check_options *options) {
  char dir[PATH_MAX];
  struct belfry_error error = {0};
  struct history_check_counts counts;
  int status = history_dir_find(conf_path, state, dir, sizeof dir, &error);
  if (!status)
    status = history_check(dir, options, print_problem, NULL, &counts, &error);
  if (status) {
    command_complain("%s", error.text);
    return EXIT_FAILED;
  }
  printf("%lld files, %lld sealed pieces with %lld events, %lld samples and %lld roll-ups: "
         "%lld damaged, %lld written anew, %lld set aside\n",
         (long long)counts.files, (long long)counts.blocks, (long long)counts.events,
         (long long)counts.samples, (long long)counts.buckets, (long long)counts.damaged,
         (long long)counts.mended, (long long)counts.quarantined);
  return counts.damaged ? EXIT_FAILED : EXIT_OK;
}

/* Makes agents, sessions, totals and so on anew. */
static int rebuild(const char *conf_path, const char *state) {
  char dir[PATH_MAX];
  struct belfry_error error = {0};
  struct rebuild_counts counts;
  int status = history_dir_find(conf_path, state, dir, sizeof dir, &error);
  if (!status)
    status = rebuild_projections(dir, &counts, &error);
  if (status) {
    command_complain("%s", error.text);
    return EXIT_FAILED;
  }
  printf("the projections were made anew of %lld events", (long long)counts.events);
  if (counts.unfit)
    printf("; %lld times the data did not fit", (long long)counts.unfit);
  putchar('\n');
  return EXIT_OK;
}

int cmd_check_history(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                          {"state", required_argument, NULL, 's'},
                                          {"full", no_argument, NULL, 'f'},
                                          {"repair", no_argument, NULL, 'r'},
                                          {"projections", no_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  const char *conf_path = NULL, *state = NULL;
  struct history_check_options wanted = {0};
  bool projections = false;
  int option;
  while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    else if (option == 'c')
      conf_path = optarg;
    else if (option == 's')
      state = optarg;
    else if (option == 'f')
      wanted.full = true;
    else if (option == 'r')
      wanted.repair = true;
    else if (option == 'p')
      projections = true;
    else
      return command_misused(command, "these arguments are not understood");
  }
  if (optind < argc)
    return command_misused(command, "'%s' is not understood", argv[optind]);
  int status = check(conf_path, state, &wanted);
  return projections && status == EXIT_OK ? rebuild(conf_path, state) : status;
}
