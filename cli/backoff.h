/*
 * How long to wait before trying again: twice as long each time, with jitter, so that many clients
 * do not come back at the same moment.
 */
#ifndef BELFRY_CLI_BACKOFF_H
#define BELFRY_CLI_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 250
#define BACKOFF_LAST_MS  30000

/* Zero it before the first try and after a success. */
struct backoff {
  int64_t last_ms;
};

/* Returns: from half of the step to all of it, steps doubling from BACKOFF_FIRST_MS to
 * BACKOFF_LAST_MS. */
int64_t backoff_next_ms(struct backoff *backoff);

void backoff_sleep(int64_t ms);

#endif
