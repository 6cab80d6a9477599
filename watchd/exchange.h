/*
 * A small exchange over a stream socket: connect, send some bytes, look at what comes back until it
 * is judged. The probes that need no HTTP library are made of it.
 */
#ifndef BELFRY_WATCHD_EXCHANGE_H
#define BELFRY_WATCHD_EXCHANGE_H

#include "watchd/probe.h"

#include <sys/socket.h>

#define EXCHANGE_BYTES_MAX 4096

/*
 * Looks at all bytes that have come so far. Returns: BELFRY_EMORE to wait for more; 0 when the
 * answer is good; another error when it is not. `message` (240 bytes) may be filled for a person.
 */
typedef int (*exchange_judge_fn)(struct slice answer, char *message, size_t message_bytes);

/*
 * Takes: `request` is copied, at most EXCHANGE_BYTES_MAX. Returns: as probe_start.
 */
int exchange_start(const struct probe_tools *tools, const struct sockaddr *address,
                   socklen_t address_len, struct slice request, exchange_judge_fn judge,
                   int64_t timeout_ms, probe_done_fn on_done, void *arg, struct probe **out,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
