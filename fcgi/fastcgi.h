/*
 * FastCGI as the workers need it: one request at a time from a listening socket that all workers
 * share. Nothing else knows libfcgi.
 */
#ifndef BELFRY_FCGI_FASTCGI_H
#define BELFRY_FCGI_FASTCGI_H

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct fastcgi;

/* Takes: `listener`, nonblocking, stays the caller's until fastcgi_stop(). Returns: 0, `*out`
 * owned, free with fastcgi_close(). */
int fastcgi_open(int listener, struct fastcgi **out, struct belfry_error *error) BELFRY_MUST_CHECK;
void fastcgi_close(struct fastcgi *fastcgi);

/*
 * Says that no further request shall be accepted, and lets go of the listening socket at once, so
 * that a successor may listen while the current request is still being answered. May be called from
 * a signal handler.
 */
void fastcgi_stop(void);

/*
 * Waits for the next request. All reading from and writing to its connection fails `io_timeout_ms`
 * after it came. Returns: 0; BELFRY_ECLOSED after fastcgi_stop(); BELFRY_EIO when the listening
 * socket cannot be used.
 */
int fastcgi_accept(struct fastcgi *fastcgi, int64_t io_timeout_ms,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

/* A parameter of the current request. Returns: borrowed until fastcgi_finish(); NULL data if
 * absent.
 */
struct slice fastcgi_param(const struct fastcgi *fastcgi, const char *name);

/* Called for a parameter; its texts are borrowed until fastcgi_finish(). */
typedef void (*fastcgi_param_fn)(void *arg, struct slice name, struct slice value);

/* Gives all parameters of the current request that begin with `prefix`; names without it. */
void fastcgi_params(const struct fastcgi *fastcgi, const char *prefix, fastcgi_param_fn on_param,
                    void *arg);

/*
 * Reads at most `max` bytes of the request's body into `out`; fewer came when the body is over or
 * the connection was lost. Returns: 0, or BELFRY_ENOMEM.
 */
int fastcgi_read(struct fastcgi *fastcgi, size_t max, struct buf *out) BELFRY_MUST_CHECK;

/* Returns: 0, or BELFRY_ECLOSED when the other side has gone away or takes too long. */
int fastcgi_write(struct fastcgi *fastcgi, struct slice bytes) BELFRY_MUST_CHECK;

/* Sends what was written so far on its way. Returns: as fastcgi_write. */
int fastcgi_flush(struct fastcgi *fastcgi) BELFRY_MUST_CHECK;

/* Gives all reading from and writing to the connection `io_timeout_ms` from now on. */
void fastcgi_more_time(struct fastcgi *fastcgi, int64_t io_timeout_ms);

/* Whether the other side has closed the connection. */
bool fastcgi_is_gone(const struct fastcgi *fastcgi);

/* Ends the current request. Returns: as fastcgi_write. */
int fastcgi_finish(struct fastcgi *fastcgi) BELFRY_MUST_CHECK;

/* Ends the current request in the middle of its answer, so that the other side can tell: its
 * connection is closed, and the request's end is not sent. */
void fastcgi_abort(struct fastcgi *fastcgi);

#endif
