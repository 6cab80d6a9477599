/*
 * Whether a configuration may say what is run with rights that others do not have.
 */
#ifndef BELFRY_RUNNER_TRUST_H
#define BELFRY_RUNNER_TRUST_H

#include "base/error.h"

/*
 * Asks, where we are root, whether nobody but root could have written the file: it and each folder
 * above it belong to root and cannot be written by others (a folder may, where only their owners
 * can rename its files). Takes: `conf_path` as conf_load(); `buf` of PATH_MAX bytes. Returns: 0,
 * and
 * `*out` is what to load, free of links that others could turn: `buf` or `conf_path`; or
 * BELFRY_EDENIED with what is wrong and would be right.
 */
int trust_find(const char *conf_path, char *buf, const char **out,
               struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
