/*
 * The first admin key: somebody must be able to make the others.
 */
#ifndef BELFRY_HISTORYD_FIRST_KEY_H
#define BELFRY_HISTORYD_FIRST_KEY_H

#include "base/error.h"
#include "historyd/appender.h"

/*
 * On a history without an admin key makes one named "admin" and writes it to `token_path`, mode
 * 0600. `history_dir` is where the history is.
 */
int first_key_make(struct appender *appender, const char *history_dir, const char *token_path,
                   struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
