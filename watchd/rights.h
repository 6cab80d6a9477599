/*
 * Giving up the rights that belfry-watchd was started with.
 */
#ifndef BELFRY_WATCHD_RIGHTS_H
#define BELFRY_WATCHD_RIGHTS_H

#include "base/error.h"

#include <stdbool.h>

/*
 * Becomes `user` for good, where we are root: with that user's groups and those that the supervisor
 * gave us, without capabilities, and so that no program that is run can gain any. Another user
 * stays what it is. Returns: 0 with `*gone`, whether anything was given up; or why it could not be.
 */
int rights_give_up(const char *user, bool *gone, struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
