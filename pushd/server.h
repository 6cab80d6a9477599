/*
 * The daemon around the hub: listening sockets, signals, reload, the end.
 */
#ifndef BELFRY_PUSHD_SERVER_H
#define BELFRY_PUSHD_SERVER_H

#include "conf/conf.h"

/* Runs until SIGTERM or SIGINT. Takes: `conf`; `conf_path` is where SIGHUP loads it from again;
 * `argv` is that of main(), for an upgrade. Returns: the program's exit status. */
int server_run(struct conf *conf, const char *conf_path, char **argv);

#endif
