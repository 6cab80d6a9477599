/*
 * The one clock. Programs pass a `const struct clock *` on, so that tests can set the time.
 * Wall-clock time stamps what is stored; deadlines and intervals use the monotonic side only.
 */
#ifndef BELFRY_BASE_CLOCK_H
#define BELFRY_BASE_CLOCK_H

#include <stdint.h>

struct clock {
  int64_t (*realtime_us)(const struct clock *clock);  /* microseconds since 1970-01-01 UTC */
  int64_t (*monotonic_us)(const struct clock *clock); /* microseconds since some fixed moment */
};

/* The system's clock. */
extern const struct clock clock_system;

static inline int64_t clock_realtime_us(const struct clock *clock) {
  return clock->realtime_us(clock);
}

static inline int64_t clock_realtime_ms(const struct clock *clock) {
  return clock->realtime_us(clock) / 1000;
}

static inline int64_t clock_monotonic_us(const struct clock *clock) {
  return clock->monotonic_us(clock);
}

static inline int64_t clock_monotonic_ms(const struct clock *clock) {
  return clock->monotonic_us(clock) / 1000;
}

#endif
