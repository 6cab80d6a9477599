/*
 * The daemon around the hub: listening sockets, signals, reload, the end.
 */
#ifndef BELFRY_PUSHD_SERVER_H
#define BELFRY_PUSHD_SERVER_H

#include "conf/conf.h"

/* Runs until SIGTERM or SIGINT. Takes: `conf`, which is loaded again on SIGHUP and when settings
 * were changed; `argv` is that of main(), for an upgrade. Returns: the program's exit status. */
int server_run(struct conf *conf, char **argv);

#endif
