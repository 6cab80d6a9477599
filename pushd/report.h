/*
 * What the daemon tells about itself: its `daemon` row, once a second, through historyd. Never
 * waits for it.
 */
#ifndef BELFRY_PUSHD_REPORT_H
#define BELFRY_PUSHD_REPORT_H

#include "base/error.h"
#include "history/append.h"
#include "pushd/hub.h"

#include <ev.h>
#include <stdbool.h>

struct report {
  struct hub *hub; /* borrowed */
  struct history_client *client;
  struct history_batch batch;
  ev_timer timer;
  ev_io io;
  bool open; /* the last one has no answer yet */
};

int report_init(struct report *report, struct hub *hub,
                struct belfry_error *error) BELFRY_MUST_CHECK;
/* Fine before report_init() and twice. */
void report_fini(struct report *report);

#endif
