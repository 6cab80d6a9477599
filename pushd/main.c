/*
 * belfry-pushd: holds the WebSocket and SSE connections and fans the history's events out to them.
 */
#include "base/daemon.h"
#include "base/log.h"
#include "conf/conf.h"
#include "pushd/server.h"

int main(int argc, char **argv) {
  struct daemon_options options;
  struct belfry_error error = {0};
  daemon_start("belfry-pushd", "Sends what happens to browsers and programs as it happens.", argc,
               argv, &options);
  struct conf *conf = conf_load(options.conf_path, &error);
  if (!conf) {
    log_critical("%s", error.text);
    return 2;
  }
  return server_run(conf, argv);
}
