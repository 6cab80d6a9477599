/*
 * Many WebSocket clients on one event loop, cheap enough that a million messages a second do not
 * make them the limit: of a message only the frame's header and the places where the number, the
 * time and the id of an event stand are looked at. What each client has got is nevertheless proven:
 * it counts its events and sums up feeder_mix() of their numbers, which must equal the feeder's.
 */
#ifndef BELFRY_BENCH_VIEWERS_H
#define BELFRY_BENCH_VIEWERS_H

#include "feeder.h"
#include "figures.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define VIEWERS_CONNECTS 64 /* at once, at the start */

enum viewers_return {
  VIEWERS_STAY_AWAY,
  VIEWERS_RETURN_AT_ONCE,  /* the worst that clients can do */
  VIEWERS_RETURN_JITTERED, /* after what `closing` says, else within half to four and a half seconds
                            */
};

struct viewer {
  ev_io io; /* first: the callback casts it back */
  ev_timer again;
  struct viewers *all;
  enum { VIEWER_AWAY, VIEWER_CONNECTING, VIEWER_HANDSHAKE, VIEWER_OPEN } state;
  bool was_open, back; /* back: has heard something live since its return */
  uint8_t failures;    /* in a row */
  double retry_s;      /* what `closing` asked for */
  char *carry;         /* owned; the beginning of a message that is not complete yet */
  uint32_t carry_len, carry_room;
  int64_t last_n, last_id;
  int64_t count; /* events */
  uint64_t sum;
};

struct viewers {
  /* Asked for. */
  struct ev_loop *loop;
  const char *address, *socket_path, *target, *authorization, *subscribe;
  int count, sources;
  bool deflate;
  enum viewers_return returns;
  void (*on_open)(struct viewers *viewers); /* all are open, or have failed at the first try */
  void *arg;

  /* What has happened. */
  struct viewer *list;
  int started, open, refused;
  int64_t frames, compressed, bytes, reads; /* of open connections */
  int64_t events, jumps; /* jumps: an event that does not follow the one before */
  int64_t gaps, incomplete, lost, tries;
  struct latency latency;
  /* The return. */
  int64_t first_lost_us, all_open_us, all_back_us; /* monotonic */
  int returned, backs;
};

/* Takes: what is asked for is set, the rest zero. Returns: -1 when out of memory. */
int viewers_start(struct viewers *viewers);

/* How many have got exactly the events of the feeder, each once. */
int viewers_with_all(const struct viewers *viewers, const struct feeder_shared *fed);

/* Forgets what was counted so far about messages. */
void viewers_reset_counts(struct viewers *viewers);

#endif
