/*
 * A process that makes events at a rate (open loop: an event is due when its time has come, however
 * long the one before takes) and hands them to Belfry or to a peer. Each event carries its number
 * and the time at which it was due:
 *
 *     {"event":"agent_activity","data":{"n":1000000000,"sent_us":1763634600000000...
 *
 * with digits of fixed width, so that whoever receives it can read both without looking for them.
 */
#ifndef BELFRY_BENCH_FEEDER_H
#define BELFRY_BENCH_FEEDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FEEDER_START  "{\"event\":\"agent_activity\",\"data\":{\"n\":"
#define FEEDER_MIDDLE ",\"sent_us\":"
#define FEEDER_FIRST  1000000000LL /* the first number */

enum feeder_way {
  FEEDER_NONE,
  FEEDER_HISTORY, /* appended over history.sock */
  FEEDER_EVENTS,  /* POST /api/events */
  FEEDER_TEXT,    /* POST of the very text that Belfry would deliver, to a peer */
};

struct feeder {
  enum feeder_way way;
  const char *where; /* a socket's path, or HOST:PORT/PATH */
  const char *authorization;
  int rate, seconds;
  int batch; /* most events of one request when several are due */
  int group; /* so many become due at once, so much more rarely */
  bool rich; /* events of about 330 bytes of text rather than 235 */
};

/* What the process tells; in shared memory. */
struct feeder_shared {
  volatile int64_t accepted; /* events that were acknowledged */
  volatile uint64_t sum;     /* of feeder_mix() of their numbers */
  volatile int64_t failed;   /* events that were refused */
  volatile int64_t late_us;  /* the longest from when an event was due to its hand-over */
};

/* Sums of it are equal only for equal sets of numbers (with all but no doubt). */
static inline uint64_t feeder_mix(uint64_t n) {
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
  n = (n ^ (n >> 27)) * 0x94d049bb133111ebu;
  return n ^ (n >> 31);
}

/* Starts it. Takes: `shared` in memory that is shared with children, zeroed. Returns: its id. */
pid_t feeder_start(const struct feeder *feeder, struct feeder_shared *shared);

#endif
