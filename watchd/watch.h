/*
 * belfry-watchd as a whole: puts its parts together and runs them until a signal ends it.
 */
#ifndef BELFRY_WATCHD_WATCH_H
#define BELFRY_WATCHD_WATCH_H

/* Takes: `conf_path` as conf_load. Returns: the program's exit status. */
int watch_run(const char *conf_path);

#endif
