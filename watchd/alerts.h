/*
 * All alerts: asks the rules when it is their turn, follows what they find, and sees to it that
 * those who are to be told are told. Goes on after a restart where it was.
 */
#ifndef BELFRY_WATCHD_ALERTS_H
#define BELFRY_WATCHD_ALERTS_H

#include "base/clock.h"
#include "base/error.h"
#include "conf/conf.h"
#include "watchd/notifier.h"
#include "watchd/outbox.h"
#include "watchd/reader.h"
#include "watchd/schedule.h"
#include "watchd/services.h"

struct alerts;

/* Borrowed, outlives it. */
struct alerts_parts {
  struct schedule *schedule;
  struct outbox *outbox;
  struct reader *reader;
  struct services *services;
  struct notifier *notifier;
  const struct clock *clock;
};

/* Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with alerts_free(). */
int alerts_new(const struct alerts_parts *parts, struct alerts **out) BELFRY_MUST_CHECK;
void alerts_free(struct alerts *alerts);

/*
 * Follows the rules of `conf`. What is known of the alerts of a rule stays, also where it has
 * changed; of one that is gone they end. Returns: 0; BELFRY_EINVAL with `error` for a rule that
 * cannot be; BELFRY_ENOMEM (in both cases nothing has changed).
 */
int alerts_configure(struct alerts *alerts, const struct conf *conf,
                     struct belfry_error *error) BELFRY_MUST_CHECK;

#endif
