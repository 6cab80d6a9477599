/*
 * Follows one log file through rotation, truncation and restarts, and appends its lines to the
 * history as `log` events. Lines and the position behind them go in one batch, so that each line is
 * stored exactly once whoever is killed when. One batch is on its way at a time. Lines that belong
 * together (model/log_join.h) are one event, and wait for their last one.
 */
#ifndef BELFRY_WATCHD_TAIL_H
#define BELFRY_WATCHD_TAIL_H

#include "base/clock.h"
#include "base/error.h"
#include "conf/conf.h"
#include "model/mask.h"
#include "watchd/outbox.h"
#include "watchd/reader.h"

#include <ev.h>
#include <stdint.h>

struct tail;

/* What tails work with; borrowed, outlives them. */
struct tail_parts {
  struct ev_loop *loop;
  struct outbox *outbox;
  struct reader *reader;
  const struct clock *clock;
  struct mask *mask; /* of secrets */
};

/* A file that was never seen before is read from its start if it is smaller than this, else from
 * its end. */
#define TAIL_START_BYTES_MAX ((int64_t)1 << 20)

/* Takes: all copied; `log` says how the lines of the file at `path` are read. Returns: 0 or
 * BELFRY_ENOMEM; `*out` owned, free with tail_free(). */
int tail_new(const struct tail_parts *parts, const char *path, const struct conf_log *log,
             struct tail **out) BELFRY_MUST_CHECK;
void tail_free(struct tail *tail);

/* Looks at the file soon: it may have changed. */
void tail_wake(struct tail *tail);

const char *tail_path(const struct tail *tail);   /* borrowed until tail_free() */
const char *tail_source(const struct tail *tail); /* likewise */
int64_t tail_lines(const struct tail *tail);      /* lines stored */
int64_t tail_dropped(const struct tail *tail);    /* lines that the history refused */
int64_t tail_misfits(const struct tail *tail);    /* lines that were not in their format */

/* The file that is read now. Returns: false when that is not known. */
bool tail_reads(const struct tail *tail, int64_t device, int64_t inode);

#endif
