/*
 * belfry-watchd: probes services, reads the host's figures and follows log files.
 */
#include "base/daemon.h"
#include "watchd/watch.h"

int main(int argc, char **argv) {
  struct daemon_options options;
  daemon_start("belfry-watchd", "Watches services, the host and log files for Belfry.", argc, argv,
               &options);
  return watch_run(options.conf_path);
}
