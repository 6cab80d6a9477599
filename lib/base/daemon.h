/*
 * What every daemon does at its start: options, inherited listening sockets, readiness.
 * Socket passing and readiness follow systemd's documented protocols (sd_listen_fds(3),
 * sd_notify(3)), which any supervisor can speak; without one they do nothing.
 */
#ifndef BELFRY_BASE_DAEMON_H
#define BELFRY_BASE_DAEMON_H

#include "base/error.h"

/* The command line that all daemons share: `-c FILE` (configuration), `-V` (version), `-h` (help).
 */
struct daemon_options {
  const char *conf_path; /* NULL when -c was not given; borrowed from argv */
};

/*
 * Parses the command line, opens the log under the program's name, ignores SIGPIPE and sets the
 * umask to 0007. Prints and ends the program for -V, -h and wrong usage (status 2). Takes:
 * `program` such as "belfry-historyd", `summary` one line for -h.
 */
void daemon_start(const char *program, const char *summary, int argc, char **argv,
                  struct daemon_options *options);

/*
 * A listening socket that the supervisor handed over under `name` (LISTEN_FDS, LISTEN_FDNAMES).
 * Returns: the descriptor, nonblocking and close-on-exec, or -1 when there is none of that name.
 */
int daemon_inherited_socket(const char *name);

/* Tells the supervisor (NOTIFY_SOCKET) that the daemon serves now, resp. is about to end. `status`
 * is for a person. */
void daemon_ready(const char *status);
void daemon_stopping(const char *status);

#endif
