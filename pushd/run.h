/*
 * What a client is sent next: the frame that is half written, its own bytes, snapshots that are
 * due, and events from its cursor on, put together at the moment of writing. Nothing is copied; a
 * transport writes the pieces, and says how much of them was taken.
 */
#ifndef BELFRY_PUSHD_RUN_H
#define BELFRY_PUSHD_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct client;
struct frame;

#define RUN_PIECES_MAX 64

enum run_piece_kind {
  RUN_PARTIAL, /* the rest of a frame */
  RUN_OWN,     /* bytes that only this client gets */
  RUN_STATE,
  RUN_METRICS,
  RUN_EVENT,
};

struct run_piece {
  enum run_piece_kind kind;
  unsigned events;     /* RUN_EVENT: how many are in it */
  struct frame *frame; /* borrowed; NULL for RUN_OWN */
  int64_t cursor;      /* RUN_EVENT: where the client is after it */
  uint64_t sequence;
};

struct run {
  struct run_piece pieces[RUN_PIECES_MAX];
  struct iovec iov[RUN_PIECES_MAX];
  int count; /* 0: there is nothing to be written now */
  size_t bytes;
  bool caught_up;     /* after it there are no further events for the client where it reads */
  int64_t end_cursor; /* then: the cursor, behind what its filter skips */
  uint64_t end_sequence;
  bool end_in_ring;
};

/* Puts a run together; pieces are added until it has `max_bytes`, so the last may reach beyond.
 * Good until anything else happens. */
void run_build(struct client *client, struct run *run, size_t max_bytes);

/* Remembers that the first `written` bytes of it were taken. A frame that was taken in part is kept
 * until the rest of it is. */
void run_account(struct client *client, const struct run *run, size_t written);

/* After all of it was taken: moves the cursor behind what the filter skips. Returns: whether there
 * may be more to build at once. */
bool run_finish(struct client *client, const struct run *run);

#endif
