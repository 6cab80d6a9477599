/*
 * A client's event stream (Server-Sent Events): its start.
 */
#ifndef BELFRY_PUSHD_SSE_H
#define BELFRY_PUSHD_SSE_H

#include <stdint.h>

struct client;

/* Puts the time after which a browser reconnects. */
void sse_start(struct client *client);

/* Tells an EventSource after how long to come back. */
void sse_put_retry(struct client *client, uint32_t ms);

#endif
