/* belfry import: stores what files hold: events, log lines, metrics. */
#include "base/clock.h"
#include "base/timestamp.h"
#include "cli/command.h"
#include "cli/import.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct import {
  struct import_options options;
  struct connection_options connection;
  const char *until, *batch;
};

enum {
  OPTION_METRIC = 1,
  OPTION_LABEL,
  OPTION_TIME_COLUMN,
  OPTION_UNTIL,
  OPTION_BATCH,
  OPTION_SKIP_BAD
};

static bool take_label(struct import_options *options, const char *text) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text || options->label_count == IMPORT_LABELS_MAX)
    return false;
  options->labels[options->label_count++] =
      (struct label){slice_new(text, (size_t)(equals - text)), slice_of(equals + 1)};
  return true;
}

static bool take_option(struct import *import, int option, const char *value) {
  struct import_options *options = &import->options;
  switch (option) {
  case 'f':
    options->format = value;
    return true;
  case 'S':
    options->source = value;
    return true;
  case OPTION_METRIC:
    options->metric = value;
    return true;
  case OPTION_LABEL:
    return take_label(options, value);
  case OPTION_TIME_COLUMN:
    options->time_column = value;
    return true;
  case OPTION_UNTIL:
    import->until = value;
    return true;
  case OPTION_BATCH:
    import->batch = value;
    return true;
  case OPTION_SKIP_BAD:
    options->skip_bad = true;
    return true;
  default:
    return connection_take_option(&import->connection, option, value);
  }
}

/* Returns: 0, or EXIT_USAGE after saying why. */
static int check_options(const struct command *command, struct import *import) {
  struct import_options *options = &import->options;
  long long batch = IMPORT_BATCH_DEFAULT;
  if (options->format && !import_format_named(options->format))
    return command_misused(command, "--format: '%s' is not ndjson, json-log, log or csv",
                           options->format);
  if (import->batch &&
      (!slice_to_int64(slice_of(import->batch), &batch) || batch < 1 || batch > IMPORT_BATCH_MAX))
    return command_misused(command, "--batch: '%s' is not a whole number from 1 to %d",
                           import->batch, IMPORT_BATCH_MAX);
  if (import->until &&
      timestamp_parse_relative(slice_of(import->until), clock_realtime_ms(&clock_system),
                               &options->until_ms))
    return command_misused(command, "--until: '%s' is not a time", import->until);
  options->batch_records = batch;
  return EXIT_OK;
}

static void tell(const char *path, const struct import_format *format,
                 const struct import_counts *counts) {
  printf("%s: %s, %" PRId64 " lines, %" PRId64 " records, %" PRId64 " of them stored before",
         strcmp(path, "-") == 0 ? "stdin" : path, format->name, counts->lines, counts->records,
         counts->duplicates);
  if (counts->own)
    printf(", %" PRId64 " events left out that only Belfry itself may write", counts->own);
  if (counts->bad)
    printf(", %" PRId64 " lines left out that are wrong", counts->bad);
  putchar('\n');
}

static int import_files(const struct import *import, struct http *http, int64_t timeout_ms,
                        int count, char **paths) {
  int result = EXIT_OK;
  for (int i = 0; i < count; i++) {
    struct import_counts counts = {0};
    const struct import_format *format = NULL;
    if (import_run(http, timeout_ms, &import->options, paths[i], &counts, &format))
      result = EXIT_FAILED;
    if (format)
      tell(paths[i], format, &counts);
    fflush(stdout);
  }
  return result;
}

int cmd_import(const struct command *command, int argc, char **argv) {
  static const struct option options[] = {
      {"format", required_argument, NULL, 'f'},
      {"source", required_argument, NULL, 'S'},
      {"metric", required_argument, NULL, OPTION_METRIC},
      {"label", required_argument, NULL, OPTION_LABEL},
      {"time-column", required_argument, NULL, OPTION_TIME_COLUMN},
      {"until", required_argument, NULL, OPTION_UNTIL},
      {"batch", required_argument, NULL, OPTION_BATCH},
      {"skip-bad", no_argument, NULL, OPTION_SKIP_BAD},
      CONNECTION_LONG_OPTIONS,
      {0}};
  struct import import = {0};
  struct connection connection;
  struct belfry_error error = {0};
  struct http *http = NULL;
  int option, status;
  while ((option = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
    if (option == 'h')
      return command_print_usage(command);
    if (!take_option(&import, option, optarg))
      return command_misused(command, "these arguments are not understood");
  }
  if ((status = check_options(command, &import)))
    return status;
  if (optind == argc)
    return command_misused(command, "name the files to be imported, or - for stdin");
  tzset();
  status = EXIT_FAILED;
  if (connection_init(&connection, &import.connection, &error) == BELFRY_OK)
    http = http_open(&connection, &error);
  if (!http)
    command_complain("%s", error.text);
  else
    status = import_files(&import, http, connection.timeout_ms, argc - optind, argv + optind);
  http_close(http);
  connection_fini(&connection);
  return status;
}
