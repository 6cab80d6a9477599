/*
 * All log files that are followed, and what wakes them: inotify where the kernel tells of changes,
 * and a look once a second everywhere.
 */
#ifndef BELFRY_WATCHD_TAILS_H
#define BELFRY_WATCHD_TAILS_H

#include "conf/conf.h"
#include "watchd/report.h"
#include "watchd/schedule.h"
#include "watchd/tail.h"

struct tails;

/* Takes: borrowed, outlive it. Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with tails_free().
 */
int tails_new(struct schedule *schedule, const struct tail_parts *parts,
              struct tails **out) BELFRY_MUST_CHECK;
void tails_free(struct tails *tails);

/* Follows the files of `conf`; those that are unchanged go on undisturbed. Returns: 0, or
 * BELFRY_ENOMEM (then nothing has changed). */
int tails_configure(struct tails *tails, const struct conf *conf) BELFRY_MUST_CHECK;

/* Adds what the tails count. */
void tails_figures(const struct tails *tails, struct report_figures *figures);

#endif
