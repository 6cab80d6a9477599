/*
 * Passwords of users: yescrypt by crypt(3). A check takes some tens of milliseconds of one core and
 * 32 MiB, on purpose; whoever calls it bounds how often that happens.
 */
#ifndef BELFRY_AUTH_PASSWORD_H
#define BELFRY_AUTH_PASSWORD_H

#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>

#define PASSWORD_MIN_BYTES  10
#define PASSWORD_MAX_BYTES  128
#define PASSWORD_HASH_BYTES 128 /* as crypt(5) writes it, with its NUL */

/*
 * Whether `password` may become that of the user `name`. Returns: NULL, or what is wrong with it
 * ("must ..."), which does not quote it.
 */
const char *password_problem(struct slice password, struct slice name);

/* What is stored of a password that has no problem. Returns: 0, or BELFRY_ENOMEM. */
int password_hash(struct slice password, char out[PASSWORD_HASH_BYTES]) BELFRY_MUST_CHECK;

/*
 * Whether `password` is the one that `hash` was made of. With a NULL `hash` (there is no such user)
 * it never is, and takes as long. Returns: 0 with `*right`, or BELFRY_ENOMEM.
 */
int password_check(struct slice password, const char *hash, bool *right) BELFRY_MUST_CHECK;

#endif
