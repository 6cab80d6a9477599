/*
 * A client's event stream (Server-Sent Events): its start, and the comments that keep it alive.
 */
#ifndef BELFRY_PUSHD_SSE_H
#define BELFRY_PUSHD_SSE_H

#include <stdint.h>

struct client;

/* Puts the time after which a browser reconnects. */
void sse_start(struct client *client);

/* Tells an EventSource after how long to come back. */
void sse_put_retry(struct client *client, uint32_t ms);

void sse_keep_alive(struct client *client);

#endif
