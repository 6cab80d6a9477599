/*
 * belfry-fcgi: a pool of FastCGI workers that answer the REST API, take in events and samples, and
 * read the history. Whatever it writes goes through belfry-historyd.
 */
#include "base/daemon.h"
#include "base/log.h"
#include "conf/conf.h"
#include "fcgi/pool.h"

int main(int argc, char **argv) {
  struct daemon_options options;
  struct belfry_error error = {0};
  daemon_start("belfry-fcgi", "Answers Belfry's REST API over FastCGI.", argc, argv, &options);
  struct conf *conf = conf_load(options.conf_path, &error);
  if (!conf) {
    log_critical("%s", error.text);
    return 1;
  }
  if (pool_run(conf, &error)) {
    log_critical("%s", error.text);
    return 1;
  }
  return 0;
}
