/*
 * The socket: connections, frames, and the loop that lets what is waiting become one group.
 */
#ifndef BELFRY_HISTORYD_SERVER_H
#define BELFRY_HISTORYD_SERVER_H

#include "base/error.h"
#include "conf/conf.h"
#include "historyd/appender.h"

/*
 * Serves until SIGTERM or SIGINT. The configuration is loaded again on SIGHUP and when settings
 * were changed, for the log's level and for retention. Returns: 0 after a clean stop, or why it
 * cannot serve (any more).
 */
int server_run(struct appender *appender, const struct conf *conf,
               struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
