/*
 * The bell: after a commit the writer sends an empty datagram to each reader's unix socket. It
 * carries no data; a ring that is lost, doubled or late does no harm, because readers also look
 * once a second by themselves.
 */
#ifndef BELFRY_BASE_BELL_H
#define BELFRY_BASE_BELL_H

#include "base/error.h"

/* A reader's side: a nonblocking datagram socket at `path` that becomes readable when the bell
 * rings. */
int bell_open(const char *path, int *out_fd, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Takes all rings that have come. */
void bell_drain(int fd);

/* The writer's side: one unconnected socket for all bells. */
int bell_ringer_open(int *out_fd, struct belfry_error *error) BELFRY_MUST_CHECK;

/* Rings the bell at `path`. Nobody there, or one that has rung too often already, is fine. */
void bell_ring(int ringer, const char *path);

#endif
