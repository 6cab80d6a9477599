/*
 * The pool: a master that listens, keeps fcgi.workers workers running, and tells the history how
 * they are.
 */
#ifndef BELFRY_FCGI_POOL_H
#define BELFRY_FCGI_POOL_H

#include "base/error.h"
#include "conf/conf.h"

/*
 * Runs until SIGTERM or SIGINT. SIGHUP reads `conf_path` anew and replaces the workers one after
 * the other. Takes: `conf`. Returns: 0 after a clean end, or an error.
 */
int pool_run(const char *conf_path, struct conf *conf,
             struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
