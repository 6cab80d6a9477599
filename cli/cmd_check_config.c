/* belfry check-config [--dump] [FILE]: all that is wrong with a configuration, or what is in force.
 */
#include "base/buf.h"
#include "cli/command.h"
#include "cli/show.h"
#include "conf/conf.h"

#include <getopt.h>
#include <stdio.h>

static void print_problem(void *arg, const char *where, const char *text) {
  struct buf line;
  (void)arg;
  buf_init(&line, 0);
  show_put_escaped(&line, slice_of(where));
  buf_put_text(&line, ": ");
  show_put_escaped(&line, slice_of(text));
  fprintf(stderr, "%s\n", line.data ? line.data : "out of memory");
  buf_fini(&line);
}

static int dump(const char *path) {
  struct belfry_error error = {0};
  struct conf *conf = conf_load(path, &error);
  struct buf text;
  if (!conf) {
    command_complain("%s", error.text);
    return EXIT_FAILED;
  }
  buf_init(&text, 0);
  conf_dump(conf, &text);
  conf_free(conf);
  int status = buf_status(&text);
  if (status)
    command_complain("%s", belfry_strerror(status));
  else
    fwrite(text.data, 1, text.len, stdout);
  buf_fini(&text);
  return status ? EXIT_FAILED : EXIT_OK;
}

int cmd_check_config(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {{"dump", no_argument, NULL, 'd'},
                                          {"config", required_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
  const char *path = NULL;
  int option;
  int dumping = 0;
  while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    else if (option == 'd')
      dumping = 1;
    else if (option == 'c')
      path = optarg;
    else
      return command_misused(command, "these arguments are not understood");
  }
  if (optind < argc && !path)
    path = argv[optind++];
  if (optind < argc)
    return command_misused(command, "one file at a time, not also '%s'", argv[optind]);
  int problems = conf_check(path, print_problem, NULL);
  if (problems < 0) {
    command_complain("%s", belfry_strerror(problems));
    return EXIT_FAILED;
  }
  if (problems > 0) {
    command_complain("%d problem%s", problems, problems == 1 ? "" : "s");
    return EXIT_FAILED;
  }
  if (dumping)
    return dump(path);
  printf("the configuration is valid\n");
  return EXIT_OK;
}
