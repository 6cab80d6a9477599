/*
 * How long the host has been up, from /proc/uptime (proc(5)).
 */
#include "watchd/host_subject.h"

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)state;
  (void)now_us;
  struct slice word;
  double value;
  if (host_next_word(&text, &word) && slice_to_double(word, &value) && value >= 0 && value < 1e12)
    host_put(sink, "host_uptime_seconds", value);
}

const struct host_subject host_uptime = {"/proc/uptime", 1, take, false};
