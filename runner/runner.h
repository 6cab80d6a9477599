/*
 * The one loop of belfry-runner: messages from belfry-watchd, what commands write, and their ends.
 */
#ifndef BELFRY_RUNNER_RUNNER_H
#define BELFRY_RUNNER_RUNNER_H

/* Runs until belfry-watchd closes its end of the socket; then ends what still runs. Takes: NULL for
 * the default configuration. Returns: the process's exit status. */
int runner_run(const char *conf_path);

#endif
