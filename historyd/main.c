/*
 * belfry-historyd: the only program that writes the history. Opens it, serves history.sock, ends.
 */
#include "base/clock.h"
#include "base/daemon.h"
#include "base/log.h"
#include "conf/conf.h"
#include "history/writer.h"
#include "historyd/appender.h"
#include "historyd/first_key.h"
#include "historyd/server.h"

#include <limits.h>

static int run(const struct conf *conf, struct belfry_error *error) {
  char history_dir[PATH_MAX], token_path[PATH_MAX];
  struct history_writer *writer = NULL;
  struct appender appender;
  struct history_writer_options options = {.max_series = conf->history_max_series,
                                           .max_series_per_source =
                                               conf->history_max_series_per_source,
                                           .ballast_bytes = conf->history_ballast_bytes};
  int status = conf_state_path(conf, "history", history_dir, sizeof history_dir);
  if (!status)
    status = conf_state_path(conf, "admin.token", token_path, sizeof token_path);
  if (status)
    return belfry_error_set(error, status, "paths.state is too long: %s", conf->paths_state);
  status = history_writer_open(history_dir, &options, &writer, error);
  if (status)
    return status;
  appender_init(&appender, writer, conf, &clock_system);
  status = first_key_make(&appender, history_dir, token_path, error);
  if (!status)
    status = server_run(&appender, conf, error);
  if (status == BELFRY_EIO || status == BELFRY_ECORRUPT)
    history_writer_discard(writer);
  else
    history_writer_close(writer);
  return status;
}

int main(int argc, char **argv) {
  struct daemon_options options;
  struct belfry_error error = {0};
  daemon_start("belfry-historyd", "The only writer of Belfry's history.", argc, argv, &options);
  struct conf *conf = conf_load(options.conf_path, &error);
  if (!conf) {
    log_critical("%s", error.text);
    return 1;
  }
  log_set_level((enum log_level)(LOG_LEVEL_CRITICAL + conf->logging_level));
  int status = run(conf, &error);
  conf_free(conf);
  if (status) {
    log_critical("%s", error.text);
    return 1;
  }
  return 0;
}
