/*
 * How many tasks ran or waited to run on average over 1, 5 and 15 minutes, from /proc/loadavg
 * (proc(5)).
 */
#include "watchd/host_subject.h"

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)state;
  (void)now_us;
  static const char *const metrics[] = {"host_load1", "host_load5", "host_load15"};
  struct slice word;
  for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
    double value;
    if (!host_next_word(&text, &word) || !slice_to_double(word, &value) ||
        !(value >= 0 && value < 1e9))
      return;
    host_put(sink, metrics[i], value);
  }
}

const struct host_subject host_load = {"/proc/loadavg", 1, take, false};
