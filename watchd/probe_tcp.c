/*
 * The probe `tcp`: somebody accepts connections on a port.
 */
#include "watchd/probe_connect.h"

#include <stdio.h>

static void judge(struct probe_curl *probe, struct probe_result *result) {
  double seconds = 0;
  curl_easy_getinfo(probe->fetch.easy, CURLINFO_CONNECT_TIME, &seconds);
  result->latency_ms = seconds * 1000;
  snprintf(result->message, sizeof result->message, "connected");
}

int probe_tcp_start(const struct probe_tools *tools, const struct probe_target *target,
                    probe_done_fn on_done, void *arg, struct probe **out,
                    struct belfry_error *error) {
  return probe_connect_start("http://", tools, target, judge, on_done, arg, out, error);
}
