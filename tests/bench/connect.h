/*
 * TCP connections of the bench programs.
 */
#ifndef BELFRY_BENCH_CONNECT_H
#define BELFRY_BENCH_CONNECT_H

#include <stdbool.h>

/*
 * Connects to HOST:PORT (an IPv4 address). `source` above 0 takes 127.0.0.<source> as the own
 * address, so that many connections do not run out of ports; else the descriptor is that of any.
 * Returns: a descriptor (nonblocking, perhaps not connected yet, unless `wait`), or -1.
 */
int connect_tcp(const char *address, int source, bool wait);

#endif
