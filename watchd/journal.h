/*
 * Follows systemd's journal and appends its entries to the history as log lines. The cursor behind
 * them goes in the same batch, so that each entry is stored once whoever is killed when. A first
 * look begins at the journal's end.
 */
#ifndef BELFRY_WATCHD_JOURNAL_H
#define BELFRY_WATCHD_JOURNAL_H

#include "base/clock.h"
#include "conf/conf.h"
#include "model/mask.h"
#include "watchd/outbox.h"
#include "watchd/reader.h"
#include "watchd/report.h"
#include "watchd/schedule.h"

#include <ev.h>

struct journal;

/* Borrowed, outlives it. */
struct journal_parts {
  struct ev_loop *loop;
  struct schedule *schedule;
  struct outbox *outbox;
  struct reader *reader;
  const struct clock *clock;
  struct mask *mask;
};

/* Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with journal_free(); NULL when Belfry was built
 * without libsystemd, which the other functions take. */
int journal_new(const struct journal_parts *parts, struct journal **out) BELFRY_MUST_CHECK;
void journal_free(struct journal *journal);

/* Returns: 0 or BELFRY_ENOMEM. */
int journal_configure(struct journal *journal, const struct conf *conf) BELFRY_MUST_CHECK;

/* Adds what it counts. */
void journal_figures(const struct journal *journal, struct report_figures *figures);

#endif
