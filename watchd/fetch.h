/*
 * One HTTP transfer: a request, the beginning of its answer, how it ended, and whether a failure
 * was ours. What probes, scrapes and all else that speaks HTTP begin with.
 */
#ifndef BELFRY_WATCHD_FETCH_H
#define BELFRY_WATCHD_FETCH_H

#include "base/buf.h"
#include "watchd/transfer.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetch;

/* Called once, never from within fetch_run(). `ended` is false when there is no answer:
 * fetch_failure() says why. */
typedef void (*fetch_done_fn)(void *arg, bool ended);

/* Embedded in who fetches. */
struct fetch {
  CURL *easy;                 /* owned; for options that only one sort of request needs */
  struct curl_slist *headers; /* owned: of the request */
  struct buf body;            /* the beginning of the answer's */
  bool cut;                   /* there was more of it */
  int grpc_status;            /* of the trailers; -1: none has come */
  char grpc_message[128];

  struct transfers *transfers; /* borrowed */
  struct transfer_done done;
  fetch_done_fn on_done;
  void *arg;
  int64_t timeout_ms;
  size_t body_max;
  int socket_errno; /* why we could not even make a socket; 0: we could */
  CURLcode code;
  char error[CURL_ERROR_SIZE];
};

/* Takes: `url` is copied; of the answer `body_max` bytes are kept. Returns: 0 or BELFRY_ENOMEM;
 * ended by fetch_fini(). */
int fetch_init(struct fetch *fetch, struct transfers *transfers, const char *url,
               int64_t timeout_ms, size_t body_max, bool insecure) BELFRY_MUST_CHECK;

/* Gives up what runs. Not from within on_done() without returning then. */
void fetch_fini(struct fetch *fetch);

/* Adds a header of the request: "Name: value". Returns: 0 or BELFRY_ENOMEM. */
int fetch_header(struct fetch *fetch, const char *line) BELFRY_MUST_CHECK;

/* Runs it. Returns: 0, or an error, and then on_done() is not called. */
int fetch_run(struct fetch *fetch, fetch_done_fn on_done, void *arg,
              struct belfry_error *error) BELFRY_MUST_CHECK;

/* Says why there is no answer. Returns: whether that is a fault of ours, not of who was asked. */
bool fetch_failure(const struct fetch *fetch, char *message, size_t size);

/* The status of HTTP; 0 without an answer. */
long fetch_status(const struct fetch *fetch);

/* The Content-Type of the answer; "" when it says none. Returns: borrowed from it. */
const char *fetch_type(const struct fetch *fetch);

#endif
