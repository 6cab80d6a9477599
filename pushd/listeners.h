/*
 * Where clients come in: push.sock, and the TCP address of push.listen. A supervisor (or the
 * process that we were upgraded from) may pass both on, as `push` and `push-tcp`.
 */
#ifndef BELFRY_PUSHD_LISTENERS_H
#define BELFRY_PUSHD_LISTENERS_H

#include "base/error.h"

#include <ev.h>
#include <stdbool.h>

struct hub;

enum { LISTENER_UNIX, LISTENER_TCP, LISTENER_COUNT };

extern const char *const listener_names[LISTENER_COUNT];

struct listeners {
  struct hub *hub;           /* borrowed */
  ev_io ios[LISTENER_COUNT]; /* the descriptor is -1 where there is none */
  char *tcp_address;         /* owned; what was asked for, NULL for none */
  bool accepts;
  ev_timer again;
  bool told_full;
};

/* Opens what the configuration says, and accepts once listeners_accept() is called. */
int listeners_open(struct listeners *listeners, struct hub *hub,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

void listeners_accept(struct listeners *listeners);

/* Accepts no more. Fine before listeners_open() and twice. */
void listeners_close(struct listeners *listeners);

/* Listens on the address that push.listen says now; the one before is closed when that works. What
 * does not is logged. */
void listeners_reload(struct listeners *listeners);

#endif
