/*
 * Takes messages of syslog over UDP, TCP and a unix datagram socket, and appends them to the
 * history as log lines. What is more than can be stored is dropped and counted; a TCP connection
 * waits instead.
 */
#ifndef BELFRY_WATCHD_SYSLOG_H
#define BELFRY_WATCHD_SYSLOG_H

#include "base/clock.h"
#include "conf/conf.h"
#include "model/mask.h"
#include "watchd/outbox.h"
#include "watchd/report.h"
#include "watchd/schedule.h"

#include <ev.h>

struct syslog;

/* Borrowed, outlives it. */
struct syslog_parts {
  struct ev_loop *loop;
  struct schedule *schedule;
  struct outbox *outbox;
  const struct clock *clock;
  struct mask *mask;
};

/* Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with syslog_free(). */
int syslog_new(const struct syslog_parts *parts, struct syslog **out) BELFRY_MUST_CHECK;
void syslog_free(struct syslog *syslog);

/* Listens as the configuration says; where that cannot be, the log says why, and it is tried again.
 * Returns: 0 or BELFRY_ENOMEM. */
int syslog_configure(struct syslog *syslog, const struct conf *conf) BELFRY_MUST_CHECK;

/* Adds what it counts. */
void syslog_figures(const struct syslog *syslog, struct report_figures *figures);

#endif
