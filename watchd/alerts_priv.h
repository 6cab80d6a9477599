/*
 * Inside watchd/alerts: a rule and its alerts, and what the files alerts_*.c share.
 */
#ifndef BELFRY_WATCHD_ALERTS_PRIV_H
#define BELFRY_WATCHD_ALERTS_PRIV_H

#include "watchd/alert.h"
#include "watchd/alerts.h"
#include "watchd/quiet.h"

#define RULE_GONE         "the rule is gone"
#define ALERTS_FAULTS_MAX 3 /* a rule that could not be asked so often knows nothing */

/* A rule and its alerts. */
struct ruling {
  struct alert_rule *rule; /* owned */
  struct alerts *alerts;
  struct schedule_task task; /* of a rule that asks the history */
  struct alert *first;       /* owned: those that are, or were lately, not good */
  size_t count;
  int faults;           /* in a row */
  char trouble[160];    /* why it could not be asked; "": it could */
  bool crowded;         /* the log has said that it finds too much */
  const char *state;    /* as the history knows it; NULL: it does not */
  int64_t asked_ms;     /* realtime; 0: not yet */
  int64_t asked_put_ms; /* as the history knows it */
};

struct alerts {
  struct alerts_parts parts;
  struct ruling **all; /* owned */
  size_t count;
  size_t alert_count; /* in all */
  struct quiet *quiet;
  struct schedule_task tick;
  uint64_t version; /* of the history, when silences and acknowledgements were read */
  bool known;       /* the alerts were read from the history */
};

static inline int64_t alerts__now_ms(const struct alerts *alerts) {
  return clock_realtime_ms(alerts->parts.clock);
}

/* --- alerts_tell.c: one alert goes from stage to stage --- */

/* Takes in what its rule says of it now. */
void alerts__judge(struct alerts *alerts, struct alert *alert, enum alert_verdict verdict);

/* It is over. Takes: `reason`, if it is not because all is good; NULL. */
void alerts__end_firing(struct alerts *alerts, struct alert *alert, const char *reason);

/* Sees why one that fires is not to be told now, and tells it when it is time. Puts what changed.
 */
void alerts__look_after(struct alerts *alerts, struct alert *alert);

/* --- alerts_ask.c: the rules are asked --- */

/* Returns: NULL when there is none of that subject. */
struct alert *alerts__find(const struct ruling *ruling, struct slice subject);

/* Returns: NULL when there are too many, or no memory. */
struct alert *alerts__add(struct ruling *ruling, struct slice subject);

/* Takes it out and frees it; the history is not told. */
void alerts__drop(struct ruling *ruling, struct alert **at);

/* It is of no interest any more. Takes: `reason`, why it is over if it fires. */
void alerts__forget(struct ruling *ruling, struct alert **at, const char *reason);

/* A turn of a rule about a metric, events or log lines. Takes: the ruling. */
void alerts__on_turn(void *arg);
void alerts__ask_services(struct ruling *ruling);

/* Tells the history how the rule stands, if it does not know. */
void alerts__put_rule(struct ruling *ruling);

/* --- alerts_known.c: what the history knows --- */

/* Returns: NULL when there is none of that name. */
struct ruling *alerts__find_ruling(struct ruling *const *all, size_t count, struct slice name);

/* Goes on where the history says that it was, once. Returns: 0, or that it cannot be read yet. */
int alerts__restore(struct alerts *alerts) BELFRY_MUST_CHECK;

/* Sees what people have said: acknowledgements, silences. */
void alerts__read_people(struct alerts *alerts);

#endif
