/*
 * Who is at the other end of history.sock. A peer says in its hello which program it is; that is
 * believed when its user may be it: historyd's own, root, or the user named like the program.
 */
#ifndef BELFRY_HISTORYD_PEER_H
#define BELFRY_HISTORYD_PEER_H

#include "base/error.h"
#include "base/slice.h"
#include "history/event.h"

/* Reads the payload of a hello and finds the origin of what the peer appends. Returns: 0,
 * BELFRY_EPROTO, BELFRY_EVERSION, or BELFRY_EDENIED. */
int peer_identify(int fd, struct slice hello, enum history_origin *origin,
                  struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
