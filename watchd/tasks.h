/*
 * What belfry-watchd is asked to do: the rows of the table `task`, written by belfry-fcgi for who
 * asked there. It looks when the bell rings, and once a second. Each task is finished in its row,
 * with an event beside it.
 */
#ifndef BELFRY_WATCHD_TASKS_H
#define BELFRY_WATCHD_TASKS_H

#include "base/clock.h"
#include "base/error.h"
#include "watchd/outbox.h"
#include "watchd/reader.h"
#include "watchd/services.h"

struct tasks;

/* Borrowed, outlives it. */
struct tasks_parts {
  struct ev_loop *loop;
  struct outbox *outbox;
  struct reader *reader;
  struct services *services;
  const struct clock *clock;
};

/* Takes: `bell_path` of the bell that historyd rings. Returns: 0, `*out` owned, free with
 * tasks_free(); or an error. */
int tasks_new(const struct tasks_parts *parts, const char *bell_path, struct tasks **out,
              struct belfry_error *error) BELFRY_MUST_CHECK;
void tasks_free(struct tasks *tasks);

#endif
