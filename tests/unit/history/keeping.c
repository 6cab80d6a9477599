#include "tests/unit/history/keeping.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

int64_t keeping_realtime_us(const struct clock *clock) {
  return *((const struct keeping_clock *)clock)->now_ms * 1000;
}

int64_t keeping_monotonic_us(const struct clock *clock) {
  (void)clock;
  return clock_monotonic_us(&clock_system);
}

static int take_over(void *writer, const struct history_hand_over *hand_over,
                     struct belfry_error *error) {
  return history_writer_take_over(writer, hand_over, error);
}

struct history_keeper *keeping_open(const char *dir, const struct history_keeper_options *options,
                                    const struct clock *clock, struct history_writer *writer) {
  struct history_keeper *keeper = NULL;
  struct belfry_error error = {0};
  if (history_keeper_open(dir, options, clock, take_over, writer, &keeper, &error))
    fail_msg("the keeper does not open: %s", error.text);
  return keeper;
}

void keeping_steps(struct history_keeper *keeper, int most) {
  struct belfry_error error = {0};
  bool more = true;
  while (more && most-- > 0)
    if (history_keeper_step(keeper, &more, &error))
      fail_msg("the keeper fails: %s", error.text);
}

int keeping_all(struct history_keeper *keeper, struct belfry_error *error) {
  bool more = true;
  int status = BELFRY_OK;
  while (more && !status)
    status = history_keeper_step(keeper, &more, error);
  return status;
}
