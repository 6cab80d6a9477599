/*
 * Memory that the master of the pool and all its workers share: counters, who is busy since when,
 * requests and failed sign-ins by who makes them, passwords that were right. Everything in it is a
 * lone atomic, so that a worker may die at any moment.
 */
#ifndef BELFRY_FCGI_SHARED_H
#define BELFRY_FCGI_SHARED_H

#include "auth/used.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SHARED_SLOTS_MAX     512 /* twice fcgi.workers' most: both generations during a reload */
#define SHARED_FAILURES_MAX  1024
#define SHARED_PASSWORDS_MAX 256
#define SHARED_SECRET_BYTES  32
#define SHARED_RATES_MAX     8192

struct shared_slot {
  atomic_llong busy_since_ms; /* monotonic; 0: waiting for a request. A long request moves it on */
  atomic_bool in_long;        /* its request is one of those that may take long */
  atomic_bool in_password;    /* it is checking a password */
};

struct shared {
  int64_t started_ms; /* of the master; written before the first worker is made */
  atomic_ullong requests;
  atomic_ullong client_errors;   /* answers 400 to 499 */
  atomic_ullong server_errors;   /* 500 to 599 */
  atomic_ullong aborted;         /* the other side went away before the answer was written */
  atomic_ullong mutations;       /* of state by requests: keys, users, sign-ins, settings ... */
  atomic_llong settings_version; /* as a worker saw it last in the history */
  atomic_ullong long_refused;    /* long requests refused because there were enough of them */
  atomic_ullong masked;          /* secrets in log lines that were not stored */
  struct shared_slot slots[SHARED_SLOTS_MAX];
  atomic_ullong rate_limited;                /* requests refused because of fcgi.rate_limit */
  atomic_ullong rates[SHARED_RATES_MAX];     /* see rate_limit.c */
  unsigned char secret[SHARED_SECRET_BYTES]; /* random; written before the first worker is made */
  atomic_ullong failed_addresses[SHARED_FAILURES_MAX]; /* see sign_in_limit.c */
  atomic_ullong failed_users[SHARED_FAILURES_MAX];
  atomic_ullong good_passwords[SHARED_PASSWORDS_MAX]; /* see password_gate.c */
  struct auth_used used;
};

/* Returns: 0, `*out` zeroed and mapped until the program ends. */
int shared_map(struct shared **out, struct belfry_error *error) BELFRY_MUST_CHECK;

/* FNV-1a: where in a table somebody has a place. */
static inline uint64_t shared_hash(struct slice who) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < who.len; i++)
    hash = (hash ^ (unsigned char)who.data[i]) * 0x100000001b3u;
  return hash;
}

/* How many workers are answering a request. */
unsigned shared_busy(const struct shared *shared);

/* How many long requests may run at a time: a quarter of the workers, so that the others are always
 * there for what is quick. */
unsigned shared_long_max(int64_t workers);

/* Whether the worker of `slot` may answer a request that takes long. Good until shared_long_end(),
 * or until the worker has died. */
bool shared_long_begin(struct shared *shared, struct shared_slot *slot, int64_t workers);
void shared_long_end(struct shared_slot *slot);

/* How many workers are answering a long request. */
unsigned shared_long(const struct shared *shared);

/*
 * Bounds guessing: after SIGN_IN_FAILURES_MAX failed sign-ins from an address (over IPv6: a /64
 * network) within SIGN_IN_WINDOW_S seconds, it must wait. After SIGN_IN_USER_FAILURES_MAX for one
 * user, from wherever, each address that has failed in that time must wait too; one that has not
 * may still try, so that nobody can lock a user out. The tables are small and forget.
 */
#define SIGN_IN_FAILURES_MAX      10
#define SIGN_IN_USER_FAILURES_MAX 30
#define SIGN_IN_WINDOW_S          60

/* Takes: `user` NULL data when a key is tried. Returns: 0 when `address` may try, else how many
 * seconds it must wait. */
int sign_in_wait_s(struct shared *shared, struct slice address, struct slice user,
                   int64_t monotonic_ms);
void sign_in_failed(struct shared *shared, struct slice address, struct slice user,
                    int64_t monotonic_ms);

#endif
