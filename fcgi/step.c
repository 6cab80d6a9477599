#include "fcgi/step.h"

#include <stddef.h>

int64_t step_nice_ms(int64_t range_ms, int64_t points) {
  static const int64_t seconds[] = {1,   2,    5,    10,   15,    30,    60,    120,   300,   600,
                                    900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800};
  int64_t wanted_ms = range_ms / points;
  for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
    if (seconds[i] * 1000 >= wanted_ms)
      return seconds[i] * 1000;
  int64_t week_ms = INT64_C(604800000);
  return (wanted_ms + week_ms - 1) / week_ms * week_ms;
}
