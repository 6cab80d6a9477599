/*
 * How many requests somebody may make (fcgi.rate_limit in fcgi.rate_window): counted for each API
 * key and each user, and for those who are nobody in particular for each address, by all workers
 * together.
 */
#ifndef BELFRY_FCGI_RATE_LIMIT_H
#define BELFRY_FCGI_RATE_LIMIT_H

#include "base/address.h"
#include "fcgi/request.h"
#include "fcgi/shared.h"

#include <stdbool.h>
#include <stdint.h>

/* How somebody stands after a request was counted. */
struct rate {
  bool refused; /* it was one too many */
  int64_t left; /* requests in this window */
  int reset_s;  /* until the next one begins, at least 1 */
};

/*
 * Counts a request of `who`. Windows begin for all at the same time, on multiples of `window_ms`.
 * The table is bounded and of several that come to one place may forget the one with the fewest
 * requests, who may then make more than `limit`.
 */
struct rate rate_take(struct shared *shared, struct slice who, int64_t limit, int64_t window_ms,
                      int64_t monotonic_ms);

/* Whose request it is: the id of the key or user, or the name of others; else the address, of IPv6
 * its /64 network, of which somebody may have all. Returns: borrowed from the request or from
 * `out`. */
struct slice rate_who(const struct request *request, char out[ADDRESS_TEXT_BYTES]);

#endif
