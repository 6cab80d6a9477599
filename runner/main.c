/*
 * belfry-runner: runs the commands of the configuration's recoveries for belfry-watchd, which has
 * started it and names one of them. It alone keeps the rights that they need.
 */
#include "base/daemon.h"
#include "runner/runner.h"

int main(int argc, char **argv) {
  struct daemon_options options;
  daemon_start("belfry-runner",
               "Runs the commands of recoveries for belfry-watchd, which starts it.", argc, argv,
               &options);
  return runner_run(options.conf_path);
}
