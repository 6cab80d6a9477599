/*
 * A timing wheel: tens of thousands of coarse timers (pings, idle limits, expiries) at the price of
 * a list link each. Time is counted in ticks of WHEEL_TICK_MS; a timer further away than the
 * wheel's turn stays in its slot and is looked at once a turn.
 */
#ifndef BELFRY_PUSHD_WHEEL_H
#define BELFRY_PUSHD_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_TICK_MS 250
#define WHEEL_SLOTS   256 /* a turn of 64 seconds */

struct wheel_timer {
  struct wheel_timer *next, **link; /* link: NULL while it is not set */
  uint32_t due;                     /* tick */
};

struct wheel {
  struct wheel_timer *slots[WHEEL_SLOTS];
  uint32_t now; /* tick that was handled last */
};

typedef void (*wheel_fn)(void *arg, struct wheel_timer *timer);

/* Zero the wheel before the first use, a timer before it is first set. */

/* Sets the timer for the tick `due`, at the earliest the next one; one that is set is moved. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint32_t due);

/* A timer that is not set is fine. */
void wheel_unset(struct wheel_timer *timer);

/* Goes on to the tick `now`, calling `on_due` for each timer that is due; it is unset by then and
 * may be set again. `on_due` may set and unset any timer. */
void wheel_advance(struct wheel *wheel, uint32_t now, wheel_fn on_due, void *arg);

#endif
