/* The keeper in a test's own thread, on a clock that is set. */
#ifndef BELFRY_TESTS_HISTORY_KEEPING_H
#define BELFRY_TESTS_HISTORY_KEEPING_H

#include "base/clock.h"
#include "history/keeper.h"
#include "history/writer.h"

/* Its time of day is *now_ms; intervals are real. */
struct keeping_clock {
  struct clock clock; /* first */
  const int64_t *now_ms;
};

#define KEEPING_CLOCK(now_ms)                                                                      \
  { {keeping_realtime_us, keeping_monotonic_us}, now_ms }

int64_t keeping_realtime_us(const struct clock *clock);
int64_t keeping_monotonic_us(const struct clock *clock);

/* Opens a keeper that hands over to the writer. Ends the test on failure. */
struct history_keeper *keeping_open(const char *dir, const struct history_keeper_options *options,
                                    const struct clock *clock, struct history_writer *writer);

/* So many steps at the most, while there is something to do. Ends the test on failure. */
void keeping_steps(struct history_keeper *keeper, int most);

/* Steps until nothing is to do. Returns: as history_keeper_step(). */
int keeping_all(struct history_keeper *keeper, struct belfry_error *error);

#endif
