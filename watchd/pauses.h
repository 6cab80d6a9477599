/*
 * Which services are paused, by the table `service_pause` of the history.
 */
#ifndef BELFRY_WATCHD_PAUSES_H
#define BELFRY_WATCHD_PAUSES_H

#include "base/error.h"
#include "watchd/reader.h"

#include <stddef.h>
#include <stdint.h>

struct pause {
  char service[65];
  int64_t until_ms;  /* of the real-time clock; 0: until somebody resumes it */
  char message[240]; /* for a person: by whom, until when, why */
};

/* Zeroed at first. */
struct pauses {
  struct pause *all; /* owned */
  size_t count, room;
};

/* Reads all of them anew. Returns: 0; or an error, and what was known stays. */
int pauses_read(struct pauses *pauses, struct reader *reader) BELFRY_MUST_CHECK;
void pauses_fini(struct pauses *pauses);

/* Returns: NULL when the service is not paused at `now_ms`; borrowed until the next reading. */
const struct pause *pauses_find(const struct pauses *pauses, const char *service, int64_t now_ms);

#endif
