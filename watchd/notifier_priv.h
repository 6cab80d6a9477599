/*
 * Inside watchd/notifier: channels and the notices that wait for them, and what the files
 * notifier_*.c share.
 */
#ifndef BELFRY_WATCHD_NOTIFIER_PRIV_H
#define BELFRY_WATCHD_NOTIFIER_PRIV_H

#include "watchd/delivery.h"
#include "watchd/notifier.h"

/* A notice that the history holds and that is not done, as far as it knows. */
struct pending {
  struct pending *next;
  struct notice notice; /* its texts are in `texts` */
  int64_t queued_ms;
  int64_t tried_ms; /* when it was in a message last; 0: never */
  bool in_message;  /* that is on its way */
  bool done;        /* the history may not know yet */
  bool seen;        /* in the look that is being taken */
  char texts[];
};

/* How a channel does: its row of the table `channel`. Times are 0 where there is none. */
struct channel_state {
  int64_t sent, failed, given_up, attempts;
  int64_t last_success_ms, last_failure_ms, failing_since_ms, next_attempt_ms;
  char last_error[DELIVERY_WORDS_BYTES];
  double tokens;
  int64_t tokens_ms;
};

struct channel {
  struct channel *next;
  struct notifier *notifier;
  struct conf_channel *conf; /* owned */
  struct channel_state state;
  bool known;                /* that it is so, and not what the history says */
  struct pending *first;     /* owned: in the order in which they were queued */
  size_t waiting;            /* that are not done */
  bool crowded;              /* more is due than it may get: what waits goes together */
  struct delivery *delivery; /* owned, while one is on its way */
  struct message *message;   /* owned: what it carries */
};

struct notifier {
  struct notifier_parts parts;
  struct channel *channels; /* owned, in the order of the configuration */
  struct schedule_task tick;
  uint64_t version; /* of the history, when it was read last; 0: not known */
  bool known;       /* all of the channels were asked for in the history */
};

static inline int64_t notifier__now_ms(const struct notifier *notifier) {
  return clock_realtime_ms(notifier->parts.clock);
}

/* Returns: NULL when there is none of that name. */
struct channel *notifier__find(const struct notifier *notifier, struct slice name);

/* --- notifier_queue.c: what the history holds --- */

/* Takes in how the channels did before a restart. Returns: 0, or that it cannot be read yet. */
int notifier__restore(struct notifier *notifier) BELFRY_MUST_CHECK;

/* Takes in what was queued since. */
void notifier__read(struct notifier *notifier);

/* It was accepted, or is given up. */
void notifier__settle(struct channel *channel, struct pending *pending, bool given_up);

/* Puts the channel's row. */
void notifier__put_state(const struct channel *channel);

void notifier__drop_pending(struct channel *channel);

/* --- notifier_send.c: a channel is told --- */

/* Sends what is due, if something is and may be. */
void notifier__look(struct channel *channel);

#endif
