/*
 * The keeper's thread: seals what hot.db holds beside the appends, so that those never wait for
 * more than a hand-over. It shares nothing with the main thread but what is in here, behind a lock.
 */
#ifndef BELFRY_HISTORYD_KEEPER_H
#define BELFRY_HISTORYD_KEEPER_H

#include "base/clock.h"
#include "base/error.h"
#include "history/keeper.h"
#include "history/writer.h"

#include <stdint.h>

struct keeper;

/* Called in the keeper's thread when there is something to be handed over: has the main thread call
 * keeper_take_over() soon. */
typedef void (*keeper_ask_fn)(void *arg);

struct keeper_figures {
  struct history_keeper_figures sealed;
  int64_t errors;                           /* pieces of work that failed */
  int64_t hand_over_us_max;                 /* longest since they were asked for last */
  char last_error[BELFRY_ERROR_TEXT_BYTES]; /* empty while all is well */
};

/* Starts the thread. `clock` is borrowed. Returns: 0, `*out` owned, end with keeper_stop(). */
int keeper_start(const char *dir, const struct history_keeper_options *options,
                 const struct clock *clock, keeper_ask_fn ask, void *arg, struct keeper **out,
                 struct belfry_error *error) BELFRY_MUST_CHECK;

/* Waits for the thread's end: a piece of its work at most. */
void keeper_stop(struct keeper *keeper);

/* From the next piece of work on. */
void keeper_set_retention(struct keeper *keeper, const struct history_retention *retention);

/* There is more to be sealed. It looks once a second by itself. */
void keeper_wake(struct keeper *keeper);

/* In the main thread, outside of a group: does what the keeper hands over, in a group of its own.
 * Returns: 0, or BELFRY_EIO or BELFRY_ECORRUPT when the daemon must end. */
int keeper_take_over(struct keeper *keeper, struct history_writer *writer,
                     struct belfry_error *error) BELFRY_MUST_CHECK;

void keeper_figures(struct keeper *keeper, struct keeper_figures *out);

#endif
