/*
 * How long the host has been up, from /proc/uptime (proc(5)).
 */
#include "watchd/host_subject.h"

#include <stdlib.h>

static void take(void *state, struct slice text, int64_t now_us, const struct host_sink *sink) {
  (void)state;
  (void)now_us;
  struct slice word;
  char number[32], *end;
  if (!host_next_word(&text, &word) || word.len >= sizeof number)
    return;
  memcpy(number, word.data, word.len);
  number[word.len] = '\0';
  double value = strtod(number, &end);
  if (end != number && *end == '\0' && value >= 0 && value < 1e12)
    host_put(sink, "host_uptime_seconds", value);
}

const struct host_subject host_uptime = {"/proc/uptime", 1, take, false};
