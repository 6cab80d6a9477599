/*
 * Tells people of alerts: notices wait in the history (the table `notification`) until their
 * channel has accepted a message with them, or it is given up. At least once: what was accepted is
 * told again only when belfry-watchd is killed before the history knows.
 */
#ifndef BELFRY_WATCHD_NOTIFIER_H
#define BELFRY_WATCHD_NOTIFIER_H

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"
#include "conf/conf.h"
#include "model/severity.h"
#include "watchd/outbox.h"
#include "watchd/reader.h"
#include "watchd/report.h"
#include "watchd/schedule.h"
#include "watchd/transfer.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct notifier;

enum notice_kind { NOTICE_FIRING, NOTICE_REPEAT, NOTICE_RESOLVED };

/* What is told of an alert. Everything is borrowed. */
struct notice {
  struct slice notice_id; /* unique, made of the alert, its start and the kind: putting the same
                             again is harmless */
  struct slice alert_id;
  struct slice rule;
  enum notice_kind kind;
  enum severity severity;
  struct slice group;           /* alerts of the same group travel in one message */
  struct slice labels;          /* a JSON object of texts: alertname, severity, service, host ... */
  struct slice summary;         /* one line for a person */
  double value;                 /* NAN: none */
  int64_t started_ms, ended_ms; /* ended 0: it goes on */
};

/* Borrowed, outlives it. */
struct notifier_parts {
  struct ev_loop *loop; /* the default one: it hears of children */
  struct schedule *schedule;
  struct outbox *outbox;
  struct reader *reader;
  struct transfers *transfers;
  const struct clock *clock;
};

/* Returns: 0 or BELFRY_ENOMEM; `*out` owned, free with notifier_free(). */
int notifier_new(const struct notifier_parts *parts, struct notifier **out) BELFRY_MUST_CHECK;
void notifier_free(struct notifier *notifier);

/* Tells the channels of `conf` from now on. Returns: 0 or BELFRY_ENOMEM, and then nothing has
 * changed. */
int notifier_configure(struct notifier *notifier, const struct conf *conf) BELFRY_MUST_CHECK;

/* Queues it for the channels named (ended by a NULL; NULL: all that are not `default: false`),
 * durably: rows in the kept lane of the outbox. A channel leaves out what is below its
 * min_severity, and that an alert is over where it was not told of the alert. Returns: whether some
 * channel is to be told. */
bool notifier_put(struct notifier *notifier, char *const *channels, const struct notice *notice);

void notifier_figures(const struct notifier *notifier, struct report_figures *figures);

/* Called once, from the loop. Takes: `problem`, the channel's own words, or NULL when it has
 * accepted. */
typedef void (*notifier_test_fn)(void *arg, const char *problem);

/* A message that says that it is a test, sent now and past the queue. Embedded in who asks. */
struct notifier_test {
  struct delivery *delivery;    /* owned while it runs */
  struct message *message;      /* owned */
  struct conf_channel *channel; /* owned: as it was when it began */
  char summary[300], id[100];
  struct notifier *notifier;
  notifier_test_fn on_done;
  void *arg;
};

/* Returns: 0, or an error that says why there is nothing to wait for. */
int notifier_test_begin(struct notifier *notifier, const char *channel, const char *asked_by,
                        struct notifier_test *test, notifier_test_fn on_done, void *arg,
                        struct belfry_error *error) BELFRY_MUST_CHECK;

/* on_done is not called any more. */
void notifier_test_end(struct notifier_test *test);

#endif
