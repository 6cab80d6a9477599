/* Where the history is, for the commands that touch its files. */
#ifndef BELFRY_CLI_HISTORY_DIR_H
#define BELFRY_CLI_HISTORY_DIR_H

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* In the folder `state`; without it in that of the configuration `conf_path` (NULL: where it
 * usually is). */
int history_dir_find(const char *conf_path, const char *state, char *out, size_t size,
                     struct belfry_error *error) BELFRY_MUST_CHECK;

/* A size for a person: "12.3 MB" (powers of 1000). */
void history_dir_show_bytes(int64_t bytes, char out[static 24]);

#endif
