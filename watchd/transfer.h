/*
 * HTTP transfers by libcurl, many at a time in the event loop.
 */
#ifndef BELFRY_WATCHD_TRANSFER_H
#define BELFRY_WATCHD_TRANSFER_H

#include "base/error.h"

#include <curl/curl.h>
#include <ev.h>

struct transfers;

/* Takes: `loop` borrowed. Returns: 0, BELFRY_ENOMEM or BELFRY_EIO; `*out` owned, free with
 * transfers_free() after all transfers have ended or were removed. */
int transfers_new(struct ev_loop *loop, struct transfers **out) BELFRY_MUST_CHECK;
void transfers_free(struct transfers *transfers);

/* Called once when a transfer has ended; `easy` is out of the set then. */
typedef void (*transfer_done_fn)(void *arg, CURL *easy, CURLcode code);

/* Runs a transfer whose options are set (but CURLOPT_PRIVATE). Takes: `done` borrowed until it was
 * called or removed. */
struct transfer_done {
  transfer_done_fn on_done;
  void *arg;
};
int transfers_add(struct transfers *transfers, CURL *easy,
                  struct transfer_done *done) BELFRY_MUST_CHECK;

/* Gives it up; on_done is not called. */
void transfers_remove(struct transfers *transfers, CURL *easy);

#endif
