/*
 * What belfry-watchd is asked to do: the rows of the table `task`, written by belfry-fcgi for who
 * asked there. It looks when the bell rings, and once a second. Each task is finished in its row,
 * with an event beside it.
 */
#ifndef BELFRY_WATCHD_TASKS_H
#define BELFRY_WATCHD_TASKS_H

#include "base/clock.h"
#include "base/error.h"
#include "base/ulid.h"
#include "watchd/notifier.h"
#include "watchd/outbox.h"
#include "watchd/reader.h"
#include "watchd/services.h"

struct recoveries;
struct tasks;
struct task_kind;

/* Borrowed, outlives it. */
struct tasks_parts {
  struct ev_loop *loop;
  struct outbox *outbox;
  struct reader *reader;
  struct services *services;
  struct recoveries *recoveries;
  struct notifier *notifier;
  const struct clock *clock;
};

/* Takes: `bell_path` of the bell that historyd rings. Returns: 0, `*out` owned, free with
 * tasks_free(); or an error. */
int tasks_new(const struct tasks_parts *parts, const char *bell_path, struct tasks **out,
              struct belfry_error *error) BELFRY_MUST_CHECK;
void tasks_free(struct tasks *tasks);

/* One task, as its kind sees it. */
struct task {
  char id[ULID_BYTES];              /* "": the place is free */
  char service[WATCHED_NAME_BYTES]; /* "": none was named */
  char asked_by[129];
  char *details;    /* owned: a JSON object, by kind */
  int64_t begun_ms; /* of schedule_now_ms */
  const struct task_kind *kind;
  const struct tasks_parts *parts;
  struct services_round round; /* where it has services checked */
  struct notifier_test test;   /* where it has a channel tested */
  bool finished;               /* the history may not know yet */
  bool seen;                   /* in the look that is being taken */
};

enum task_end {
  TASK_DONE,
  TASK_FAILED,  /* it could not be done */
  TASK_REFUSED, /* it must not be done now */
};

/* To be called once. Takes: `message`, why it was not done; "" when it was. */
void task_finish(struct task *task, enum task_end end, const char *message);

#define TASK_KIND(name)                                                                            \
  void task_##name##_begin(struct task *task);                                                     \
  void task_##name##_call_off(struct task *task);
#include "watchd/task_kinds.def"
#undef TASK_KIND

#endif
