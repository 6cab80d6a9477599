#include "watchd/turns.h"

/* A part of `most`, by chance. */
static int64_t part_of(int64_t most, uint32_t chance) {
  return (int64_t)((double)most * ((double)chance / 4294967296.0));
}

bool turns_take(struct turns *turns, int64_t now_ms, uint32_t chance) {
  int64_t gap_ms =
      turns->interval_ms - part_of(turns->interval_ms * turns->jitter_percent / 100, chance);
  turns->due_ms += gap_ms > 0 ? gap_ms : 1;
  if (turns->due_ms > now_ms)
    return false;
  turns->due_ms += ((now_ms - turns->due_ms) / turns->interval_ms + 1) * turns->interval_ms;
  return true;
}

bool turns_resume(struct turns *turns, int64_t now_ms, int64_t spread_ms, uint32_t chance) {
  if (turns->due_ms > now_ms)
    return false;
  turns->due_ms =
      now_ms + part_of(spread_ms < turns->interval_ms ? spread_ms : turns->interval_ms, chance);
  return true;
}
