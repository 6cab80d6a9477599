/*
 * The pool: a master that listens, keeps fcgi.workers workers running, and tells the history how
 * they are.
 */
#ifndef BELFRY_FCGI_POOL_H
#define BELFRY_FCGI_POOL_H

#include "base/error.h"
#include "conf/conf.h"

/*
 * Runs until SIGTERM or SIGINT. On SIGHUP, and when settings were changed, the configuration is
 * loaded anew and the workers are replaced one after the other. Takes: `conf`. Returns: 0 after a
 * clean end, or an error.
 */
int pool_run(struct conf *conf, struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
