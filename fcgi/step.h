/*
 * How wide the buckets of a chart are.
 */
#ifndef BELFRY_FCGI_STEP_H
#define BELFRY_FCGI_STEP_H

#include <stdint.h>

/*
 * The first step of a clock face that makes about `points` buckets of `range_ms` (one more, as they
 * begin at multiples of it). Rounded down: a range that ends a millisecond after now must not
 * double the step.
 */
int64_t step_nice_ms(int64_t range_ms, int64_t points);

#endif
