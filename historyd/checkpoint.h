/*
 * When the write-ahead log is brought into the database. Never before the answers: a checkpoint
 * inside of a commit showed as 150 ms.
 */
#ifndef BELFRY_HISTORYD_CHECKPOINT_H
#define BELFRY_HISTORYD_CHECKPOINT_H

#include "base/error.h"
#include "conf/conf.h"
#include "history/writer.h"

#include <stdint.h>

struct checkpoint {
  struct history_writer *writer; /* borrowed */
  int64_t every_pages;           /* history.checkpoint_pages */
  int64_t limit_pages;           /* history.wal_limit */
  int64_t done_pages;            /* size of the log at the last checkpoint */
  int64_t last_ms;               /* when that was */
  int64_t last_restart_ms;
};

void checkpoint_init(struct checkpoint *checkpoint, struct history_writer *writer,
                     const struct conf *conf);

/* After the answers of a group, and now and then when nothing happens. `now_ms` is monotonic.
   Returns: 0, or BELFRY_EIO or BELFRY_ECORRUPT when the daemon must end. */
int checkpoint_step(struct checkpoint *checkpoint, int64_t now_ms,
                    struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
